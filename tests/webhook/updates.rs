//! What an update is held to.

use std::sync::Arc;
use std::time::Duration;

use meshcheck_rules::Mesh;
use meshcheck_webhook::judge::Updates;
use meshcheck_webhook::metrics::Metrics;
use meshcheck_webhook::watch;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::load::SOON;
use crate::reviews::{creation, istiod, patch, update};
use crate::server::{LIMITS, Server};
use crate::watches::Cluster;

fn of_version(version: &str, age: &str) -> Value {
    let mut istiod = istiod(age);
    istiod["metadata"]["uid"] = "d-1".into();
    istiod["metadata"]["namespace"] = "istio-system".into();
    let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
    container["image"] = format!("docker.io/istio/pilot:{version}").into();
    istiod
}

/// A revision of a Deployment, as its controller keeps it.
fn revision(of: &Value) -> Value {
    let metadata = &of["metadata"];
    let mut template = of["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = "5d4f".into();
    template["metadata"]["creationTimestamp"] = Value::Null;
    json!({
        "metadata": {
            "name": "web-5d4f", "namespace": metadata["namespace"], "uid": "r-1",
            "ownerReferences": [{"kind": "Deployment", "uid": metadata["uid"], "controller": true}],
        },
        "spec": {"template": template},
    })
}

/// A server that knows from its watches what ran before.
async fn knowing(old: &Value, new: &Value) -> Server {
    let judge = Arc::new(Server::judge(Updates::Changes));
    let cluster = Cluster::with("/apis/apps/v1/replicasets", vec![revision(old)]);
    let address = format!("http://{}", cluster.serve().await);
    let config = kube::Config::new(address.parse().expect("an address"));
    let client = kube::Client::try_from(config).expect("a client");
    watch::start(
        client,
        Mesh::default(),
        Arc::clone(&judge),
        &Metrics::default(),
    )
    .await;
    let is_known = async || {
        while judge.revisions().of(old, new).is_none() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, is_known()).await.expect("the revision");
    Server::with(judge, LIMITS)
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
    let back = update(&new, &old);
    let text = Server::new().rejects(&back).await;
    assert!(text.contains("version-unsupported"), "{text}");

    let server = knowing(&old, &new).await;
    let validated = server.ask("/validate", &back).await;
    assert_eq!(validated["allowed"], true, "{validated}");
    let told = "meshcheck version-unsupported (error, ran before as ReplicaSet/web-5d4f): ";
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
}

/// A workload with a proxy of its own, as a gateway is or what was injected by hand.
fn with_a_proxy(version: &str) -> Value {
    let labels = json!({"app": "web"});
    let proxy = json!({
        "name": "istio-proxy", "image": format!("docker.io/istio/proxyv2:{version}"),
        "args": ["proxy", "sidecar"],
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "w-1"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [proxy]}},
        },
    })
}

#[tokio::test]
async fn so_may_every_workload() {
    let (old, new) = (with_a_proxy("1.7.4"), with_a_proxy("1.31.1"));
    let back = update(&new, &old);
    let refused = Server::new().rejects(&back).await;
    assert!(refused.contains("version-unsupported"), "{refused}");
    let server = knowing(&old, &new).await;
    let validated = server.ask("/validate", &back).await;
    assert_eq!(validated["allowed"], true, "{validated}");
    server.rejects(&update(&new, &with_a_proxy("1.8.4"))).await;
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
