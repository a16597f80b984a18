//! Beside Istio's injector: who comes first, and what is made of a Pod in the end.

use serde_json::{Value, json};

use crate::assets::MESH;
use crate::control_plane::{ControlPlane, wait_for};
use crate::istio::{injected, pod, proxy_of};
use crate::webhook::{MUTATING, VALIDATING, Webhook};
use crate::world::World;

tests! {
    MESH =>
        our_patch_comes_before_the_injector,
        behind_the_injector_it_would_be_too_late,
        native_sidecars_are_left_alone,
        the_pods_of_a_deployment_pass_the_same_way,
        the_pods_of_an_old_deployment_are_mended,
        the_order_holds_after_a_reinvocation;
}

/// A node so old that istiod makes no native sidecars.
struct OldNode<'c>(&'c ControlPlane);

impl<'c> OldNode<'c> {
    fn add(plane: &'c ControlPlane) -> Self {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "old"}});
        plane
            .kubectl
            .pipe(&["create", "-f", "-"], &node.to_string())
            .ok();
        let status = r#"{"status":{"nodeInfo":{"kubeletVersion":"v1.30.4"}}}"#;
        plane
            .kubectl
            .must(&["patch", "node", "old", "--subresource=status", "-p", status]);
        await_list(plane, "containers");
        Self(plane)
    }
}

impl Drop for OldNode<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        self.0.kubectl.run(&["delete", "node", "old"]);
    }
}

/// Waits until istiod puts the proxy there.
fn await_list(plane: &ControlPlane, list: &str) {
    wait_for("the effect of the nodes", || {
        let (found, _) = proxy_of(&injected(plane, &pod("probe", "probe"))?)?;
        (found == list).then_some(())
    });
}

/// A Pod that asks for hold in quotes: Istio's injector refuses it, and our mend lets it pass.
fn misquoted(namespace: &str, name: &str) -> Value {
    let mut pod = pod(namespace, name);
    pod["metadata"]["annotations"] = json!({HOLD: "holdApplicationUntilProxyStarts: \"true\"\n"});
    pod
}

/// A Deployment of such Pods.
fn deployment(namespace: &str, name: &str) -> Value {
    let mut template = misquoted(namespace, name);
    template["metadata"]["labels"] = json!({"app": name});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"]["annotations"],
            }, "spec": template["spec"]},
        },
    })
}

const OURS: &str = "a0-meshcheck-webhook";
const ISTIOS: &str = "istio-sidecar-injector";
const HOLD: &str = "proxy.istio.io/config";
const CREATE: [&str; 3] = ["create", "-f", "-"];
const MENDED: &str = "meshcheck fixed hold-has-no-effect: write `holdApplicationUntilProxyStarts: true` without quotes";
const REFUSED_BY_ISTIO: &str = "failed to convert to apply proxy config";
const FACTS: [&str; 2] = ["--istio-version=1.31.1", "--kubernetes-version=1.30"];

/// The proxy is the first container, and the application waits for it.
#[track_caller]
fn assert_held(pod: &Value) {
    assert_eq!(proxy_of(pod), Some(("containers", 0)), "{pod:#}");
    let hook = &pod["spec"]["containers"][0]["lifecycle"]["postStart"]["exec"]["command"];
    assert_eq!(*hook, json!(["pilot-agent", "wait"]));
}

/// The mutating webhooks that were called for the last creation of this name, in their order: the
/// round, whose configuration, and whether it changed anything.
fn calls(plane: &ControlPlane, name: &str) -> Vec<(u32, String, bool)> {
    let events = plane.audit(name);
    let notes = &events.last().expect("an event")["annotations"];
    let prefix = "mutation.webhook.admission.k8s.io/round_";
    let notes = notes.as_object().expect("annotations").iter();
    let mut calls: Vec<_> = notes
        .filter_map(|(key, note)| Some((key.strip_prefix(prefix)?, note)))
        .map(|(key, note)| {
            let note: Value = serde_json::from_str(note.as_str().expect("text")).expect("JSON");
            let whose = note["configuration"].as_str().expect("a name").to_owned();
            let (round, index) = key.split_once("_index_").expect("two numbers");
            let order: (u32, u32) = (
                round.parse().expect("a number"),
                index.parse().expect("a number"),
            );
            (order, whose, note["mutated"] == true)
        })
        .collect();
    calls.sort();
    calls
        .into_iter()
        .map(|((round, _), whose, changed)| (round, whose, changed))
        .collect()
}

