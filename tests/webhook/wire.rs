//! Clients that misbehave, over real sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::client::Client;
use crate::load::{SOON, assert_denied, made, review, self_signed};
use crate::reviews::{creation, istiod};

/// Shorter than a person would set it, and longer than an honest handshake takes where every core is
/// busy.
const PATIENCE: Duration = Duration::from_secs(2);
const PATIENT: [&str; 2] = ["--client-timeout", "2s"];

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
    let (_program, client) = self_signed(&PATIENT);
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
    assert!(started.elapsed() >= PATIENCE);

    // Longer at rest than any request may take, as connections of an API server are.
    assert_denied(&resting.post("/validate", review()).await.unwrap());
}

#[tokio::test]
async fn survives_what_is_no_tls() {
    let (program, client) = self_signed(&PATIENT);
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
    program.line(
        "a client refused the certificate: does the caBundle of the webhook configurations fit it?",
    );
}

#[tokio::test]
async fn no_review_waits_for_who_reads_the_log() {
    let (program, client) = self_signed(&[]);
    let mut connection = client.connect().await.unwrap();
    let mut wordy = creation(&istiod("30m"));
    for part in ["uid", "name", "namespace"] {
        wordy["request"][part] = "x".repeat(253).into();
    }
    let wordy = wordy.to_string();
    let unread = program.leaves_the_log();
    // More than is kept, and than fits into the pipe.
    for _ in 0..2_000 {
        let answer = connection.post("/validate", wordy.clone()).await.unwrap();
        assert_denied(&answer);
    }
    drop(unread);
    let told = program.line("log lines were lost: nobody reads them as fast");
    assert!(told["lost"].as_u64() > Some(0), "{told}");
}
