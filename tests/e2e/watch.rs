//! The mesh as the webhook learns it from the cluster: with the account and the permissions of the
//! manifests, and nothing beyond them.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::certificates::kubeconfig;
use crate::control_plane::{ControlPlane, wait_for};
use crate::kubectl::Said;
use crate::program::Program;
use crate::reviews;
use crate::webhook::{MUTATING, VALIDATING, Webhook, rendered};
use crate::world::World;

tests! {
    KUBERNETES =>
        labels_and_the_mesh_config_decide_at_once,
        the_nodes_decide_about_native_sidecars,
        an_istiod_of_a_new_revision_is_held_against_what_runs,
        an_autoscaler_is_seen_and_so_is_that_there_is_none,
        what_may_not_be_read_is_told_and_the_rest_is_known,
        an_object_that_comes_has_no_version_yet;
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
pub(crate) fn istiod(name: &str, version: &str) -> Value {
    let mut istiod = reviews::istiod("10m");
    istiod["metadata"]["name"] = name.into();
    istiod["metadata"]["namespace"] = "istio-system".into();
    let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
    container["image"] = format!("docker.io/istio/pilot:{version}").into();
    if let Some(revision) = name.strip_prefix("istiod-") {
        let environment = json!([{"name": "REVISION", "value": revision}]);
        container["env"] = environment;
    }
    istiod
}

pub(crate) fn apply(plane: &ControlPlane, object: &Value) -> Said {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl.pipe(&apply, &object.to_string())
}

/// Without a label: not everybody uses the charts.
pub(crate) fn mesh_config(mesh: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": mesh},
    })
}

pub(crate) fn shop(namespace: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
            },
        },
    })
}

/// Whether a workload that is not stored is made to wait for its proxy.
fn is_gated(plane: &ControlPlane, namespace: &str) -> bool {
    let create = ["create", "--dry-run=server", "-f", "-"];
    let said = plane.kubectl.pipe(&create, &shop(namespace).to_string());
    assert_eq!(said.code, 0, "{said:?}");
    let mut warnings = said.warnings().into_iter();
    warnings.any(|text| text.starts_with("meshcheck fixed sidecar-start-not-gated"))
}

/// A mesh of one istiod, and the webhook that knows it from its watches.
struct Watched<'c> {
    plane: &'c ControlPlane,
    webhook: Webhook<'c>,
    _account: Account<'c>,
}

impl<'c> Watched<'c> {
    fn new(plane: &'c ControlPlane, istiod: &Value) -> Self {
        plane.namespace("istio-system", &json!({}));
        apply(plane, istiod).ok();
        apply(plane, &mesh_config("defaultConfig: {}")).ok();
        let account = Account::new(plane);
        let webhook = Webhook::install_watching(plane, &account.kubeconfig, &[]);
        let program = &webhook.program;
        for resource in meshcheck_webhook::watch::resources() {
            program.awaits(&synced(resource, 1));
        }
        Self {
            plane,
            webhook,
            _account: account,
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        let names = [
            "deployment/istiod",
            "configmap/istio",
            "hpa/istiod",
            "pdb/istiod",
        ];
        let delete = ["delete", "-n", "istio-system", "--ignore-not-found"];
        let delete: Vec<_> = delete.into_iter().chain(names).collect();
        self.plane.kubectl.run(&delete);
    }
}

fn labels_and_the_mesh_config_decide_at_once(world: &World) {
    let plane = world.watched();
    plane.namespace("watched", &json!({}));
    let _watched = Watched::new(plane, &istiod("istiod", "1.26.0"));
    assert!(!is_gated(plane, "watched"));
    plane.namespace("watched", &json!({"istio-injection": "enabled"}));
    wait_for("the label", || is_gated(plane, "watched").then_some(()));
    let hold = mesh_config("defaultConfig: {holdApplicationUntilProxyStarts: true}");
    apply(plane, &hold).ok();
    let all_wait = || (!is_gated(plane, "watched")).then_some(());
    wait_for("the mesh config", all_wait);
    apply(plane, &mesh_config("defaultConfig: {}")).ok();
    wait_for("the other config", || {
        is_gated(plane, "watched").then_some(())
    });
    plane.namespace("watched", &json!({"istio-injection": "disabled"}));
    let is_out = || (!is_gated(plane, "watched")).then_some(());
    wait_for("the other label", is_out);
}

/// A node with this kubelet. It is taken away with this.
struct Node<'c>(&'c ControlPlane);