fn our_patch_comes_before_the_injector(world: &World) {
    let plane = world.mesh();
    let _node = OldNode::add(plane);
    plane.namespace("first", &injected_by_default());
    let object = misquoted("first", "cart").to_string();
    let alone = plane.kubectl.pipe(&CREATE, &object);
    assert!(alone.refused().contains(REFUSED_BY_ISTIO), "{alone:?}");

    let _webhook = Webhook::install(plane, &FACTS);
    let said = plane.kubectl.pipe(&CREATE, &object);
    assert_eq!(said.warnings(), [MENDED]);
    assert_held(&plane.kubectl.get("first", "pod/cart"));
    let wanted = [(0, OURS, true), (0, ISTIOS, true), (1, OURS, false)];
    assert_eq!(
        calls(plane, "cart"),
        wanted.map(|(round, whose, changed)| (round, whose.to_owned(), changed))
    );
}

/// Why the name of our configuration begins as it does.
fn behind_the_injector_it_would_be_too_late(world: &World) {
    let plane = world.mesh();
    let _node = OldNode::add(plane);
    plane.namespace("second", &injected_by_default());
    let kinds = [MUTATING, VALIDATING];
    let _webhook = Webhook::install_with(plane, &FACTS, &kinds, |configuration| {
        configuration["metadata"]["name"] = "meshcheck-webhook".into();
    });
    let said = plane
        .kubectl
        .pipe(&CREATE, &misquoted("second", "late").to_string());
    assert!(said.refused().contains(REFUSED_BY_ISTIO), "{said:?}");
}

fn native_sidecars_are_left_alone(world: &World) {
    let plane = world.mesh();
    await_list(plane, "initContainers");
    plane.namespace("native", &injected_by_default());
    let facts = ["--istio-version=1.31.1", "--kubernetes-version=1.36"];
    let _webhook = Webhook::install(plane, &facts);
    for (name, hold) in [
        ("plain", None),
        ("held", Some("holdApplicationUntilProxyStarts: true")),
    ] {
        let mut object = pod("native", name);
        if let Some(hold) = hold {
            object["metadata"]["annotations"] = json!({HOLD: hold});
        }
        plane.kubectl.pipe(&CREATE, &object.to_string()).silently();
        let stored = plane.kubectl.get("native", &format!("pod/{name}"));
        assert_eq!(
            proxy_of(&stored).map(|(list, _)| list),
            Some("initContainers")
        );
        let ours = calls(plane, name)
            .into_iter()
            .filter(|(_, whose, _)| whose == OURS);
        let changed: Vec<_> = ours.map(|(_, _, changed)| changed).collect();
        assert_eq!(changed, [false, false], "{name}");
    }
}

fn the_pods_of_a_deployment_pass_the_same_way(world: &World) {
    let plane = world.mesh();
    let _node = OldNode::add(plane);
    plane.namespace("made", &injected_by_default());
    let _webhook = Webhook::install(plane, &FACTS);
    let said = plane
        .kubectl
        .pipe(&CREATE, &deployment("made", "cart").to_string());
    assert_eq!(said.warnings(), [MENDED]);
    await_held_pods(plane, "made", 2);
    // A Deployment whose ReplicaSet were changed on its way would make another one, and another.
    let sets = ["get", "replicasets", "-n", "made", "-o", "name"];
    assert_eq!(plane.kubectl.must(&sets).lines().count(), 1);
}

