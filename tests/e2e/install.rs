//! The manifests, as they are, on a real API server.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::assets::{KUBERNETES, Need};
use crate::audit::fixture::{self, Definitions, Namespace, Replica, istiod};
use crate::control_plane::{ControlPlane, wait_for};
use crate::istio::pod;
use crate::program::within;
use crate::render::{Overlay, with_components};
use crate::webhook::{documents, manifests, rendered};
use crate::world::World;

tests! {
    KUBERNETES =>
        the_base_is_taken_and_its_pods_are_made,
        a_cluster_goes_on_while_nobody_answers,
        the_rendered_file_is_taken,
        what_it_wrote_goes_with_it,
        more_replicas_under_load_are_taken;
    HELM =>
        the_chart_is_installed_and_leaves_nothing;
    CERT_MANAGER =>
        the_overlay_for_cert_manager_is_taken;
}

pub(crate) const CERT_MANAGER: &[Need] = &[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "cert-manager",
];

const HELM: &[Need] = &[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "helm",
];

/// What is left of ours in the whole cluster, in order: whatever bears our name, or belongs to what does.
/// Events, which tell of something and go by themselves, are left out.
fn left(plane: &ControlPlane) -> Vec<String> {
    let kinds = ["api-resources", "--verbs=list", "-o", "name"];
    let kinds = plane.kubectl.must(&kinds);
    let kinds: Vec<_> = kinds
        .lines()
        .filter(|kind| !kind.starts_with("events"))
        .collect();
    let all = ["get", &kinds.join(","), "-A", "-o", "json"];
    let mut all = plane.kubectl.json(&all);
    let all = all["items"].take();
    let ours = all.as_array().expect("items").iter().filter(|object| {
        let parts = ["name", "labels", "annotations", "ownerReferences"].iter();
        let mut parts = parts.map(|part| object["metadata"][part].to_string());
        parts.any(|part| part.contains("meshcheck"))
    });
    let mut ours: Vec<_> = ours.map(title).collect();
    ours.sort();
    ours
}

/// `Secret meshcheck-system/meshcheck-webhook-certificates`
fn title(object: &Value) -> String {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let namespace = metadata["namespace"].as_str();
    let namespace = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
    format!(
        "{} {namespace}{}",
        text(&object["kind"]),
        text(&metadata["name"])
    )
}

/// Waits until nothing else is left: what belongs to something goes a moment after it.
#[track_caller]
fn await_left(plane: &ControlPlane, wanted: &[&str]) {
    let mut last = Vec::new();
    let gone = within(Duration::from_mins(1), || {
        last = left(plane);
        (last == wanted).then_some(())
    });
    assert!(gone.is_some(), "{last:#?}");
}

/// A folder or file of `manifests/` that was applied. It is deleted with this.
pub(crate) struct Applied<'c> {
    plane: &'c ControlPlane,
    folder: String,
    option: &'static str,
}

impl<'c> Applied<'c> {
    /// Applies it twice, once by each of kubectl's ways. Nobody may be warned of anything: of
    /// Pods that the namespace's own standard forbids, of a field that is no longer.
    pub(crate) fn new(plane: &'c ControlPlane, folder: &str) -> Self {
        let count = rendered(&plane.kubectl, folder).len();
        Self::apply(plane, manifests(folder), "-k", count)
    }

    /// The same of a folder that is no part of `manifests/`.
    pub(crate) fn overlay(plane: &'c ControlPlane, overlay: &Overlay) -> Self {
        let path = overlay.path().to_str().expect("text").to_owned();
        let count = documents(&plane.kubectl.must(&["kustomize", &path])).len();
        Self::apply(plane, path, "-k", count)
    }

    /// The same of a file.
    fn file(plane: &'c ControlPlane, file: &str) -> Self {
        let path = manifests(file);
        let text = fs::read_to_string(&path).expect("a file");
        Self::apply(plane, path, "-f", documents(&text).len())
    }