impl<'c> Node<'c> {
    fn add(plane: &'c ControlPlane, kubelet: &str) -> Self {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "watched"}});
        apply(plane, &node).ok();
        let status = json!({"status": {"nodeInfo": {"kubeletVersion": kubelet}}}).to_string();
        let patch = ["patch", "node", "watched", "--subresource=status", "-p"];
        let patch: Vec<_> = patch.into_iter().chain([status.as_str()]).collect();
        plane.kubectl.must(&patch);
        Self(plane)
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        self.0.kubectl.run(&["delete", "node", "watched"]);
    }
}

/// Istio makes native sidecars by itself where all nodes can run them: of no node nothing is known,
/// whatever the API server's version is.
fn the_nodes_decide_about_native_sidecars(world: &World) {
    let plane = world.watched();
    plane.namespace("noded", &json!({"istio-injection": "enabled"}));
    let _watched = Watched::new(plane, &istiod("istiod", "1.31.1"));
    assert!(!is_gated(plane, "noded"));
    let _node = Node::add(plane, "v1.32.9-gke.100");
    wait_for("the old node", || is_gated(plane, "noded").then_some(()));
    drop(Node::add(plane, "v1.33.0"));
    let _node = Node::add(plane, "v1.33.0");
    let is_native = || (!is_gated(plane, "noded")).then_some(());
    wait_for("the new node", is_native);
}

fn an_istiod_of_a_new_revision_is_held_against_what_runs(world: &World) {
    let plane = world.watched();
    let watched = Watched::new(plane, &istiod("istiod", "1.28.3"));
    let create = ["create", "--dry-run=server", "-f", "-"];
    let create = |object: &Value| plane.kubectl.pipe(&create, &object.to_string());
    let told = "istiod 1.31.1 comes beside 1.28.3, 3 minors apart";
    let new = istiod("istiod-new", "1.31.1");
    assert!(create(&new).refused().contains(told));
    watched
        .webhook
        .program
        .awaits("meshcheck_watch_objects{resource=\"deployments\"} 1");

    // Two minors below is what upgrades by revision are for.
    plane
        .kubectl
        .must(&["delete", "-n", "istio-system", "deployment/istiod"]);
    watched
        .webhook
        .program
        .awaits("meshcheck_watch_objects{resource=\"deployments\"} 0");
    create(&new).ok();
}

fn an_autoscaler_is_seen_and_so_is_that_there_is_none(world: &World) {
    let plane = world.watched();
    // Nobody says `replicas`, and the API server says 1.
    let mut istiod = istiod("istiod", "1.31.1");
    istiod["spec"]
        .as_object_mut()
        .expect("a spec")
        .remove("replicas");
    let watched = Watched::new(plane, &istiod);
    let mut turn = 0;
    let mut told = || {
        turn += 1;
        istiod["metadata"]["annotations"] = json!({"turn": turn.to_string()});
        let said = apply(plane, &istiod);
        let warnings = said.warnings().into_iter();
        let mut own = warnings.filter(|text| text.contains("istiod-not-redundant"));
        own.next().map(str::to_owned)
    };
    let one = wait_for("the warning", &mut told);
    assert!(
        one.contains("`replicas` is not set, and no autoscaler"),
        "{one}"
    );

    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "istiod", "namespace": "istio-system"},
        "spec": {
            "minReplicas": 2, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "istiod"},
        },
    });
    apply(plane, &scaler).ok();
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "istiod", "namespace": "istio-system"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "istiod"}}},
    });
    apply(plane, &budget).ok();
    for resource in ["horizontalpodautoscalers", "poddisruptionbudgets"] {
        let metric = format!("meshcheck_watch_objects{{resource=\"{resource}\"}} 1");
        watched.webhook.program.awaits(&metric);
    }
    assert_eq!(told(), None);
}

