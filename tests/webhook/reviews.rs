//! Reviews to ask, and what is in the answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A Deployment of istiod with this connection age; everything else is as Istio's chart has it.
pub(crate) fn istiod(age: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "istiod", "labels": {"app": "istiod"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "istiod"}},
            "template": {
                "metadata": {"labels": {"app": "istiod"}},
                "spec": {"containers": [{
                    "name": "discovery",
                    "image": "docker.io/istio/pilot:1.31.1",
                    "args": ["discovery", "--keepaliveMaxServerConnectionAge", age],
                    "ports": [{"containerPort": 8080}],
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
                }]},
            },
        },
    })
}

/// A review of the creation of `object` in the namespace `istio-system`.
pub(crate) fn creation(object: &Value) -> Value {
    let api_version = object["apiVersion"].as_str().expect("an object");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = json!({"group": group, "version": version, "kind": object["kind"]});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind, "requestKind": kind,
            "resource": {"group": group, "version": version, "resource": "things"},
            "name": object["metadata"]["name"],
            "namespace": "istio-system",
            "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters"]},
            "object": object,
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}

/// A review of the change of `before` into `object`.
pub(crate) fn update(before: &Value, object: &Value) -> Value {
    let mut review = creation(object);
    review["request"]["operation"] = "UPDATE".into();
    review["request"]["oldObject"] = before.clone();
    review
}

/// The operations of the patch in a response; nothing where there is no patch.
pub(crate) fn patch(response: &Value) -> Vec<Value> {
    let Some(text) = response["patch"].as_str() else {
        return Vec::new();
    };
    assert_eq!(response["patchType"], "JSONPatch");
    let bytes = STANDARD.decode(text).expect("base64");
    serde_json::from_slice(&bytes).expect("a JSON patch")
}

/// `object` with the patch of a response.
pub(crate) fn patched(object: &Value, response: &Value) -> Value {
    let mut object = object.clone();
    let operations: json_patch::Patch =
        serde_json::from_value(patch(response).into()).expect("a JSON patch");
    json_patch::patch(&mut object, &operations).expect("a patch that fits");
    object
}
