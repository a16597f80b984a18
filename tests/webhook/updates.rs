//! What an update is held to.

use serde_json::{Value, json};

use crate::reviews::{creation, istiod, patch, update};
use crate::server::{LIMITS, Server};
use meshcheck_webhook::judge::Updates;

fn of_version(version: &str, age: &str) -> Value {
    let mut istiod = istiod(age);
    istiod["metadata"]["uid"] = "d-1".into();
    let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
    container["image"] = format!("docker.io/istio/pilot:{version}").into();
    istiod
}

/// A revision of a Deployment, as its controller keeps it.
fn revision(of: &Value, owner: &str) -> Value {
    let mut template = of["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = "5d4f".into();
    template["metadata"]["creationTimestamp"] = Value::Null;
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": "istiod-5d4f", "namespace": "istio-system",
            "ownerReferences": [{"kind": "Deployment", "name": "istiod", "uid": owner, "controller": true}],
        },
        "spec": {"template": template},
    })
}

fn warnings(response: &Value) -> Vec<&str> {
    let list = response["warnings"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[tokio::test]
async fn istiod_may_go_back_to_what_ran_before() {
    let (old, new) = (of_version("1.27.9", "30m"), of_version("1.31.1", "10m"));
    let judge = Server::judge(Updates::Changes);
    let revisions = judge.revisions();
    let server = Server::with(judge, LIMITS);
    let back = update(&new, &old);
    let text = server.rejects(&back).await;
    assert!(text.contains("version-unsupported"), "{text}");

    revisions.put(&revision(&old, "d-2"));
    server.rejects(&back).await;
    revisions.put(&revision(&old, "d-1"));
    let validated = server.ask("/validate", &back).await;
    assert_eq!(validated["allowed"], true, "{validated}");
    let told = "meshcheck version-unsupported (error, ran before as ReplicaSet/istiod-5d4f): ";
    assert!(
        warnings(&validated)
            .iter()
            .any(|text| text.starts_with(told)),
        "{validated}"
    );
    let mutated = server.ask("/mutate", &back).await;
    assert_eq!(patch(&mutated), [] as [Value; 0], "it runs as it ran");
    let metrics = server.metrics().await;
    let line = "meshcheck_excused_errors_total{rule=\"version-unsupported\",why=\"rollback\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");

    // Neither another template, nor a new object, is a way back.
    server
        .rejects(&update(&new, &of_version("1.27.8", "30m")))
        .await;
    server.rejects(&creation(&old)).await;
    revisions.remove(&revision(&old, "d-1"));
    server.rejects(&back).await;
}

#[tokio::test]
async fn an_old_version_may_become_less_old_and_never_older() {
    let server = Server::new();
    let old = of_version("1.27.9", "10m");
    let newer = server
        .ask("/validate", &update(&old, &of_version("1.28.5", "10m")))
        .await;
    assert_eq!(newer["allowed"], true, "{newer}");
    let text = server
        .rejects(&update(&old, &of_version("1.26.8", "10m")))
        .await;
    assert!(text.contains("version-unsupported"), "{text}");
}

#[tokio::test]
async fn what_does_not_touch_the_error_is_never_refused() {
    let server = Server::new();
    let old = of_version("1.27.9", "10m");
    let change = |pointer: &str, value: Value| {
        let mut new = old.clone();
        *new.pointer_mut(pointer).expect("a field") = value;
        new
    };
    for new in [
        change("/spec/replicas", json!(5)),
        change("/metadata/labels", json!({"app": "istiod", "team": "mesh"})),
        change(
            "/spec/template/metadata/labels",
            json!({"app": "istiod", "release": "b"}),
        ),
        change("/spec/template/spec/containers/0/ports", json!([])),
        change(
            "/spec/template/spec/containers/0/args",
            json!([
                "discovery",
                "--log_output_level=info",
                "--keepaliveMaxServerConnectionAge",
                "10m"
            ]),
        ),
    ] {
        let answer = server.ask("/validate", &update(&old, &new)).await;
        assert_eq!(answer["allowed"], true, "{answer}");
        let told = "meshcheck version-unsupported (error, was there before): ";
        assert!(warnings(&answer)[0].starts_with(told), "{answer}");
    }
}
