//! Istio's ConfigMaps: judged wherever a chart's label is, and without it where control planes are.

use serde_json::{Value, json};

use crate::assets::MESH;
use crate::control_plane::ControlPlane;
use crate::istio;
use crate::webhook::{VALIDATING, Webhook, documents};
use crate::world::World;

tests! {
    MESH =>
        of_a_chart_they_are_judged_everywhere,
        without_a_label_they_are_judged_where_control_planes_are,
        others_are_not_asked_about;
}

const CREATE: [&str; 4] = ["create", "--dry-run=server", "-f", "-"];
const WRONG: &str = "defaultConfig:\n  discoveryAddress: 15012\n";

/// Nothing is mended, so that what is wrong is refused.
fn judge(plane: &ControlPlane) -> Webhook<'_> {
    Webhook::install_with(plane, &[], &[VALIDATING], |_| {})
}

fn unlabelled(namespace: &str, name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace},
        "data": data,
    })
}

/// The mesh config that Istio's chart makes, in another namespace.
fn of_a_chart(world: &World, namespace: &str) -> Value {
    let mut objects = documents(&istio::chart(&world.assets)).into_iter();
    let is_wanted =
        |object: &Value| object["kind"] == "ConfigMap" && object["metadata"]["name"] == "istio";
    let mut found = objects.find(is_wanted).expect("a mesh config");
    found["metadata"]["namespace"] = namespace.into();
    found
}

#[track_caller]
fn assert_refused(plane: &ControlPlane, command: &[&str], object: &Value) {
    let said = plane.kubectl.pipe(command, &object.to_string());
    assert!(said.refused().contains("hold-has-no-effect"), "{said:?}");
}

fn of_a_chart_they_are_judged_everywhere(world: &World) {
    let plane = world.control_plane();
    plane.namespace("canary-plane", &json!({}));
    let _webhook = judge(plane);
    let mut object = of_a_chart(world, "canary-plane");
    plane
        .kubectl
        .pipe(&["create", "-f", "-"], &object.to_string())
        .ok();
    object["data"]["mesh"] = WRONG.into();
    assert_refused(
        plane,
        &["apply", "--server-side", "--force-conflicts", "-f", "-"],
        &object,
    );
    object["metadata"]["labels"] = Value::Null;
    assert_refused(plane, &["replace", "-f", "-"], &object);
}

fn without_a_label_they_are_judged_where_control_planes_are(world: &World) {
    let plane = world.control_plane();
    let _webhook = judge(plane);
    for namespace in ["istio-system", "aks-istio-system"] {
        plane.namespace(namespace, &json!({}));
        let object = unlabelled(namespace, "istio-by-hand", &json!({"mesh": WRONG}));
        assert_refused(plane, &CREATE, &object);
    }
}

fn others_are_not_asked_about(world: &World) {
    let plane = world.control_plane();
    plane.namespace("istio-system", &json!({}));
    let webhook = Webhook::install(plane, &[]);
    let before = webhook.reviews();
    for object in [
        unlabelled("default", "istio-by-hand", &json!({"mesh": WRONG})),
        unlabelled("istio-system", "shop", &json!({"mesh": WRONG})),
        unlabelled("istio-system", "istio-leader", &json!({"a": "b"})),
    ] {
        plane.kubectl.pipe(&CREATE, &object.to_string()).ok();
    }
    assert_eq!(webhook.reviews(), before);
}
