//! Objects that Argo CD or Flux compare with Git.

use std::path::Path;

use meshcheck_webhook::scope;
use serde_json::{Value, json};

use crate::corpus::objects;
use crate::ignores::server;
use crate::reviews::{creation, istiod, patch, patched, update};
use crate::server::Server;

/// An istiod of Argo CD's.
fn owned(age: &str) -> Value {
    let mut istiod = istiod(age);
    istiod["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] =
        "mesh:apps/Deployment:istio-system/istiod".into();
    istiod
}

/// The Pod that controllers make of an object.
fn pod_of(object: &Value) -> Value {
    let mut pod = object["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["generateName"] = "istiod-5d4f-".into();
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "istiod-5d4f", "uid": "1",
        "controller": true,
    }]);
    pod
}

fn warnings(response: &Value) -> Vec<&str> {
    let list = response["warnings"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// That the object stays as it is, and its Pod gets 10m.
async fn is_mended_at_its_pod(server: &Server, object: &Value) {
    let review = creation(object);
    let mutated = server.ask("/mutate", &review).await;
    assert_eq!(
        (patch(&mutated), warnings(&mutated)),
        (vec![], vec![]),
        "{mutated}"
    );
    let validated = server.ask("/validate", &review).await;
    assert_eq!(validated["allowed"], true, "{validated}");
    let told = "meshcheck keepalive-age-too-long (error, mended at its pods): ";
    assert!(warnings(&validated)[0].starts_with(told), "{validated}");
    let pod = pod_of(object);
    let mutated = server.ask("/mutate", &creation(&pod)).await;
    let mended = patched(&pod, &mutated);
    assert_eq!(mended["spec"]["containers"][0]["args"][2], "10m");
    server.accepts(&creation(&mended)).await;
}

#[tokio::test]
async fn what_argo_cd_owns_is_mended_on_its_pods() {
    let server = Server::new();
    is_mended_at_its_pod(&server, &owned("30m")).await;
    let metrics = server.metrics().await;
    let line = "meshcheck_excused_errors_total{rule=\"keepalive-age-too-long\",why=\"pod\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn what_nobody_compares_is_mended_itself() {
    let server = Server::new();
    let mutated = server.ask("/mutate", &creation(&istiod("30m"))).await;
    assert_eq!(patch(&mutated).len(), 1);
}

#[tokio::test]
async fn the_policy_may_choose() {
    let at_pods = server("webhook: {mutate: {at: pod}}\n");
    is_mended_at_its_pod(&at_pods, &istiod("30m")).await;
    let at_workloads = server("webhook: {mutate: {at: workload}}\n");
    let mutated = at_workloads.ask("/mutate", &creation(&owned("30m"))).await;
    assert_eq!(patch(&mutated).len(), 1);
}

/// Only what a Pod will get is let pass: the rest is refused as everywhere.
#[tokio::test]
async fn what_no_pod_can_get_is_refused() {
    let server = Server::new();
    let mut old = owned("30m");
    old["spec"]["template"]["spec"]["containers"][0]["image"] = "istio/pilot:1.7.4".into();
    let validated = server.ask("/validate", &creation(&old)).await;
    assert_eq!(validated["allowed"], false);
    let text = validated["status"]["message"].as_str().unwrap();
    assert!(text.contains("explain version-unsupported"), "{text}");
    assert!(!text.contains("keepalive"), "{text}");
    assert!(
        warnings(&validated)
            .iter()
            .any(|text| text.contains("keepalive-age-too-long (error, mended at its pods)")),
        "{validated}"
    );
}

/// Where Pods are not mended either, nothing is let pass for their sake.
#[tokio::test]
async fn a_mode_of_pods_counts_for_what_they_will_get() {
    let server = server("webhook: {modes: [{mode: warn, kind: Pod}]}\n");
    let text = server.rejects(&creation(&owned("30m"))).await;
    assert!(text.contains("keepalive-age-too-long"), "{text}");
}

#[tokio::test]
async fn an_installers_file_has_no_pods_and_is_judged_as_it_stands() {
    let server = Server::new();
    let mut operator = json!({
        "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator",
        "metadata": {"name": "mesh", "labels": {"kustomize.toolkit.fluxcd.io/name": "mesh"}},
        "spec": {"tag": "1.31.1", "components": {"pilot": {"k8s": {"replicaCount": 2}}}, "values": {
            "pilot": {"keepaliveMaxServerConnectionAge": "30m"},
        }},
    });
    let review = creation(&operator);
    let mutated = server.ask("/mutate", &review).await;
    assert_eq!(patch(&mutated), [] as [Value; 0]);
    let text = server.rejects(&review).await;
    assert!(text.contains("keepalive-age-too-long"), "{text}");
    assert!(
        warnings(&mutated)[0].starts_with("meshcheck advises for keepalive-age-too-long: "),
        "{mutated}"
    );
    operator["metadata"]["labels"] = Value::Null;
    let mutated = server.ask("/mutate", &creation(&operator)).await;
    assert_eq!(patch(&mutated).len(), 1, "{mutated}");
}

#[tokio::test]
async fn advice_changes_nothing_and_enforces() {
    let server = server("webhook: {mutate: {advise: true}}\n");
    let mutated = server.ask("/mutate", &creation(&istiod("30m"))).await;
    assert_eq!(patch(&mutated), [] as [Value; 0]);
    assert_eq!(
        warnings(&mutated)[0],
        "meshcheck advises for keepalive-age-too-long: set the connection age to 10m"
    );
    // A controller is not told what the one who applied the workload was told.
    let pod = pod_of(&istiod("30m"));
    let mutated = server.ask("/mutate", &creation(&pod)).await;
    assert_eq!((patch(&mutated), warnings(&mutated)), (vec![], vec![]));
    assert!(mutated["auditAnnotations"]["advice.keepalive-age-too-long"].is_string());
    let text = server.rejects(&creation(&istiod("30m"))).await;
    assert!(
        text.contains("fix: set the connection age to 10m"),
        "{text}"
    );
}

/// An owned object that changes is held to what it brings, as every other.
#[tokio::test]
async fn an_update_of_an_owned_object_may_bring_what_its_pods_get() {
    let server = Server::new();
    let validated = server
        .ask("/validate", &update(&owned("10m"), &owned("30m")))
        .await;
    assert_eq!(validated["allowed"], true, "{validated}");
}

/// What is accepted once the workload is mended is accepted where its Pods are, over all that people
/// apply.
#[tokio::test]
async fn pods_get_what_workloads_would() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let at_workloads = server("webhook: {mutate: {at: workload}}\n");
    let at_pods = server("webhook: {mutate: {at: pod}}\n");
    let (mut mended, mut told) = (0, 0);
    for (path, object) in objects(&fixtures) {
        if !scope::has_pods(&object) {
            continue;
        }
        let review = creation(&object);
        let mutated = at_workloads.ask("/mutate", &review).await;
        if patch(&mutated).is_empty() {
            continue;
        }
        mended += 1;
        let better = creation(&patched(&object, &mutated));
        let accepted = at_workloads.ask("/validate", &better).await["allowed"] == true;
        let left = at_pods.ask("/mutate", &review).await;
        assert_eq!(patch(&left), [] as [Value; 0], "{}", path.display());
        let validated = at_pods.ask("/validate", &review).await;
        assert_eq!(
            validated["allowed"],
            accepted,
            "{}: {validated}",
            path.display()
        );
        let is_mended = |text: &&str| text.contains("mended at its pods");
        told += usize::from(warnings(&validated).iter().any(is_mended));
    }
    assert!(mended > 10 && told > 5, "{told} of {mended}");
}