    fn apply(plane: &'c ControlPlane, folder: String, option: &'static str, count: usize) -> Self {
        let applied = Self {
            plane,
            folder,
            option,
        };
        for way in ["--server-side=false", "--server-side=true"] {
            let apply = ["apply", way, "--validate=strict", option, &applied.folder];
            let said = plane.kubectl.run(&apply).silently();
            assert_eq!(said.lines().count(), count, "{said}");
        }
        applied
    }

    /// Takes it out, which leaves nothing.
    #[track_caller]
    fn remove(&self) {
        let delete = ["delete", self.option, &self.folder];
        self.plane.kubectl.must(&delete);
        await_left(self.plane, &[]);
    }
}

impl Drop for Applied<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        let delete = ["delete", "--ignore-not-found", self.option, &self.folder];
        self.plane.kubectl.run(&delete);
    }
}

fn the_base_is_taken_and_its_pods_are_made(world: &World) {
    let plane = world.control_plane();
    let base = Applied::new(plane, "base");
    await_pods(plane);
    base.remove();
}

/// What was not applied but written by the webhook is taken out as well, while it runs and though its
/// namespace stays.
fn what_it_wrote_goes_with_it(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _used = Used::begin(plane);
    let mut objects = rendered(&plane.kubectl, "base");
    objects.retain(|object| object["kind"] != "Namespace");
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let delete = ["delete", "-f", "-"];
    plane.kubectl.pipe(&delete, &objects.to_string()).ok();
    await_left(plane, &["Namespace meshcheck-system"]);
}

/// A replica that runs, and has written everything that it ever does.
struct Used<'c> {
    _replica: Replica,
    _namespace: Namespace<'c>,
    _definitions: Definitions<'c>,
}

impl<'c> Used<'c> {
    const WRITTEN: [&'static str; 3] = [
        "Lease meshcheck-system/meshcheck-webhook-audit",
        "Report used/meshcheck",
        "Secret meshcheck-system/meshcheck-webhook-certificates",
    ];

    fn begin(plane: &'c ControlPlane) -> Self {
        let used = Self {
            _definitions: Definitions::apply(plane, "openreports.io"),
            _namespace: Namespace::new(plane, "used"),
            _replica: Replica::start(plane, &["--tls=self-managed"]),
        };
        fixture::apply(plane, &istiod("used", "istio/pilot:1.7.4", "10m"));
        for written in Self::WRITTEN {
            wait_for(written, || {
                let there = left(plane);
                there.iter().any(|one| one == written).then_some(())
            });
        }
        used
    }

    /// Of what it keeps: it stays the same when the manifests are applied again.
    fn uids(plane: &ControlPlane) -> [Value; 2] {
        let kept = [
            "lease/meshcheck-webhook-audit",
            "secret/meshcheck-webhook-certificates",
        ];
        kept.map(|name| plane.kubectl.get("meshcheck-system", name)["metadata"]["uid"].take())
    }
}

fn the_rendered_file_is_taken(world: &World) {
    let plane = world.control_plane();
    let file = Applied::file(plane, "install.yaml");
    await_pods(plane);
    file.remove();
}

fn more_replicas_under_load_are_taken(world: &World) {
    let plane = world.control_plane();
    let folder = with_components("overlay", "base", &["autoscaling", "policy"]);
    let applied = Applied::overlay(plane, &folder);
    let scaled = ["get", "-n", "meshcheck-system", "hpa/meshcheck-webhook"];
    plane.kubectl.must(&scaled);
    // Nobody measures here, so it is the least that the autoscaler asks for, and not the Deployment.
    await_pods(plane);
    applied.remove();
}

