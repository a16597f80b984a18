//! What the webhook may not do, as the API server says it and as roles and bindings say it.

use serde_json::json;

use super::{Installed, Left, as_account, bound, patch_json, role_of_the_manual, told, until};
use crate::control_plane::ControlPlane;
use crate::plugin::Report;
use crate::program::Folder;
use crate::webhook::{documents, manifests};
use crate::world::World;

const MESH: &str = "meshcheck-webhook-mesh";
const ACCOUNT: &str = "ServiceAccount meshcheck-system/meshcheck-webhook";

/// A rule of the webhook's role, and then its binding.
pub(super) fn a_missing_permission_is_found(world: &World) {
    let plane = world.control_plane();
    let installed = Installed::managed(plane);
    installed.await_health();
    let role = format!("clusterrole/{MESH}");
    let mut rules = plane.kubectl.json(&["get", &role, "-o", "json"])["rules"].take();
    for rule in rules.as_array_mut().expect("rules") {
        let resources = rule["resources"].as_array_mut().expect("resources");
        resources.retain(|resource| resource != "nodes");
    }
    let less = json!([{"op": "replace", "path": "/rules", "value": rules}]);
    patch_json(plane, &role, &less);
    let nodes = format!("permissions: warning: {ACCOUNT}: may not list and watch nodes");
    let report = until(plane, &nodes);
    assert_eq!((report.code, report.problems()), (0, vec![nodes]));
    mend(plane, &report);
    installed.await_health();

    plane.kubectl.must(&["delete", "clusterrolebinding", MESH]);
    let watch = format!("permissions: error: {ACCOUNT}: may do nothing of what --watch needs");
    let report = until(plane, &watch);
    assert_eq!((report.code, report.problems()), (1, vec![watch.clone()]));
    the_same_is_read_from_roles(plane, &watch);
    mend(plane, &report);
    installed.await_health();
}

/// By somebody who may not ask, and then may not read either.
fn the_same_is_read_from_roles(plane: &ControlPlane, wanted: &str) {
    let folder = Folder::new();
    let file = as_account(plane, "default");
    let option = format!("--kubeconfig={}", file.display());
    let _binding = bound(plane, &folder);
    let mut role = documents(&role_of_the_manual()).remove(0);
    let rules = role["rules"].as_array_mut().expect("rules");
    let all = rules.len();
    rules.retain(|rule| rule["resources"][0] != "subjectaccessreviews");
    assert_eq!(rules.len() + 1, all);
    let blind = Left::object(plane, &folder, "role", &role);
    let unknown = told(plane, &option, 3);
    let [unknown] = unknown.problems().try_into().expect("one problem");
    for part in [
        "permissions: unknown: cannot create subjectaccessreviews: ",
        "; cannot list clusterroles: ",
    ] {
        assert!(unknown.contains(part), "{unknown}");
    }
    drop(blind);
    let read = json!({
        "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["list"],
    });
    role["rules"].as_array_mut().expect("rules").push(read);
    let _role = Left::object(plane, &folder, "role", &role);
    let report = told(plane, &option, 1);
    assert_eq!(report.problems(), [wanted]);
}

/// Does what the one finding of `permissions` says.
fn mend(plane: &ControlPlane, report: &Report) {
    let mut commands = report.notes("permissions").iter();
    let command = commands.find_map(|note| note["command"].as_str());
    let command = command
        .expect("a command")
        .replace("manifests/", &manifests(""));
    let command: Vec<_> = command.split(' ').skip(1).collect();
    plane.kubectl.must(&command);
}
