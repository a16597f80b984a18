//! The many ways in which an object reaches the API server.

use std::fs;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::{ControlPlane, wait_for};
use crate::istio::pod;
use crate::kubectl::Said;
use crate::outages::outage;
use crate::webhook::{Webhook, documents};
use crate::world::World;

tests! {
    KUBERNETES =>
        a_dry_run_is_answered_and_stores_nothing,
        what_is_applied_again_changes_nothing,
        an_old_object_can_be_touched_scaled_and_deleted,
        an_old_object_cannot_be_made_worse,
        of_a_list_the_bad_is_refused,
        a_large_object_is_judged,
        what_is_only_worth_knowing_is_kept,
        what_is_on_its_way_out_can_go,
        a_node_is_not_refused_its_own_pods,
        what_is_out_of_scope_is_not_asked_about;
}

const APPLY: [&str; 3] = ["apply", "-f", "-"];
const APPLY_ON_SERVER: [&str; 4] = ["apply", "--server-side", "-f", "-"];

/// The Deployment of an outage under another name: its Pods are nobody's istiod.
fn istiod(outage_file: &str, namespace: &str, name: &str) -> Value {
    let text = fs::read_to_string(outage(outage_file)).expect("a file");
    let mut objects = documents(&text).into_iter();
    let mut object = objects
        .find(|object| object["kind"] == "Deployment")
        .expect("a Deployment");
    object["metadata"]["namespace"] = namespace.into();
    object["metadata"]["name"] = name.into();
    object
}

pub(crate) fn too_long(namespace: &str, name: &str) -> Value {
    istiod("stale-streams/istiod.yaml", namespace, name)
}

pub(crate) fn too_old(namespace: &str, name: &str) -> Value {
    istiod("standing-still/istiod.yaml", namespace, name)
}

fn age(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"][0]["args"][6]
}

/// An old control plane that was there before the webhook.
fn old_deployment(plane: &ControlPlane, namespace: &str) -> Value {
    plane.namespace(namespace, &json!({}));
    let object = too_old(namespace, "old");
    plane
        .kubectl
        .pipe(&APPLY_ON_SERVER, &object.to_string())
        .silently();
    object
}

/// The old control plane is told of, and not held against an update.
fn tells_of_old_error(said: &Said) -> bool {
    let told = "meshcheck version-unsupported (error, was there before): ";
    said.warnings()
        .iter()
        .any(|warning| warning.starts_with(told))
}

fn a_dry_run_is_answered_and_stores_nothing(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    plane.namespace("dry", &json!({}));
    for way in ["--server-side=true", "--server-side=false"] {
        let apply = ["apply", way, "--dry-run=server", "-o", "json", "-f", "-"];
        let said = plane
            .kubectl
            .pipe(&apply, &too_long("dry", "istiod").to_string());
        let warnings = said.warnings();
        assert!(warnings[0].starts_with("meshcheck fixed "), "{said:?}");
        let answer: Value = serde_json::from_str(&said.ok()).expect("JSON");
        assert_eq!(age(&answer), "10m");
        let said = plane
            .kubectl
            .pipe(&apply, &too_old("dry", "istiod").to_string());
        assert!(said.refused().contains("version-unsupported"), "{said:?}");
    }
    let stored = ["get", "deployments", "-n", "dry", "-o", "name"];
    assert_eq!(plane.kubectl.must(&stored), "");
}

/// Whoever applies the same file for ever, such as Argo CD, must neither see a difference nor
/// restart anything.
fn what_is_applied_again_changes_nothing(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    plane.namespace("again", &json!({}));
    for (name, apply) in [("client", &APPLY[..]), ("server", &APPLY_ON_SERVER[..])] {
        let object = too_long("again", name).to_string();
        let target = format!("deployment/{name}");
        plane.kubectl.pipe(apply, &object).ok();
        let first = plane.kubectl.get("again", &target);
        assert_eq!(age(&first), "10m");
        plane.kubectl.pipe(apply, &object).ok();
        let second = plane.kubectl.get("again", &target);
        assert_eq!(second["metadata"]["generation"], 1, "{name}");
        assert_eq!(second["spec"], first["spec"], "{name}");
        let server_side = format!("--server-side={}", name == "server");
        let said = plane
            .kubectl
            .pipe(&["diff", &server_side, "-f", "-"], &object);
        assert_eq!(said.ok(), "", "{name}");
    }
}

