//! The way back in an outage: what ran before runs again, whatever the rules say of it by now.

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::{ControlPlane, wait_for};
use crate::kubectl::Said;
use crate::webhook::Webhook;
use crate::world::World;

tests! {
    KUBERNETES =>
        every_workload_goes_back_to_a_revision_of_its_own;
}

const NAMESPACE: &str = "rollbacks";

/// Of each kind that keeps revisions, what they are kept as.
const KINDS: [(&str, &str); 3] = [
    ("Deployment", "ReplicaSet"),
    ("DaemonSet", "ControllerRevision"),
    ("StatefulSet", "ControllerRevision"),
];

/// An application that was injected by hand, long ago.
fn application(kind: &str) -> Value {
    let labels = json!({"app": "web"});
    let proxy = json!({
        "name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.7.4", "args": ["proxy", "sidecar"],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": "state", "mountPath": "/var/lib/istio/data"}],
    });
    let application = json!({"name": "web", "image": "web:1", "resources": {}});
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [application, proxy], "volumes": [{"name": "state", "emptyDir": {}}],
                },
            },
        },
    });
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = "web".into();
    }
    object
}

struct Workload<'c> {
    plane: &'c ControlPlane,
    kind: &'static str,
    name: String,
    first: Value,
}

impl<'c> Workload<'c> {
    fn start(plane: &'c ControlPlane, kind: &'static str, keeps: &str) -> Self {
        let apply = ["apply", "-f", "-"];
        let text = application(kind).to_string();
        plane.kubectl.pipe(&apply, &text).ok();
        let name = format!("{kind}/web").to_lowercase();
        let first = plane.kubectl.get(NAMESPACE, &name);
        let workload = Self {
            plane,
            kind,
            name,
            first,
        };
        workload.await_revisions(keeps, 1);
        workload.set_proxy("1.31.1").ok();
        workload.await_revisions(keeps, 2);
        workload
    }

    fn await_revisions(&self, keeps: &str, count: usize) {
        let list = ["get", "-n", NAMESPACE, keeps, "-o", "json"];
        wait_for("a revision", || {
            let list = self.plane.kubectl.json(&list);
            let items = list["items"].as_array().expect("items");
            let is_own =
                |item: &&Value| item["metadata"]["ownerReferences"][0]["kind"] == self.kind;
            (items.iter().filter(is_own).count() == count).then_some(())
        });
    }

    fn run(&self, words: &[&str]) -> Said {
        let place = ["-n", NAMESPACE];
        self.plane.kubectl.run(&[&place, words].concat())
    }

    fn set_proxy(&self, version: &str) -> Said {
        let image = format!("istio-proxy=docker.io/istio/proxyv2:{version}");
        self.run(&["set", "image", &self.name, &image])
    }

    fn template(&self) -> Value {
        self.plane.kubectl.get(NAMESPACE, &self.name)["spec"]["template"].clone()
    }
}

fn every_workload_goes_back_to_a_revision_of_its_own(world: &World) {
    let plane = world.control_plane();
    plane.namespace(NAMESPACE, &json!({}));
    let workloads = KINDS.map(|(kind, keeps)| (Workload::start(plane, kind, keeps), keeps));
    let _webhook = Webhook::install_watching(plane, &plane.kubectl.kubeconfig, &[]);
    for (workload, keeps) in &workloads {
        let elsewhere = workload.set_proxy("1.7.3");
        assert!(
            elsewhere.refused().contains("version-unsupported"),
            "{elsewhere:?}"
        );
        let undo = ["rollout", "undo", &workload.name];
        wait_for("the revisions", || {
            let tried = workload.run(&[&undo[..], &["--dry-run=server"]].concat());
            (tried.code == 0).then_some(())
        });
        let told = format!("meshcheck version-unsupported (error, ran before as {keeps}/web-");
        let is_told = |said: &Said| {
            let mut warnings = said.warnings().into_iter();
            assert!(warnings.any(|text| text.starts_with(&told)), "{said:?}");
        };
        let undone = workload.run(&undo);
        is_told(&undone);
        undone.ok();
        assert_eq!(workload.template(), workload.first["spec"]["template"]);

        // And forth, and back by the manifest, which says less than what is stored.
        workload.run(&undo).ok();
        assert_ne!(workload.template(), workload.first["spec"]["template"]);
        let apply = ["apply", "-f", "-"];
        let manifest = application(workload.kind).to_string();
        let applied = plane.kubectl.pipe(&apply, &manifest);
        is_told(&applied);
        applied.ok();
    }
}
