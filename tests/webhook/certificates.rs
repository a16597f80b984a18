//! Certificates from files, replaced while the server runs.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::CertificateDer;

use crate::client::Client;
use crate::load::{Load, made};
use crate::program::{Folder, Program};

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