fn an_old_object_can_be_touched_scaled_and_deleted(world: &World) {
    let plane = world.control_plane();
    old_deployment(plane, "old");
    let webhook = Webhook::install(plane, &["--log-level=debug"]);
    let run = |arguments: &[&str]| {
        let arguments = [&["-n", "old"], arguments].concat();
        plane.kubectl.run(&arguments)
    };
    for arguments in [
        &["label", "deployment/old", "a=b"][..],
        &["rollout", "restart", "deployment/old"],
        &[
            "patch",
            "deployment/old",
            "-p",
            r#"{"spec":{"replicas":2}}"#,
        ],
    ] {
        let said = run(arguments);
        assert!(tells_of_old_error(&said), "{said:?}");
        said.ok();
    }
    let asked = |last: &str| {
        // A line comes some time after its answer, and in the order of the answers.
        let create = ["create", "--dry-run=server", "-f", "-"];
        let last_pod = pod("old", last).to_string();
        plane.kubectl.pipe(&create, &last_pod).silently();
        let lines = wait_for("the log", || {
            let lines = webhook.program.log();
            lines
                .iter()
                .any(|line| line.contains(last))
                .then_some(lines)
        });
        let of_deployments = |line: &&String| line.contains(r#""kind":"Deployment""#);
        lines.iter().filter(of_deployments).count()
    };
    let before = asked("first-mark");
    assert!(before >= 6, "{:#?}", webhook.program.log());
    run(&["scale", "deployment/old", "--replicas=3"]).silently();
    let status = ["--subresource=status", "-p", r#"{"status":{"replicas":3}}"#];
    run(&[&["patch", "deployment/old"][..], &status].concat()).silently();
    run(&["delete", "deployment/old"]).silently();
    assert_eq!(
        asked("second-mark"),
        before,
        "the configurations name no subresource and no deletion"
    );
}

fn an_old_object_cannot_be_made_worse(world: &World) {
    let plane = world.control_plane();
    let mut object = old_deployment(plane, "worse");
    let _webhook = Webhook::install(plane, &["--kubernetes-version=1.36"]);
    object["spec"]["template"]["spec"]["containers"][0]["args"][7] = "10x".into();
    let said = plane.kubectl.pipe(&APPLY_ON_SERVER, &object.to_string());
    let (_, text) = said
        .refused()
        .split_once("denied the request: ")
        .expect("a reason");
    assert!(
        text.starts_with("Deployment worse/old has 1 error:"),
        "{text}"
    );
    assert!(text.contains("explain keepalive-age-"), "{text}");
    assert!(!text.contains("version-unsupported"), "{text}");
    assert!(tells_of_old_error(&said), "{said:?}");

    let api = Api::<Deployment>::namespaced(plane.client.clone(), "worse");
    let patch = Patch::Strategic(json!({"spec": {"template": {"spec": {"containers": [
        {"name": "discovery", "image": "docker.io/istio/pilot:1.8.6"},
    ]}}}}));
    let better = plane.block_on(api.patch("old", &PatchParams::default(), &patch));
    let better = serde_json::to_value(better.expect("a step of an upgrade passes")).expect("JSON");
    let image = &better["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "docker.io/istio/pilot:1.8.6");
}

fn of_a_list_the_bad_is_refused(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    plane.namespace("list", &json!({}));
    let items = [
        too_old("list", "bad"),
        too_long("list", "good"),
        too_old("list", "worse"),
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let said = plane.kubectl.pipe(&APPLY, &list.to_string());
    assert_eq!(said.stdout, "deployment.apps/good created\n");
    let refused = said.refused();
    for name in ["bad", "worse"] {
        assert!(
            refused.contains(&format!("Deployment list/{name} has 1 error:")),
            "{refused}"
        );
    }
    let stored = ["get", "deployments", "-n", "list", "-o", "name"];
    assert_eq!(plane.kubectl.must(&stored), "deployment.apps/good\n");
}

/// The store takes requests of up to 1.5 MiB. An update is sent with the old object, so the review
/// is twice as large.
fn a_large_object_is_judged(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    plane.namespace("large", &json!({}));
    let mut object = too_long("large", "istiod");
    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
    let filling = json!({"name": "FILLING", "value": "0123456789abcdef".repeat(97_000)});
    container["env"]
        .as_array_mut()
        .expect("a list")
        .push(filling);
    for (target, text) in [("10m", "30m"), ("5m", "5m"), ("10m", "40m")] {
        object["spec"]["template"]["spec"]["containers"][0]["args"][6] = text.into();
        let text = object.to_string();
        assert!(text.len() > 1_550_000);
        plane.kubectl.pipe(&APPLY_ON_SERVER, &text).ok();
        let stored = plane.kubectl.get("large", "deployment/istiod");
        assert_eq!(age(&stored), target);
    }
    object["spec"]["template"]["spec"]["containers"][0]["image"] = "istio/pilot:1.7.4".into();
    let said = plane.kubectl.pipe(&APPLY_ON_SERVER, &object.to_string());
    assert!(
        said.refused().contains("version-unsupported"),
        "{}",
        said.stderr
    );
}

/// The audit log of the cluster gets what is worth no warning.
fn what_is_only_worth_knowing_is_kept(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &["--istio-version=1.31.1"]);
    plane.namespace("audit", &json!({}));
    let mut pod = pod("audit", "audited");
    pod["metadata"]["labels"] = json!({"sidecar.istio.io/inject": "true"});
    let create = ["create", "-f", "-"];
    plane.kubectl.pipe(&create, &pod.to_string()).silently();
    let events = plane.audit("audited");
    let note = &events[0]["annotations"]["validate.meshcheck.dev/sidecar-start-not-gated"];
    let note = note.as_str().unwrap_or_default();
    assert!(
        note.starts_with("whether the application waits"),
        "{events:?}"
    );
}

/// Refusing the removal of its last finalizer would keep it for ever.
fn what_is_on_its_way_out_can_go(world: &World) {
    let plane = world.control_plane();
    plane.namespace("gone", &json!({}));
    let mut object = too_old("gone", "old");
    object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    plane
        .kubectl
        .pipe(&APPLY_ON_SERVER, &object.to_string())
        .silently();
    let webhook = Webhook::install(plane, &["--updates=all"]);
    let run = |arguments: &[&str]| {
        let arguments = [&["-n", "gone"], arguments].concat();
        plane.kubectl.run(&arguments)
    };
    assert_eq!(
        run(&["label", "deployment/old", "a=b"]).code,
        1,
        "all updates are held to the rules"
    );
    run(&["delete", "deployment/old", "--wait=false"]).silently();
    let counts = || [webhook.reviews(), webhook.reviews_of("untouched")];
    let [asked, left_alone] = counts();
    run(&["label", "deployment/old", "c=d"]).silently();
    run(&[
        "patch",
        "deployment/old",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ])
    .silently();
    let [asked_then, left_alone_then] = counts();
    assert!(asked_then >= asked + 4, "by both webhooks, twice");
    assert_eq!(left_alone_then - left_alone, asked_then - asked);
    wait_for("the end of the object", || {
        let stored = ["get", "deployment/old", "--ignore-not-found"];
        run(&stored).ok().is_empty().then_some(())
    });
}

/// A mirror Pod runs already, whatever is said of it.
fn a_node_is_not_refused_its_own_pods(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    plane.namespace("nodes", &json!({}));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "static", "namespace": "nodes"},
        "spec": {"containers": [{"name": "discovery", "image": "istio/pilot:1.7.4"}]},
    });
    let create = [
        "create",
        "-f",
        "-",
        "--as=system:node:one",
        "--as-group=system:masters",
    ];
    plane.kubectl.pipe(&create, &pod.to_string()).refused();
    let as_node = [&create[..], &["--as-group=system:nodes"]].concat();
    plane.kubectl.pipe(&as_node, &pod.to_string()).silently();
}

fn what_is_out_of_scope_is_not_asked_about(world: &World) {
    let plane = world.control_plane();
    let webhook = Webhook::install(plane, &[]);
    let before = webhook.reviews();
    for object in [
        too_old("kube-system", "old"),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "default"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "default"},
            "spec": {"ports": [{"port": 80}]}}),
    ] {
        let create = ["create", "--dry-run=server", "-f", "-"];
        plane.kubectl.pipe(&create, &object.to_string()).silently();
    }
    assert_eq!(webhook.reviews(), before);
}
