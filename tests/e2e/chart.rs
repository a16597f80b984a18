//! Istio's own chart, as it is, through our webhook.

use std::collections::BTreeMap;

use json_patch::PatchOperation;
use serde_json::Value;

use crate::assets::MESH;
use crate::control_plane::ControlPlane;
use crate::istio;
use crate::webhook::Webhook;
use crate::world::World;

tests! {
    MESH =>
        of_the_stock_chart_nothing_but_the_age_is_changed;
}

fn of_the_stock_chart_nothing_but_the_age_is_changed(world: &World) {
    // Its own cluster: the objects have the names that a running Istio uses.
    let plane = world.another_control_plane("chart");
    plane.namespace(istio::NAMESPACE, &serde_json::json!({}));
    istio::definitions(&world.assets, &plane);
    let chart = istio::chart(&world.assets);
    let (plain, mended) = objects(&plane, &["--dry-run=server"], &chart);
    assert_eq!(mended, 0);
    assert!(plain.len() > 15, "{:?}", plain.keys());

    let _webhook = Webhook::install(
        &plane,
        &["--istio-version=1.31.1", "--kubernetes-version=1.36"],
    );
    let (stored, mended) = objects(&plane, &[], &chart);
    assert_eq!(mended, 1);
    assert_eq!(
        stored.keys().collect::<Vec<_>>(),
        plain.keys().collect::<Vec<_>>()
    );
    for (name, object) in &stored {
        let changes = json_patch::diff(&plain[name], object).0;
        if name == "Deployment/istiod" {
            let [PatchOperation::Replace(change)] = &changes[..] else {
                panic!("{changes:?}");
            };
            assert_eq!(change.value, "10m");
        } else {
            assert_eq!(changes, [], "{name}");
        }
    }
}

/// What the chart becomes on the API server, by kind and name, and how many things were mended on
/// the way.
fn objects(
    plane: &ControlPlane,
    options: &[&str],
    chart: &str,
) -> (BTreeMap<String, Value>, usize) {
    let mut apply = vec!["apply", "--server-side", "--validate=strict"];
    apply.extend(options);
    apply.extend(["-o", "json", "-f", "-"]);
    let said = plane.kubectl.pipe(&apply, chart);
    let fixed = |text: &&&str| text.starts_with("meshcheck fixed ");
    let mended = said.warnings().iter().filter(fixed).count();
    let list: Value = serde_json::from_str(&said.ok()).expect("JSON");
    let objects = list["items"].as_array().expect("a list").iter();
    (objects.cloned().map(named).collect(), mended)
}

/// An object by its kind and name, without what differs between any two.
fn named(mut object: Value) -> (String, Value) {
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    for own in [
        "creationTimestamp",
        "managedFields",
        "resourceVersion",
        "uid",
    ] {
        metadata.remove(own);
    }
    if let Some(spec) = object["spec"].as_object_mut() {
        spec.retain(|key, _| !key.starts_with("clusterIP"));
    }
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let name = format!(
        "{}/{}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    );
    (name, object)
}