/// By the real helm, with nothing made before it but the namespace that it makes itself.
fn the_chart_is_installed_and_leaves_nothing(world: &World) {
    let plane = world.control_plane();
    let helm = |arguments: &[&str]| {
        let mut command = Command::new(world.assets.path("helm"));
        command.args(arguments).args(["-n", "meshcheck-system"]);
        let kubeconfig = plane.kubectl.kubeconfig.as_os_str();
        let output = command.arg("--kubeconfig").arg(kubeconfig).output();
        let output = output.expect("helm");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // It relays the warnings of the API server.
        assert!(
            output.status.success() && !said.contains("arning"),
            "{said}"
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let chart = manifests("helm/meshcheck");
    let notes = helm(&["install", "mc", &chart, "--create-namespace"]);
    assert!(notes.contains("rollout status"), "{notes}");
    await_pods(plane);
    let _used = Used::begin(plane);
    let before = Used::uids(plane);
    let values = ["--set", "replicas=2,networkPolicy.enabled=false"];
    helm(&[&["upgrade", "mc", &chart][..], &values].concat());
    let there = left(plane);
    let is_network = |title: &String| title.starts_with("NetworkPolicy ");
    assert!(!there.iter().any(is_network), "{there:#?}");
    assert_eq!(Used::uids(plane), before);
    helm(&["uninstall", "mc", "--wait"]);
    // Helm made it, and leaves it.
    await_left(plane, &["Namespace meshcheck-system"]);
    plane
        .kubectl
        .must(&["delete", "namespace", "meshcheck-system"]);
}

/// As while its Pods start: the Service is there, and nobody behind it.
fn a_cluster_goes_on_while_nobody_answers(world: &World) {
    let plane = world.control_plane();
    plane.namespace("goes-on", &json!({}));
    let _base = Applied::new(plane, "base");
    let before = calls_that_failed(plane);
    let create = ["create", "--dry-run=server", "-f", "-"];
    wait_for("calls that failed", || {
        let pod = pod("goes-on", "web").to_string();
        plane.kubectl.pipe(&create, &pod).silently();
        let now = calls_that_failed(plane);
        now.iter()
            .zip(&before)
            .all(|(now, before)| now > before)
            .then_some(())
    });
}

/// How often the API server let a request pass because a webhook did not answer: of both webhooks.
fn calls_that_failed(plane: &ControlPlane) -> [u64; 2] {
    let metrics = plane.kubectl.must(&["get", "--raw", "/metrics"]);
    ["mutate", "validate"].map(|webhook| {
        let start = format!(
            "apiserver_admission_webhook_fail_open_count{{name=\"{webhook}.meshcheck.dev\""
        );
        let mut lines = metrics.lines().filter(|line| line.starts_with(&start));
        let count = lines.next().and_then(|line| line.rsplit(' ').next());
        count.map_or(0, |count| count.parse().expect("a count"))
    })
}

/// The three Pods of the webhook.
pub(crate) fn await_pods(plane: &ControlPlane) -> Vec<String> {
    wait_for("three Pods", || {
        let pods = ["get", "pods", "-n", "meshcheck-system", "-o", "name"];
        let pods: Vec<_> = plane
            .kubectl
            .must(&pods)
            .lines()
            .map(str::to_owned)
            .collect();
        (pods.len() == 3).then_some(pods)
    })
}

fn the_overlay_for_cert_manager_is_taken(world: &World) {
    let plane = world.control_plane();
    let definitions = world.assets.path("cert-manager");
    define(plane, &definitions);
    let overlay = Applied::new(plane, "overlays/cert-manager");
    for kind in ["mutating", "validating"] {
        let list = format!("{kind}webhookconfigurations");
        let stored = plane.kubectl.json(&["get", &list, "-o", "json"]);
        let wanted = "meshcheck-system/meshcheck-webhook";
        let annotations = &stored["items"][0]["metadata"]["annotations"];
        assert_eq!(
            annotations["cert-manager.io/inject-ca-from"], wanted,
            "{kind}"
        );
    }
    overlay.remove();
}

pub(crate) fn define(plane: &ControlPlane, folder: &Path) {
    let folder = folder.to_str().expect("text");
    plane
        .kubectl
        .must(&["apply", "--server-side", "-f", folder]);
    plane.kubectl.must(&[
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "-f",
        folder,
    ]);
}
