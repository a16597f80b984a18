//! A release table from a file, replaced while the server runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::Client;
use crate::load::self_signed;
use crate::program::{Folder, run};
use crate::reviews::creation;

const TABLE: &str = include_str!("../../rules/data/istio-releases.json");

/// Puts a file in place at once: a reader sees the old one or the new one.
fn put(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, text).expect("a file");
    fs::rename(beside, file).expect("a swap");
}

/// Whether a pod of 1.30.5 is refused.
async fn is_denied(client: &Client) -> bool {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"containers": [{
            "name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.30.5",
            "args": ["proxy", "sidecar"],
            "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}},
        }]},
    });
    let mut connection = client.connect().await.expect("a connection");
    let answer = connection
        .post("/validate", creation(&pod).to_string())
        .await;
    let answer: Value = serde_json::from_str(&answer.expect("an answer").text).expect("a review");
    answer["response"]["allowed"] == json!(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_is_used_without_a_restart() {
    let folder = Folder::new();
    let file = folder.path().join("releases.json");
    put(&file, TABLE);
    let path = file.to_str().unwrap();
    let (program, client) = self_signed(&["--release-data", path, "--cert-poll-interval", "50ms"]);
    program.awaits("meshcheck_release_data_as_of_timestamp_seconds 1790812800");
    assert!(!is_denied(&client).await);

    // 1.30 has ended earlier than was thought.
    let ended = TABLE.replacen("2026-12-31", "2026-11-01", 1);
    let ended = ended.replacen("\"asOf\": \"2026-10-01\"", "\"asOf\": \"2026-06-01\"", 1);
    put(&file, &ended);
    program.awaits("meshcheck_release_data_reloads_total{result=\"swapped\"} 1");
    program.awaits("meshcheck_release_data_as_of_timestamp_seconds 1780272000");
    assert!(is_denied(&client).await);
    let stale = program.line(
        "the release table is of 2026-06-01, 174 days before 2026-11-22, where 120 are the most: newer \
         releases, ends of support and bulletins are not in it",
    );
    assert_eq!(stale["rule"], "release-data-stale");

    // One that cannot be used is said once, and the old one stays.
    put(&file, &ended.replacen("2018-07-31", "soon", 1));
    program.awaits("meshcheck_release_data_reloads_total{result=\"kept\"} 1");
    program.line("the new release table cannot be used, keeping the old one");
    assert!(is_denied(&client).await);
}

#[test]
fn a_table_that_cannot_be_used_stops_the_start() {
    let folder = Folder::new();
    let file = folder.path().join("releases.json");
    put(&file, &TABLE.replacen("2018-07-31", "soon", 1));
    let (exit, stderr) = run(&["--self-signed", "--release-data", file.to_str().unwrap()]);
    assert_eq!(exit, Some(2), "{stderr}");
    let said =
        "releases.json: line 9, column 38: release 1.0, patch 1.0.0, `released`: expected a date";
    assert!(stderr.contains(said), "{stderr}");
}
