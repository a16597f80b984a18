//! The program's start and end.

use std::fs;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::load::{Load, SOON, assert_denied, made, review, self_signed};
use crate::program::{Folder, Made, Program, command, run};

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

/// What is wrong with a start, the exit code, and what is said.
fn wrong_starts(dir: &str) -> Vec<(Vec<&str>, i32, &'static str)> {
    vec![
        (
            vec![],
            2,
            "one of --tls, --cert-dir and --self-signed is needed",
        ),
        (
            vec!["--cert-dir", dir, "--self-signed"],
            2,
            "different sources of the certificate",
        ),
        (
            vec!["--cert-dir", dir, "--ca-out", "x"],
            2,
            "--tls=self-signed only",
        ),
        (vec!["--tls", "files"], 2, "--tls=files needs --cert-dir"),
        (
            vec!["--tls", "self-managed", "--cert-dir", dir],
            2,
            "different sources of the certificate",
        ),
        (
            vec!["--tls", "self-managed", "--cert-life", "4000h"],
            2,
            "--ca-life is shorter than three times --cert-life",
        ),
        (
            vec!["--tls", "self-managed", "--cert-life", "1s"],
            2,
            "not between 5s and 20 years",
        ),
        (
            vec!["--tls", "self-managed", "--cert-names", "a.b,c d"],
            2,
            "neither a DNS name nor an address",
        ),
        (
            vec!["--tls", "none"],
            2,
            "[possible values: self-managed, files, self-signed]",
        ),
        (vec!["--cert-dir", dir], 2, "tls.crt: No such file"),
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
        (
            vec!["--self-signed", "--release-data", "/nowhere/releases.json"],
            2,
            "no release data: /nowhere/releases.json: No such file",
        ),
        (vec!["--self-signed", "--request-timeout", "5"], 2, "unit"),
        (
            vec!["--self-signed", "--policy", "/nowhere/meshcheck.yaml"],
            2,
            "policy /nowhere/meshcheck.yaml: No such file",
        ),
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
    ]
}

/// The same of traces.
fn wrong_starts_of_traces() -> Vec<(Vec<&'static str>, i32, &'static str)> {
    vec![
        (
            vec!["--self-signed", "--otlp-endpoint", "collector:4318"],
            2,
            "not an URL that begins with http:// or https://",
        ),
        (
            vec![
                "--self-signed",
                "--otlp-endpoint",
                "http://me:secret@collector",
            ],
            2,
            "credentials belong into OTEL_EXPORTER_OTLP_HEADERS",
        ),
        (
            vec!["--self-signed", "--otlp-endpoint", "http://collector?x"],
            2,
            "cannot have a query",
        ),
        (
            vec![
                "--self-signed",
                "--otlp-endpoint",
                "https://collector",
                "--otlp-ca",
                "/nowhere/ca.crt",
            ],
            2,
            "--otlp-ca=/nowhere/ca.crt: ",
        ),
        (
            vec!["--self-signed", "--otlp-sample-ratio", "2"],
            2,
            "not a number from 0 to 1",
        ),
    ]
}

#[test]
fn says_what_is_wrong_at_the_start() {
    let folder = Folder::new();
    let dir = folder.path().to_str().unwrap().to_owned();
    let wrong = wrong_starts(&dir).into_iter();
    for (args, code, part) in wrong.chain(wrong_starts_of_traces()) {
        let (exit, stderr) = run(&args);
        assert_eq!(exit, Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
    folder.mount_made(&Made {
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

#[tokio::test]
async fn judges_by_a_policy_as_a_volume_has_it() {
    let folder = Folder::new();
    // A ConfigMap volume: the name leads through a link to the folder that is current.
    let current = folder.path().join("..2026_11_22");
    fs::create_dir(&current).unwrap();
    let head = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";
    let ended = "ignores: [{rule: version-unknown, reason: a, until: 2020-01-31}]\n";
    let text = format!("{head}rules: {{keepalive-age-too-long: off}}\n{ended}");
    fs::write(current.join("meshcheck.yaml"), text).unwrap();
    let path = folder.path().join("meshcheck.yaml");
    std::os::unix::fs::symlink("..2026_11_22/meshcheck.yaml", &path).unwrap();
    let path = path.to_str().unwrap();

    let (program, client) = self_signed(&["--policy", path]);
    let mut connection = client.connect().await.unwrap();
    let answer = connection.post("/validate", review()).await.unwrap();
    assert!(answer.text.contains("\"allowed\":true"));
    let line = program.line("this entry of the policy ended and ignores nothing");
    assert_eq!(
        (line["entry"].as_str(), line["level"].as_str()),
        (Some("ignores[0]"), Some("WARN"))
    );
}

#[test]
fn does_not_start_with_a_policy_that_has_problems() {
    let folder = Folder::new();
    let path = folder.path().join("meshcheck.yaml");
    let head = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";
    fs::write(
        &path,
        format!("{head}kepalive: {{}}\nrules: {{nothing: off}}\n"),
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let (exit, stderr) = run(&["--self-signed", "--policy", path]);
    assert_eq!(exit, Some(2), "{stderr}");
    for part in [
        path,
        "line 3 column 1: the policy has no key `kepalive`, did you mean `keepalive`?; line 4 column 9: ",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn loses_no_request_when_it_is_stopped() {
    let (program, client) = self_signed(&["--shutdown-delay", "3s", "--request-timeout", "1m"]);
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
    load.answers(12).await;
    let partings = load.end().await;
    assert!(
        partings >= 12,
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
