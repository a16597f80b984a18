//! A policy from a ConfigMap volume, replaced while the server runs.

use std::fs;

use serde_json::{Value, json};

use crate::client::Client;
use crate::load::self_signed;
use crate::program::{Folder, run};
use crate::reviews::{creation, istiod};

const HEAD: &str = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";
const FILE: &str = "meshcheck.yaml";

fn mount(folder: &Folder, policy: &str) {
    folder.mount_files(&[(FILE, &format!("{HEAD}{policy}"))]);
}

/// The answer to an istiod with streams of 30m.
async fn answer(client: &Client) -> Value {
    let mut connection = client.connect().await.expect("a connection");
    let review = creation(&istiod("30m")).to_string();
    let answer = connection.post("/validate", review).await;
    let mut answer: Value =
        serde_json::from_str(&answer.expect("an answer").text).expect("a review");
    answer["response"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_holds_without_a_restart_and_a_bad_one_never() {
    let folder = Folder::new();
    mount(&folder, "webhook: {mode: warn}\n");
    let path = folder.path().join(FILE);
    let path = path.to_str().expect("a path");
    let (program, client) = self_signed(&["--policy", path, "--cert-poll-interval", "50ms"]);
    program.awaits("meshcheck_policy_last_reload_successful 1\n");
    let first = answer(&client).await;
    assert_eq!(first["allowed"], true, "{first}");
    let told = first["warnings"][0].as_str().expect("a warning");
    assert!(
        told.starts_with("meshcheck keepalive-age-too-long (error, not enforced): "),
        "{told}"
    );
    let hash = |program: &crate::program::Program| {
        let metrics = program.get("/metrics");
        let mut lines = metrics.lines();
        let line = lines.find(|line| line.starts_with("meshcheck_policy_hash "));
        line.expect("a series").to_owned()
    };
    let before = hash(&program);

    mount(&folder, "webhook: {mode: enforce}\n");
    program.awaits("meshcheck_policy_reloads_total{result=\"swapped\"} 1\n");
    assert_eq!(answer(&client).await["allowed"], false);
    let after = hash(&program);
    assert_ne!(before, after);

    // One with problems is said once, with all of them and their places, and the old one stays.
    mount(&folder, "webhook: {mode: warm}\nkepalive: {}\n");
    program.awaits("meshcheck_policy_reloads_total{result=\"kept\"} 1\n");
    program.awaits("meshcheck_policy_last_reload_successful 0\n");
    let said = program.line("the new policy cannot be used, keeping the old one");
    let error = said["error"].as_str().expect("why");
    for part in [
        "line 3 column 11: `webhook.mode` is `warm`: expected `enforce`, `warn`, `audit`, `off`; ",
        "line 4 column 1: the policy has no key `kepalive`, did you mean `keepalive`?",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(answer(&client).await["allowed"], false);
    assert_eq!(hash(&program), after, "of the policy in use");

    mount(
        &folder,
        "webhook:\n  modes: [{mode: off, rule: keepalive-age-too-long}]\n",
    );
    program.awaits("meshcheck_policy_reloads_total{result=\"swapped\"} 2\n");
    program.awaits("meshcheck_policy_last_reload_successful 1\n");
    let free = answer(&client).await;
    assert_eq!(free["allowed"], json!(true));
    assert_eq!(free["warnings"], Value::Null);
    let count = |text: &str| {
        program
            .log()
            .iter()
            .filter(|line| line.contains(text))
            .count()
    };
    assert_eq!(count("the new policy cannot be used"), 1);
}

#[test]
fn a_policy_with_problems_stops_the_start() {
    let folder = Folder::new();
    let file = folder.path().join(FILE);
    fs::write(
        &file,
        format!("{HEAD}webhook: {{modes: [{{mode: warn}}]}}\n"),
    )
    .expect("a file");
    let (exit, stderr) = run(&["--self-signed", "--policy", file.to_str().expect("a path")]);
    assert_eq!(exit, Some(2), "{stderr}");
    let said = "line 3 column 19: an entry of `webhook.modes` for all rules and objects: that is \
                `webhook.mode`";
    assert!(stderr.contains(said), "{stderr}");
}
