//! The program over real sockets: certificates, signals, and clients that misbehave.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use meshcheck_webhook::tls::self_signed::{SelfSigned, issue};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Answer, Client};
use crate::program::{Folder, Program, command, run};
use crate::reviews::{creation, istiod};

const SOON: Duration = Duration::from_secs(10);

fn review() -> String {
    creation(&istiod("30m")).to_string()
}

fn made() -> SelfSigned {
    issue(&["localhost"]).expect("a certificate")
}

/// That an answer is the refusal of [`review`].
fn assert_denied(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.text).expect("a review");
    assert_eq!(body["response"]["allowed"], false, "{body}");
}

/// A program on its own certificate, and a client that trusts it.
fn self_signed(args: &[&str]) -> (Program, Client) {
    let folder = Folder::new();
    let ca = folder.path().join("ca.crt");
    let ca_out = ["--self-signed", "--ca-out", ca.to_str().expect("a path")];
    let program = Program::start(&[&ca_out, args].concat());
    let ca = fs::read_to_string(ca).expect("the CA");
    assert!(
        ca.starts_with("-----BEGIN CERTIFICATE") && !ca.contains("PRIVATE"),
        "{ca}"
    );
    let client = Client::new(program.address, &[&ca]);
    (program, client)
}

#[tokio::test]
async fn serves_a_certificate_of_its_own() {
    let (program, client) = self_signed(&[]);
    assert!(program.is_ready());
    for name in [
        "localhost",
        "127.0.0.1",
        "::1",
        "meshcheck-webhook.meshcheck-system.svc",
    ] {
        client.tls_as(name).await.expect(name);
    }
    client.tls_as("example.org").await.unwrap_err();
    let mut connection = client.connect().await.unwrap();
    for _ in 0..2 {
        assert_denied(&connection.post("/validate", review()).await.unwrap());
    }
    let line = program.line("checked");
    assert_eq!(line["kind"], "Deployment");
    assert_eq!(line["namespace"], "istio-system");
    assert_eq!(line["outcome"], "denied");
    assert_eq!(line["rules"], "keepalive-age-too-long");
    let log = program.log().join("\n");
    for secret in ["PRIVATE", "discovery", "30m"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn takes_every_option_from_the_environment() {
    let folder = Folder::new();
    let ca = folder.path().join("ca.crt");
    let mut command = command(&[]);
    command
        .env("MESHCHECK_SELF_SIGNED", "true")
        .env("MESHCHECK_CA_OUT", &ca)
        .env("MESHCHECK_LOG_LEVEL", "warn,meshcheck_webhook=info")
        .env("MESHCHECK_KUBERNETES_VERSION", "v1.33.4-gke.100");
    let program = Program::spawn(command);
    assert!(program.is_ready());
    assert!(
        fs::read_to_string(ca)
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
}

#[test]
fn says_what_is_wrong_at_the_start() {
    let folder = Folder::new();
    let dir = folder.path().to_str().unwrap().to_owned();
    for (args, code, part) in [
        (vec![], 2, "one of --cert-dir and --self-signed is needed"),
        (
            vec!["--cert-dir", &dir, "--self-signed"],
            2,
            "exclude each other",
        ),
        (
            vec!["--cert-dir", &dir, "--ca-out", "x"],
            2,
            "--self-signed only",
        ),
        (vec!["--cert-dir", &dir], 2, "tls.crt: No such file"),
        (
            vec!["--self-signed", "--ca-out", "/nowhere/ca.crt"],
            2,
            "/nowhere/ca.crt",
        ),
        (
            vec!["--self-signed", "--as-of", "tomorrow"],
            2,
            "not a date such as",
        ),
        (
            vec!["--self-signed", "--istio-version", "latest"],
            2,
            "not an Istio version",
        ),
        (
            vec!["--self-signed", "--kubernetes-version", "1"],
            2,
            "not a Kubernetes version",
        ),
        (vec!["--self-signed", "--request-timeout", "5"], 2, "unit"),
        (
            vec!["--self-signed", "--max-in-flight", "0"],
            2,
            "between 1 and",
        ),
        (
            vec!["--self-signed", "--listen", "192.0.2.1:1"],
            1,
            "cannot listen on 192.0.2.1:1",
        ),
    ] {
        let (exit, stderr) = run(&args);
        assert_eq!(exit, Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
    folder.mount_made(&SelfSigned {
        key: made().key,
        ..made()
    });
    let (exit, stderr) = run(&["--cert-dir", &dir]);
    assert_eq!(exit, Some(2), "{stderr}");
    assert!(
        stderr.contains("tls.crt and tls.key") && !stderr.contains("PRIVATE"),
        "{stderr}"
    );
}

#[test]
fn explains_itself() {
    let help = command(&["--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for part in [
        "Exit codes:",
        "MESHCHECK_LISTEN",
        "0.0.0.0:8443",
        "0.0.0.0:8080",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

/// Clients that ask without a pause, on connections that they renew now and then.
struct Load {
    tasks: JoinSet<usize>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Load {
    fn start(client: &Client) -> Self {
        let mut load = Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            done: Arc::default(),
        };
        for _ in 0..4 {
            let (client, stop, done) = (
                client.clone(),
                Arc::clone(&load.stop),
                Arc::clone(&load.done),
            );
            load.tasks.spawn(async move {
                let mut partings = 0;
                while !stop.load(Ordering::Relaxed) {
                    let mut connection = client.connect().await.expect("a connection");
                    for _ in 0..20 {
                        let answer = connection
                            .post("/validate", review())
                            .await
                            .expect("an answer");
                        assert_denied(&answer);
                        done.fetch_add(1, Ordering::Relaxed);
                        if answer.closes {
                            partings += 1;
                            break;
                        }
                    }
                }
                partings
            });
        }
        load
    }

    /// Waits for this many answers more.
    async fn answers(&self, count: usize) {
        let goal = self.done.load(Ordering::Relaxed) + count;
        let reach = async {
            while self.done.load(Ordering::Relaxed) < goal {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, reach).await.expect("answers in time");
    }

    /// Stops asking. Fails if a single request failed; tells how often a server said goodbye.
    async fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut partings = 0;
        while let Some(ended) = self.tasks.join_next().await {
            partings += ended.expect("no request failed");
        }
        partings
    }
}

async fn shown(client: &Client) -> CertificateDer<'static> {
    client.connect().await.expect("a connection").certificate
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_its_certificate_under_load() {
    let folder = Folder::new();
    let (one, two) = (made(), made());
    folder.mount_made(&one);
    let dir = folder.path().to_str().unwrap();
    let program = Program::start(&["--cert-dir", dir, "--cert-poll-interval", "50ms"]);
    let client = Client::new(program.address, &[&one.ca, &two.ca]);
    let load = Load::start(&client);
    load.answers(50).await;
    let before = shown(&client).await;

    folder.mount_made(&two);
    program.awaits("meshcheck_certificate_reloads_total{result=\"swapped\"} 1");
    assert_ne!(shown(&client).await, before);
    let only_new = Client::new(program.address, &[&two.ca]);
    only_new.connect().await.expect("the new certificate");
    load.answers(50).await;

    // A pair that does not fit together: said once, and the old one stays.
    folder.mount(&one.chain, &two.key);
    program.awaits("meshcheck_certificate_reloads_total{result=\"kept\"} 1");
    only_new.connect().await.expect("still the new certificate");
    // The way back is a change again.
    folder.mount_made(&one);
    program.awaits("meshcheck_certificate_reloads_total{result=\"swapped\"} 2");
    assert_eq!(shown(&client).await, before);
    load.answers(50).await;
    load.end().await;
    assert!(program.is_ready());
}

#[tokio::test]
async fn is_not_ready_with_an_expired_certificate() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 1, 1);
    let key = KeyPair::generate().unwrap();
    let expired = params.self_signed(&key).unwrap().pem();
    let folder = Folder::new();
    folder.mount(&expired, &key.serialize_pem());
    let dir = folder.path().to_str().unwrap();
    let program = Program::start(&["--cert-dir", dir, "--cert-poll-interval", "50ms"]);
    let ready = program.get("/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("certificate"),
        "{ready}"
    );
    assert!(program.get("/livez").starts_with("HTTP/1.1 200"));
    program.awaits("meshcheck_certificate_not_after_timestamp_seconds 1577836800");

    let good = made();
    folder.mount_made(&good);
    program.awaits("meshcheck_certificate_reloads_total{result=\"swapped\"} 1");
    assert!(program.is_ready());
    // An expired pair does not take the place of a good one.
    folder.mount(&expired, &key.serialize_pem());
    program.awaits("meshcheck_certificate_reloads_total{result=\"kept\"} 1");
    assert!(program.is_ready());
}

#[tokio::test(flavor = "multi_thread")]
async fn loses_no_request_when_it_is_stopped() {
    let (program, client) = self_signed(&["--shutdown-delay", "800ms", "--request-timeout", "10s"]);
    // A request that began before the end and is whole only after the server closed its door.
    let mut slow = client.tls().await.unwrap();
    let body = review();
    let head = format!(
        "POST /validate HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&body.as_bytes()[..100]).await.unwrap();
    slow.flush().await.unwrap();
    program.awaits("meshcheck_in_flight 1");
    let load = Load::start(&client);
    load.answers(50).await;

    program.signal("TERM");
    program.line("stopping: not ready, serving on");
    assert!(!program.is_ready());
    assert!(program.get("/livez").starts_with("HTTP/1.1 200"));
    // Clients come on until the endpoint is taken out everywhere.
    load.answers(50).await;
    let partings = load.end().await;
    assert!(
        partings >= 50,
        "every answer asks to go elsewhere: {partings}"
    );

    while client.connect().await.is_ok() {
        sleep(Duration::from_millis(20)).await;
    }
    slow.write_all(&body.as_bytes()[100..]).await.unwrap();
    let mut answer = String::new();
    timeout(SOON, slow.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"allowed\":false"),
        "{answer}"
    );
    assert_eq!(program.exit_code(), Some(0));
}

#[test]
fn ends_at_once_when_it_is_told_twice() {
    let (program, _) = self_signed(&["--shutdown-delay", "1m"]);
    program.signal("TERM");
    program.line("stopping: not ready, serving on");
    let told = Instant::now();
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(1));
    assert!(told.elapsed() < SOON);
}

#[test]
fn does_not_keep_a_person_waiting() {
    let (program, _) = self_signed(&["--shutdown-delay", "1m"]);
    program.signal("INT");
    assert_eq!(program.exit_code(), Some(0));
}

#[tokio::test]
async fn tells_a_body_that_is_too_large() {
    let (_program, client) = self_signed(&["--max-body-bytes", "1000000"]);
    let mut connection = client.connect().await.unwrap();
    let answer = connection
        .post("/validate", vec![b' '; 1_000_001])
        .await
        .unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.text.contains("limit of 1000000 bytes"), "{answer:?}");
    assert_denied(&connection.post("/validate", review()).await.unwrap());
}

#[tokio::test]
async fn turns_away_slow_requests_and_keeps_resting_connections() {
    let (_program, client) = self_signed(&["--client-timeout", "300ms"]);
    let mut resting = client.connect().await.unwrap();
    assert_denied(&resting.post("/validate", review()).await.unwrap());

    let mut slow = client.tls().await.unwrap();
    let started = Instant::now();
    let drip = async {
        for byte in b"POST /validate HTTP/1.1\r\nhost: localhost\r\nx: "
            .iter()
            .cycle()
        {
            if slow
                .write_all(&[*byte])
                .await
                .and(slow.flush().await)
                .is_err()
            {
                break;
            }
            // The end shows on reading at the latest.
            if let Ok(read) = timeout(Duration::from_millis(50), slow.read(&mut [0; 64])).await {
                assert!(!matches!(read, Ok(1..)), "an answer to half a request");
                break;
            }
        }
    };
    timeout(SOON, drip).await.expect("the server gives up");
    assert!(started.elapsed() >= Duration::from_millis(300));

    // Longer at rest than any request may take, as connections of an API server are.
    assert_denied(&resting.post("/validate", review()).await.unwrap());
    sleep(Duration::from_millis(700)).await;
    assert_denied(&resting.post("/validate", review()).await.unwrap());
}

#[tokio::test]
async fn survives_what_is_no_tls() {
    let (program, client) = self_signed(&["--client-timeout", "300ms"]);
    let say = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(program.address).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        stream.write_all(bytes).expect("a write");
        let mut answer = Vec::new();
        // The server may answer, close or reset; it must not keep the connection.
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("kept open"),
            _ => String::from_utf8_lossy(&answer).into_owned(),
        }
    };
    let plain = say(b"POST /validate HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(
        plain.starts_with("HTTP/1.1 400") && plain.ends_with("speaks https, not http"),
        "{plain}"
    );
    say(&[0; 600]);
    say(b"\x16\x03\x01\xff\xff");
    say(&(0..=255).cycle().take(5000).collect::<Vec<u8>>());
    say(b"");
    assert_denied(
        &client
            .connect()
            .await
            .unwrap()
            .post("/validate", review())
            .await
            .unwrap(),
    );
    for reason in ["plain_http", "tls", "timeout"] {
        program.awaits(&format!(
            "meshcheck_handshake_failures_total{{reason=\"{reason}\"}}"
        ));
    }

    // Somebody who does not trust the certificate is told about in the log.
    let stranger = Client::new(program.address, &[&made().ca]);
    stranger.connect().await.err().expect("no trust");
    program.awaits("meshcheck_handshake_failures_total{reason=\"alert\"} 1");
    assert!(program.log().join("\n").contains("does the caBundle"));
}