/// What was stored before the webhook came is mended where its Pods are made, without a rollout.
fn the_pods_of_an_old_deployment_are_mended(world: &World) {
    let plane = world.mesh();
    let _node = OldNode::add(plane);
    plane.namespace("older", &injected_by_default());
    plane
        .kubectl
        .pipe(&CREATE, &deployment("older", "cart").to_string())
        .silently();
    wait_for("the refusal of Istio", || {
        let events = ["get", "events", "-n", "older", "-o", "json"];
        plane
            .kubectl
            .must(&events)
            .contains(REFUSED_BY_ISTIO)
            .then_some(())
    });
    let _webhook = Webhook::install(plane, &FACTS);
    // The controller, which waits longer after each refusal, tries again at once.
    plane
        .kubectl
        .run(&["scale", "deployment/cart", "-n", "older", "--replicas=3"])
        .silently();
    await_held_pods(plane, "older", 3);
    let stored = plane.kubectl.get("older", "deployment/cart");
    let hold = &stored["spec"]["template"]["metadata"]["annotations"][HOLD];
    assert_eq!(
        *hold, "holdApplicationUntilProxyStarts: \"true\"\n",
        "its owner's text stays"
    );
}

fn await_held_pods(plane: &ControlPlane, namespace: &str, count: usize) {
    let pods = wait_for("the Pods", || {
        let list = plane
            .kubectl
            .json(&["get", "pods", "-n", namespace, "-o", "json"]);
        let pods = list["items"].as_array().expect("a list").clone();
        (pods.len() == count).then_some(pods)
    });
    pods.iter().for_each(assert_held);
}

/// Another injector, which puts a container in front of the proxy once that is there.
const SHIPPER: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: shipper}
spec:
  reinvocationPolicy: IfNeeded
  matchConstraints:
    resourceRules:
      - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          object.spec.containers.exists(c, c.name == 'istio-proxy')
            && !object.spec.containers.exists(c, c.name == 'shipper')
          ? [JSONPatch{op: "add", path: "/spec/containers/0",
              value: Object.spec.containers{name: "shipper", image: "example.com/shipper:1"}}]
          : []
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: shipper}
spec:
  policyName: shipper
  matchResources:
    namespaceSelector: {matchLabels: {ships: logs}}
"#;

fn the_order_holds_after_a_reinvocation(world: &World) {
    let plane = world.mesh();
    let _node = OldNode::add(plane);
    plane.namespace(
        "again-called",
        &json!({"istio-injection": "enabled", "ships": "logs"}),
    );
    plane
        .kubectl
        .pipe(&["apply", "--server-side", "-f", "-"], SHIPPER)
        .ok();
    let mut object = pod("again-called", "alone");
    object["metadata"]["annotations"] = json!({HOLD: "holdApplicationUntilProxyStarts: true\n"});
    wait_for("the other injector", || {
        (proxy_of(&injected(plane, &object)?) == Some(("containers", 1))).then_some(())
    });
    let _webhook = Webhook::install(plane, &FACTS);
    for (policy, reinvoked) in [("IfNeeded", &[OURS, ISTIOS][..]), ("Never", &[OURS])] {
        reinvoke_istio(plane, policy);
        let name = policy.to_lowercase();
        object["metadata"]["name"] = name.as_str().into();
        let said = plane.kubectl.pipe(&CREATE, &object.to_string());
        assert_eq!(
            said.warnings(),
            ["meshcheck fixed hold-has-no-effect: move `istio-proxy` to the front"]
        );
        let stored = plane.kubectl.get("again-called", &format!("pod/{name}"));
        assert_held(&stored);
        assert_eq!(
            stored["spec"]["containers"].as_array().map(Vec::len),
            Some(3)
        );
        let again = calls(plane, &name)
            .into_iter()
            .filter(|(round, ..)| *round == 1);
        let again: Vec<_> = again.map(|(_, whose, _)| whose).collect();
        assert_eq!(again, reinvoked);
    }
}

/// What Istio's own configuration says of a second call.
fn reinvoke_istio(plane: &ControlPlane, policy: &str) {
    let change: Vec<_> = (0..4)
        .map(|index| json!({"op": "replace", "path": format!("/webhooks/{index}/reinvocationPolicy"), "value": policy}))
        .collect();
    let configuration = "mutatingwebhookconfiguration/istio-sidecar-injector";
    let change = json!(change).to_string();
    plane
        .kubectl
        .must(&["patch", configuration, "--type=json", "-p", &change]);
}

fn injected_by_default() -> Value {
    json!({"istio-injection": "enabled"})
}
