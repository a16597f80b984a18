//! Pods that are not made, as the controllers say it.

use serde_json::json;

use super::{Left, NAMESPACE, until};
use crate::install::{Applied, await_pods};
use crate::program::Folder;
use crate::world::World;

pub(super) fn a_quota_that_forbids_its_pods_is_found(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    await_pods(plane);
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": NAMESPACE},
        "spec": {"hard": {"pods": "0"}},
    });
    let folder = Folder::new();
    let _quota = Left::object(plane, &folder, "quota", &quota);
    let delete = ["delete", "pods", "--all", "--force", "-n", NAMESPACE];
    plane.kubectl.must(&delete);
    let report = until(plane, "its Pods are not made: ");
    assert_eq!(report.code, 1);
    let [told] = report.notes("pods") else {
        panic!("{:#?}", report.problems());
    };
    let message = told["message"].as_str().expect("text");
    assert!(message.contains("exceeded quota: none"), "{message}");
    assert_eq!(
        told["command"],
        "kubectl -n meshcheck-system describe resourcequota"
    );
}