/// By their names in metrics and for RBAC.
const FORBIDDEN: [(&str, &str); 2] = [
    ("nodes", "nodes"),
    ("controllerrevisions", "controllerrevisions.apps"),
];

fn synced(resource: &str, synced: u8) -> String {
    format!("meshcheck_watch_synced{{resource=\"{resource}\"}} {synced}\n")
}

fn failing(resource: &str, watches: u8) -> String {
    format!("meshcheck_watch_failing{{resource=\"{resource}\"}} {watches}\n")
}

/// The one line of the log about a resource.
fn told(program: &Program, resource: &str) -> Value {
    let log = program.log();
    let mut lines = log.iter().filter(|line| line.contains(resource));
    let (line, more) = (lines.next().expect("a line"), lines.next());
    assert_eq!(more, None);
    serde_json::from_str(line).expect("JSON")
}

fn what_may_not_be_read_is_told_and_the_rest_is_known(world: &World) {
    let plane = world.watched();
    let account = Account::new(plane);
    let role = plane
        .kubectl
        .json(&["get", "clusterrole/meshcheck-webhook-mesh", "-o", "json"]);
    let mut less = role.clone();
    less["metadata"] = json!({"name": "meshcheck-webhook-mesh"});
    less["rules"][0]["resources"] = json!(["configmaps", "namespaces"]);
    // An installation of before knew revisions of Deployments alone.
    less["rules"][1]["resources"] = json!(["deployments", "replicasets"]);
    plane
        .kubectl
        .pipe(&["replace", "-f", "-"], &less.to_string())
        .ok();
    let webhook = Webhook::install_watching(plane, &account.kubeconfig, &[]);
    let program = &webhook.program;
    for resource in ["namespaces", "replicasets"] {
        program.awaits(&synced(resource, 1));
    }
    for (resource, named) in FORBIDDEN {
        program.awaits(&failing(resource, 1));
        program.awaits(&synced(resource, 0));
        let told = told(program, named);
        assert_eq!(told["level"], "ERROR");
        let grant = format!("get, list and watch on {named}, in all namespaces");
        assert_eq!(told["grant"], grant);
    }
    assert!(program.is_ready());

    less["rules"] = role["rules"].clone();
    plane
        .kubectl
        .pipe(&["replace", "-f", "-"], &less.to_string())
        .ok();
    for (resource, _) in FORBIDDEN {
        program.awaits(&synced(resource, 1));
        program.awaits(&failing(resource, 0));
    }
    let again = program.line("is watched again")["resource"].clone();
    assert!(FORBIDDEN.iter().any(|(_, named)| again == *named));
}

/// Rules rely on it: an object with a version is stored, and what stands around it was there before. A
/// uid says less: it is given before the first or before the second webhook.
fn an_object_that_comes_has_no_version_yet(world: &World) {
    let plane = world.watched();
    let seen = |kind: &str, expression: &str| {
        // It is installed when it was asked about a Pod that comes.
        drop(Webhook::install_with(plane, &[], &[kind], |object| {
            let condition = json!({"name": "is-new", "expression": expression});
            object["webhooks"][0]["matchConditions"] = json!([condition]);
        }));
    };
    seen(
        MUTATING,
        "!has(object.metadata.resourceVersion) && !has(object.metadata.uid)",
    );
    seen(
        VALIDATING,
        "!has(object.metadata.resourceVersion) && has(object.metadata.uid)",
    );
}
