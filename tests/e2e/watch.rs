//! The mesh as the webhook learns it from the cluster: with the account and the permissions of the
//! manifests, and nothing beyond them.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::certificates::kubeconfig;
use crate::control_plane::{ControlPlane, wait_for};
use crate::kubectl::Said;
use crate::webhook::{Webhook, rendered};
use crate::world::World;

tests! {
    KUBERNETES =>
        a_label_of_a_namespace_decides_at_once;
}

/// The account of the webhook, and what it may read.
struct Account<'c> {
    plane: &'c ControlPlane,
    kubeconfig: PathBuf,
}

impl<'c> Account<'c> {
    fn new(plane: &'c ControlPlane) -> Self {
        let mut objects = rendered(&plane.kubectl, "base");
        objects.retain(is_of_account);
        assert_eq!(objects.len(), 4);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let apply = ["apply", "--server-side", "-f", "-"];
        plane.kubectl.pipe(&apply, &list.to_string()).silently();
        Self {
            plane,
            kubeconfig: kubeconfig(plane),
        }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        for name in [
            "clusterrolebinding/meshcheck-webhook-mesh",
            "clusterrole/meshcheck-webhook-mesh",
            "namespace/meshcheck-system",
        ] {
            self.plane
                .kubectl
                .run(&["delete", "--ignore-not-found", name]);
        }
    }
}

fn is_of_account(object: &Value) -> bool {
    let name = object["metadata"]["name"].as_str();
    let is_mesh = name == Some("meshcheck-webhook-mesh");
    is_mesh || object["kind"] == "ServiceAccount" || object["kind"] == "Namespace"
}

/// An istiod of this version, which nobody runs.
fn istiod(plane: &ControlPlane, version: &str) -> Said {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": {"app": "istiod"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "istiod"}},
            "template": {
                "metadata": {"labels": {"app": "istiod"}},
                "spec": {"containers": [{
                    "name": "discovery", "image": format!("docker.io/istio/pilot:{version}"),
                    "args": ["discovery", "--keepaliveMaxServerConnectionAge", "10m"],
                }]},
            },
        },
    });
    let apply = ["apply", "--server-side", "-f", "-"];
    plane.kubectl.pipe(&apply, &object.to_string())
}

/// What is said of a workload, which is not stored.
fn workload(plane: &ControlPlane, namespace: &str) -> Said {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
            },
        },
    });
    let create = ["create", "--dry-run=server", "-f", "-"];
    plane.kubectl.pipe(&create, &object.to_string())
}

fn is_gated(said: &Said) -> bool {
    let mut warnings = said.warnings().into_iter();
    warnings.any(|text| text.starts_with("meshcheck fixed sidecar-start-not-gated"))
}

/// Without a label: not everybody uses the charts.
fn mesh_config(plane: &ControlPlane, mesh: &str) {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": mesh},
    });
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl.pipe(&apply, &object.to_string()).ok();
}

fn a_label_of_a_namespace_decides_at_once(world: &World) {
    let plane = world.control_plane();
    plane.namespace("istio-system", &json!({}));
    plane.namespace("watched", &json!({}));
    istiod(plane, "1.26.0").ok();
    mesh_config(plane, "defaultConfig: {}");
    let account = Account::new(plane);
    let webhook = Webhook::install_watching(plane, &account.kubeconfig, &[]);
    webhook
        .program
        .awaits("meshcheck_watch_synced{resource=\"namespaces\"} 1");
    webhook
        .program
        .awaits("meshcheck_watch_synced{resource=\"deployments\"} 1");
    assert!(!is_gated(&workload(plane, "watched")));
    plane.namespace("watched", &json!({"istio-injection": "enabled"}));
    wait_for("the label", || {
        is_gated(&workload(plane, "watched")).then_some(())
    });
    plane.namespace("watched", &json!({"istio-injection": "disabled"}));
    wait_for("the other", || {
        (!is_gated(&workload(plane, "watched"))).then_some(())
    });
}
