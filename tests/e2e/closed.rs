//! With `components/fail-closed` while the webhook is away: what nobody may do, and what must go on.

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::{ControlPlane, wait_for};
use crate::install::{Applied, await_pods};
use crate::istio::pod;
use crate::kubectl::Said;
use crate::render::{Overlay, with_components};
use crate::watch::shop;
use crate::webhook::manifests;
use crate::world::World;

tests! {
    KUBERNETES =>
        what_ends_and_what_runs_need_no_webhook,
        it_does_not_lock_itself_out;
}

const CREATE: [&str; 3] = ["create", "-f", "-"];

/// The base with the component, in effect. Its Pods never run.
struct Closed<'c> {
    _applied: Applied<'c>,
    _folder: Overlay,
}

impl<'c> Closed<'c> {
    fn begin(plane: &'c ControlPlane) -> Self {
        let folder = with_components("overlay", "base", &["fail-closed"]);
        let applied = Applied::overlay(plane, &folder);
        let web = pod("default", "web").to_string();
        wait_for("a refusal", || {
            let create = [&CREATE[..], &["--dry-run=server"]].concat();
            let said = plane.kubectl.pipe(&create, &web);
            is_missed(&said, "validate.meshcheck.dev").then_some(())
        });
        Self {
            _applied: applied,
            _folder: folder,
        }
    }
}

fn is_missed(said: &Said, webhook: &str) -> bool {
    let failed = format!("failed calling webhook \"{webhook}\"");
    said.stderr.contains(&failed)
}

fn mesh_config() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "closed", "labels": {"istio.io/rev": "default"}},
        "data": {"mesh": ""},
    })
}

fn what_ends_and_what_runs_need_no_webhook(world: &World) {
    let plane = world.control_plane();
    plane.namespace("closed", &json!({}));
    let held = [
        (shop("closed"), "deployment/shop", "validate.meshcheck.dev"),
        (
            mesh_config(),
            "configmap/istio",
            "config.validate.meshcheck.dev",
        ),
    ];
    for (mut object, ..) in held.clone() {
        object["metadata"]["finalizers"] = json!(["example.com/held"]);
        plane.kubectl.pipe(&CREATE, &object.to_string()).ok();
    }
    let _closed = Closed::begin(plane);
    for (_, name, webhook) in held {
        let let_go = r#"{"metadata": {"finalizers": null}}"#;
        let let_go = ["patch", name, "-n", "closed", "--type=merge", "-p", let_go];
        let said = plane.kubectl.run(&let_go);
        assert!(is_missed(&said, webhook), "{said:?}");
        plane
            .kubectl
            .must(&["delete", name, "-n", "closed", "--wait=false"]);
        plane.kubectl.must(&let_go);
        let gone = [
            "wait",
            "--for=delete",
            "--timeout=60s",
            name,
            "-n",
            "closed",
        ];
        plane.kubectl.must(&gone);
    }
    // As a kubelet tells of a Pod that it has from a file. It may not, so an administrator does in its name.
    let node = [
        "--as=a",
        "--as-group=system:nodes",
        "--as-group=system:masters",
    ];
    let mirror = pod("closed", "mirror").to_string();
    plane
        .kubectl
        .pipe(&[&CREATE[..], &node].concat(), &mirror)
        .ok();
}

fn it_does_not_lock_itself_out(world: &World) {
    let plane = world.control_plane();
    plane.namespace("locked", &json!({}));
    let _closed = Closed::begin(plane);
    let web = pod("locked", "web").to_string();

    // Its own Pods are made anew all the same.
    let old = await_pods(plane);
    let mut delete = vec!["delete", "-n", "meshcheck-system", "--force"];
    delete.extend(old.iter().map(String::as_str));
    plane.kubectl.must(&delete);
    let new = await_pods(plane);
    assert!(old.iter().all(|pod| !new.contains(pod)), "{new:?}");
    // The way out in a hurry, as the manual has it.
    let [mutating, validating] =
        ["mutating", "validating"].map(|kind| manifests(&format!("base/{kind}.yaml")));
    plane
        .kubectl
        .must(&["delete", "-f", &mutating, "-f", &validating]);
    wait_for("a Pod", || {
        let said = plane.kubectl.pipe(&CREATE, &web);
        (said.code == 0).then_some(())
    });
}
