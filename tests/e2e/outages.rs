//! Both outages, as somebody applies them.

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::PostParams;
use kube::{Api, Error};
use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::ControlPlane;
use crate::kubectl::Said;
use crate::webhook::{VALIDATING, Webhook, documents, manifests};
use crate::world::World;

tests! {
    KUBERNETES =>
        the_age_of_streams_is_mended,
        the_age_of_streams_is_refused_where_nothing_may_be_changed,
        services_that_do_not_wait_are_stored,
        the_old_control_plane_is_refused,
        the_probe_of_the_manual_is_refused,
        a_client_gets_the_reason;
}

pub(crate) fn outage(name: &str) -> PathBuf {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/outages");
    Path::new(fixtures).join(name)
}

/// The file as an argument of kubectl.
pub(crate) fn file(name: &str) -> String {
    outage(name).to_str().expect("text").to_owned()
}

/// What `/validate` is expected to answer to an outage: why it refuses, and what it warns of.
fn answer(name: &str) -> (String, Vec<String>) {
    let text = fs::read_to_string(outage(name).join("expected/validate.json"));
    let mut answer: Value = serde_json::from_str(&text.expect("a file")).expect("JSON");
    let response = &mut answer["response"];
    let warnings = serde_json::from_value(response["warnings"].take()).unwrap_or_default();
    let message = response["status"]["message"].as_str();
    (message.expect("a message").to_owned(), warnings)
}

/// kubectl says both, and nothing else.
#[track_caller]
fn assert_refused(said: &Said, path: &str, (message, warnings): &(String, Vec<String>)) {
    let warned = warnings.iter().map(|text| format!("Warning: {text}"));
    let denied =
        format!("Error from server (Forbidden): error when creating \"{path}\": {DENIED}{message}");
    let wanted: Vec<_> = warned.chain([denied]).collect();
    assert_eq!(said.refused().trim_end(), wanted.join("\n"));
}

const DENIED: &str = "admission webhook \"validate.meshcheck.dev\" denied the request: ";

/// A control plane without an istiod.
fn plane(world: &World) -> &ControlPlane {
    let plane = world.control_plane();
    plane.namespace("istio-system", &json!({}));
    remove(plane);
    plane
}

fn remove(plane: &ControlPlane) {
    let delete = [
        "delete",
        "deployment/istiod",
        "-n",
        "istio-system",
        "--ignore-not-found",
    ];
    plane.kubectl.must(&delete);
}

fn age(plane: &ControlPlane) -> Value {
    let stored = plane.kubectl.get("istio-system", "deployment/istiod");
    stored["spec"]["template"]["spec"]["containers"][0]["args"][6].clone()
}

fn the_age_of_streams_is_mended(world: &World) {
    let plane = plane(world);
    let _webhook = Webhook::install(plane, &[]);
    let said = plane
        .kubectl
        .run(&["apply", "-f", &file("stale-streams/istiod.yaml")]);
    let mended = "meshcheck fixed keepalive-age-too-long: set the connection age to 10m".to_owned();
    let (_, doubts) = answer("stale-streams");
    assert_eq!(said.warnings(), [vec![mended], doubts].concat());
    assert_eq!(
        said.ok(),
        "configmap/istio created\ndeployment.apps/istiod created\n"
    );
    assert_eq!(age(plane), "10m");
    remove(plane);
}

fn the_age_of_streams_is_refused_where_nothing_may_be_changed(world: &World) {
    let plane = plane(world);
    let _webhook = Webhook::install_with(plane, &[], &[VALIDATING], |_| {});
    let path = file("stale-streams/istiod.yaml");
    let said = plane.kubectl.run(&["apply", "-f", &path]);
    assert_refused(&said, &path, &answer("stale-streams"));
}

fn services_that_do_not_wait_are_stored(world: &World) {
    let plane = plane(world);
    let _webhook = Webhook::install(plane, &[]);
    plane.namespace("db-namespace", &json!({}));
    let apply = [
        "apply",
        "--server-side",
        "-f",
        &file("stale-streams/workloads.yaml"),
    ];
    plane.kubectl.run(&apply).ok();
}

fn the_old_control_plane_is_refused(world: &World) {
    let plane = plane(world);
    let _webhook = Webhook::install(plane, &["--kubernetes-version=1.22"]);
    let path = file("standing-still/istiod.yaml");
    let said = plane.kubectl.run(&["apply", "-f", &path]);
    assert_refused(&said, &path, &answer("standing-still"));
    let stored = [
        "get",
        "deployment/istiod",
        "-n",
        "istio-system",
        "--ignore-not-found",
    ];
    assert_eq!(plane.kubectl.must(&stored), "");
}

/// The command with which `docs/webhook.md` shows that the webhook is in place.
fn the_probe_of_the_manual_is_refused(world: &World) {
    let plane = plane(world);
    let _webhook = Webhook::install(plane, &[]);
    let manual = fs::read_to_string(manifests("../docs/webhook.md")).expect("a file");
    let mut lines = manual.lines();
    let command = lines.find_map(|line| line.strip_prefix("kubectl -n istio-system create "));
    let probe = command.expect("a command").split(' ');
    let probe: Vec<_> = ["-n", "istio-system", "create"]
        .into_iter()
        .chain(probe)
        .collect();
    let said = plane.kubectl.run(&probe);
    let wanted =
        "Deployment istio-system/probe has 1 error:\n- istiod (tag `1.7.4`) is out of support";
    assert!(said.refused().contains(wanted), "{said:?}");
}

fn a_client_gets_the_reason(world: &World) {
    let plane = plane(world);
    let _webhook = Webhook::install(plane, &["--kubernetes-version=1.22"]);
    let text = fs::read_to_string(outage("standing-still/istiod.yaml")).expect("a file");
    let object = &documents(&text)[0];
    let istiod: Deployment = serde_json::from_value(object.clone()).expect("a Deployment");
    let api = Api::namespaced(plane.client.clone(), "istio-system");
    let created = plane.block_on(async { api.create(&PostParams::default(), &istiod).await });
    let Err(Error::Api(status)) = created else {
        panic!("{created:?}");
    };
    assert_eq!((status.code, status.reason.as_str()), (403, "Forbidden"));
    assert_eq!(
        status.message,
        format!("{DENIED}{}", answer("standing-still").0)
    );
}
