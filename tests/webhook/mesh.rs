//! What is known of the mesh: from options, from a cluster, from a recording.

use std::fs;

use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::mesh::{Cluster, Settings};
use meshcheck_rules::{Mesh, Object, Source};
use meshcheck_webhook::judge::Updates;
use serde_json::{Value, json};

use crate::load::self_signed;
use crate::program::{Folder, run};
use crate::reviews::{creation, istiod, patch, update};
use crate::server::{LIMITS, Server};

/// A mesh with an istiod that makes no native sidecars, in whose namespace `istio-system` Pods are
/// injected; by `source`.
fn injecting(mesh: &mut Mesh) {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "istio-system", "labels": {"istio-injection": "enabled"}},
    });
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": "{}"},
    });
    let mut plane = istiod("10m");
    let container = &mut plane["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{"name": "ENABLE_NATIVE_SIDECARS", "value": "false"}]);
    for object in [namespace, config, plane] {
        learn(mesh, &object);
    }
}

fn learn(mesh: &mut Mesh, object: &Value) {
    for object in Object::all(object) {
        let title = object.title().into();
        mesh.learn(&object, &Source::Cluster { title });
    }
}

fn shop() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
            },
        },
    })
}

#[tokio::test]
async fn a_recording_is_what_is_known_where_nothing_is_watched() {
    let folder = Folder::new();
    let file = folder.path().join("mesh.json");
    let mut mesh = Mesh::default();
    injecting(&mut mesh);
    fs::write(&file, mesh.record()).expect("a file");
    let (_program, client) = self_signed(&["--mesh", file.to_str().expect("text")]);
    let mut connection = client.connect().await.expect("a connection");
    let answer = connection.post("/mutate", creation(&shop()).to_string());
    let answer: Value = serde_json::from_str(&answer.await.expect("an answer").text).expect("JSON");
    let patch = patch(&answer["response"]);
    assert!(patch[0].to_string().contains("proxy.istio.io"), "{patch:?}");
}

#[test]
fn a_recording_that_cannot_be_used_stops_the_start() {
    let folder = Folder::new();
    let file = folder.path().join("mesh.json");
    for (text, told) in [
        ("{", "mesh.json line 1 column 1: it is no JSON"),
        ("{}", "mesh.json: it is no recording of a mesh"),
        (
            r#"{"format": "meshcheck-mesh", "version": 1, "nodes": [{}]}"#,
            "mesh.json line 1 column 55: it cannot be read",
        ),
    ] {
        fs::write(&file, text).expect("a file");
        let (exit, stderr) = run(&["--self-signed", "--mesh", file.to_str().expect("text")]);
        assert_eq!(exit, Some(2), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[test]
fn nothing_can_be_watched_without_a_cluster() {
    let (exit, stderr) = run(&["--self-signed", "--watch"]);
    assert_eq!(exit, Some(2), "{stderr}");
    assert!(stderr.contains("no API server to ask"), "{stderr}");
}

/// The message of a refusal of an istiod that Kubernetes decides about.
async fn told(kubernetes: Option<u32>, watched: Option<u32>, recorded: Option<u32>) -> String {
    let settings = |minor: Option<u32>| Settings {
        kubernetes: minor.map(KubernetesVersion::one),
        istio: None,
    };
    let mut mesh = Mesh::new(settings(kubernetes));
    let recording = Mesh::new(settings(recorded)).record();
    mesh.recall(&recording, &"mesh.json".into())
        .expect("a recording");
    mesh.set_cluster(Cluster {
        kubernetes: watched.map(KubernetesVersion::one),
        knows_redundancy: false,
    });
    let judge = Server::judge(Updates::Changes);
    judge.replace_mesh(mesh);
    let mut old = istiod("10m");
    let container = &mut old["spec"]["template"]["spec"]["containers"][0];
    container["image"] = "docker.io/istio/pilot:1.7.4".into();
    Server::with(judge, LIMITS).rejects(&creation(&old)).await
}

#[tokio::test]
async fn an_option_is_stronger_than_the_cluster_and_that_than_a_recording() {
    let cannot = |minor: u32| format!("istiod 1.7.4 cannot run on Kubernetes 1.{minor}");
    for (option, watched, recorded, minor) in [
        (Some(22), Some(23), Some(24), 22),
        (None, Some(23), Some(24), 23),
        (None, None, Some(24), 24),
    ] {
        let told = told(option, watched, recorded).await;
        assert!(told.contains(&cannot(minor)), "{minor}: {told}");
    }
}

/// Installers bring the autoscaler behind the Deployment.
#[tokio::test]
async fn what_is_missing_around_an_istiod_is_told_when_it_is_stored() {
    let mut mesh = Mesh::default();
    injecting(&mut mesh);
    mesh.set_cluster(Cluster {
        kubernetes: None,
        knows_redundancy: true,
    });
    let judge = Server::judge(Updates::Changes);
    judge.replace_mesh(mesh);
    let server = Server::with(judge, LIMITS);
    let new = istiod("10m");
    let warnings = |response: Value| response["warnings"].to_string();
    let created = server.ask("/validate", &creation(&new)).await;
    assert_eq!(warnings(created), "null");

    let mut stored = new.clone();
    stored["metadata"]["resourceVersion"] = "7".into();
    let updated = server.ask("/validate", &update(&stored, &stored)).await;
    let told = warnings(updated);
    assert!(told.contains("no PodDisruptionBudget selects"), "{told}");
}

/// A new revision comes beside what runs.
#[tokio::test]
async fn an_istiod_that_comes_is_held_against_those_that_run() {
    let mut mesh = Mesh::default();
    let version = |version: &str| {
        let mut istiod = istiod("10m");
        let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
        container["image"] = format!("docker.io/istio/pilot:{version}").into();
        istiod
    };
    learn(&mut mesh, &version("1.28.3"));
    let judge = Server::judge(Updates::Changes);
    judge.replace_mesh(mesh);
    let server = Server::with(judge, LIMITS);
    let beside = |number: &str| {
        let mut istiod = version(number);
        istiod["metadata"]["name"] = "istiod-other".into();
        istiod["metadata"]["labels"]["istio.io/rev"] = "other".into();
        creation(&istiod)
    };
    let told = server.rejects(&beside("1.31.1")).await;
    assert!(
        told.contains("istiod 1.31.1 comes beside 1.28.3, 3 minors apart"),
        "{told}"
    );
    let answer = server.ask("/validate", &beside("1.30.5")).await;
    assert!(!answer.to_string().contains("minors"), "{answer}");
}
