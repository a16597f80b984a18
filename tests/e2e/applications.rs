//! Argo CD's Applications: judged when what they say changes, left alone at each refresh.

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::{ControlPlane, wait_for};
use crate::webhook::Webhook;
use crate::world::World;

tests! {
    KUBERNETES =>
        an_application_is_judged_by_what_it_installs,
        a_refresh_is_not_asked_about;
}

const APPLY: [&str; 3] = ["apply", "-f", "-"];

/// As Argo CD has it: the status is a part of the object.
fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "applications.argoproj.io"},
        "spec": {
            "group": "argoproj.io",
            "scope": "Namespaced",
            "names": {"plural": "applications", "singular": "application", "kind": "Application"},
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": true,
                }},
            }],
        },
    })
}

fn application(name: &str, age: &str) -> String {
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"source": {
            "repoURL": "https://blob.istio.io/istio-release/charts",
            "chart": "istiod",
            "targetRevision": "1.31.1",
            "helm": {"values": format!("pilot:\n  keepaliveMaxServerConnectionAge: {age}\n")},
        }},
    });
    object.to_string()
}

fn plane_with_applications(world: &World) -> &ControlPlane {
    let plane = world.control_plane();
    let kubectl = &plane.kubectl;
    kubectl.pipe(&APPLY, &definition().to_string()).ok();
    wait_for("applications", || {
        let found = kubectl.run(&["get", "applications"]);
        (found.code == 0).then_some(())
    });
    plane
}

fn an_application_is_judged_by_what_it_installs(world: &World) {
    let plane = plane_with_applications(world);
    let _webhook = Webhook::install(plane, &[]);
    let said = plane.kubectl.pipe(&APPLY, &application("bad", "30m"));
    assert!(
        said.refused().contains("keepalive-age-too-long"),
        "{said:?}"
    );
    plane.kubectl.pipe(&APPLY, &application("good", "10m")).ok();
}

fn a_refresh_is_not_asked_about(world: &World) {
    let plane = plane_with_applications(world);
    let webhook = Webhook::install(plane, &[]);
    plane
        .kubectl
        .pipe(&APPLY, &application("refreshed", "10m"))
        .ok();
    let patch = |change: &Value| {
        let change = change.to_string();
        let words = [
            "patch",
            "application",
            "refreshed",
            "--type=merge",
            "-p",
            &change,
        ];
        plane.kubectl.must(&words);
    };
    let before = webhook.reviews();
    patch(&json!({"status": {"sync": "Synced"}}));
    patch(&json!({"metadata": {"labels": {"a": "b"}}}));
    assert_eq!(webhook.reviews(), before);
    patch(&json!({"metadata": {"annotations": {"a": "b"}}}));
    assert_eq!(webhook.reviews(), before + 1);
    patch(&json!({"spec": {"project": "mesh"}}));
    assert_eq!(webhook.reviews(), before + 2);
}
