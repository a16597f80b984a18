use serde_json::json;

use super::*;
use crate::finding::Pointer;
use crate::mesh::{Known, Place};
use crate::object::Object;

fn learn(mesh: &mut Mesh, file: &str, value: &Value) {
    for object in Object::all(value) {
        let source = Source::Document {
            file: file.into(),
            document: 0,
            pointer: Pointer::root(),
            title: object.title().into(),
        };
        mesh.learn(&object, &source);
    }
}

fn namespace(name: &str, injection: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {
            "istio-injection": injection, "team": "a", "istio.io/rev": "1-31-1",
        }},
    })
}

fn recall(text: &str) -> Result<Mesh, RecordingError> {
    let mut mesh = Mesh::default();
    mesh.recall(text, &"mesh.json".into())?;
    Ok(mesh)
}

#[test]
fn a_recording_is_short_and_in_order() {
    let mut mesh = Mesh::new(Settings {
        kubernetes: KubernetesVersion::parse("1.34"),
        istio: None,
    });
    learn(&mut mesh, "b.yaml", &namespace("shop", "enabled"));
    learn(&mut mesh, "a.yaml", &namespace("shop", "enabled"));
    learn(&mut mesh, "c.yaml", &namespace("shop", "disabled"));
    learn(&mut mesh, "c.yaml", &namespace("cart", "enabled"));
    let text = mesh.record();
    let expected = r#"{
  "format": "meshcheck-mesh",
  "version": 1,
  "kubernetesVersion": "1.34",
  "namespaces": [
    {"fact":{"name":"cart","labels":{"istio-injection":"enabled","istio.io/rev":"1-31-1"}},"source":{"object":"Namespace/cart","file":"c.yaml"}},
    {"fact":{"name":"shop","labels":{"istio-injection":"enabled","istio.io/rev":"1-31-1"}},"source":{"object":"Namespace/shop","file":"a.yaml"}},
    {"fact":{"name":"shop","labels":{"istio-injection":"disabled","istio.io/rev":"1-31-1"}},"source":{"object":"Namespace/shop","file":"c.yaml"}}
  ]
}
"#;
    assert_eq!(text, expected);
    // What was recalled is recorded as it was.
    assert_eq!(recall(&text).expect("a recording").record(), expected);
}

#[test]
fn documents_are_stronger_and_disagreement_is_kept() {
    let mut mesh = Mesh::default();
    learn(&mut mesh, "a.yaml", &namespace("shop", "enabled"));
    learn(&mut mesh, "a.yaml", &namespace("cart", "enabled"));
    learn(&mut mesh, "b.yaml", &namespace("cart", "disabled"));
    let mut mesh = recall(&mesh.record()).expect("a recording");
    let pod = |namespace: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace}});
    let (shop, cart) = (pod("shop"), pod("cart"));
    let labels = |mesh: &Mesh, value: &Value| {
        let object = &Object::all(value)[0];
        let around = mesh.around(object, Place::file("far/away.yaml"));
        match around.namespace_labels() {
            Known::Yes(labels, source) => format!("{:?} {source}", labels.get("istio-injection")),
            Known::Disputed(one, other) => format!("{one}, {other}"),
            Known::No => "unknown".to_owned(),
        }
    };
    let recorded = r#"Some("enabled") Namespace/shop in mesh.json (recorded from a.yaml)"#;
    assert_eq!(labels(&mesh, &shop), recorded);
    let disputed = "Namespace/cart in mesh.json (recorded from a.yaml), Namespace/cart in mesh.json \
                    (recorded from b.yaml)";
    assert_eq!(labels(&mesh, &cart), disputed);
    learn(&mut mesh, "near.yaml", &namespace("shop", "disabled"));
    let read = r#"Some("disabled") Namespace/shop in near.yaml"#;
    assert_eq!(labels(&mesh, &shop), read);
}

#[test]
fn what_is_no_recording_is_refused_with_its_place() {
    let cases = [
        (
            "",
            "it is no JSON: EOF while parsing a value at line 1 column 0",
        ),
        ("{\"format\": ", "it is no JSON"),
        ("[1]", "it is no recording of a mesh"),
        ("{}", "it has no `format`"),
        (r#"{"format": "other", "version": 1}"#, "`format` is not"),
        (r#"{"format": "meshcheck-mesh"}"#, "`version` is no version"),
        (
            r#"{"format": "meshcheck-mesh", "version": 0}"#,
            "`version` is no version",
        ),
        (
            r#"{"format": "meshcheck-mesh", "version": "1"}"#,
            "`version` is no version",
        ),
        (
            r#"{"format": "meshcheck-mesh", "version": 2, "more": []}"#,
            "it has version 2, and this meshcheck reads versions up to 1",
        ),
        (
            "{\"format\": \"meshcheck-mesh\", \"version\": 1,\n \"node\": []}",
            "unknown field `node`, expected one of",
        ),
        (
            "{\"format\": \"meshcheck-mesh\", \"version\": 1, \"nodes\": [\n{\"fact\": {\"name\": \
             \"a\", \"kubelet\": \"new\"}, \"source\": {\"object\": \"Node/a\"}}]}",
            "\"new\" is no Kubernetes version such as 1.33 at line 2 column",
        ),
    ];
    for (text, expected) in cases {
        let error = recall(text).expect_err("no recording");
        let said = error.to_string();
        assert!(said.contains(expected), "{text}: {said}");
    }
    let misspelt = "{\"format\": \"meshcheck-mesh\", \"version\": 1,\n \"node\": []}";
    let at = recall(misspelt).expect_err("no recording").position();
    assert_eq!(at, Some((2, 7)));
}

#[test]
fn what_keeps_istiod_is_recorded() {
    let hpa = |namespace: &str, name: &str| {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "minReplicas": 2,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            },
        })
    };
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "istiod", "namespace": "istio-system"},
        "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "istiod"}}},
    });
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": "defaultConfig: {terminationDrainDuration: 90s}"},
    });
    let mut mesh = Mesh::default();
    for value in [
        hpa("istio-system", "istiod"),
        hpa("shop", "cart"),
        budget,
        config,
    ] {
        learn(&mut mesh, "a.yaml", &value);
    }
    let expected = r#"{
  "format": "meshcheck-mesh",
  "version": 1,
  "meshConfigs": [
    {"fact":{"revision":"default","hold":"absent","drain":{"termination":"1m30s"}},"source":{"object":"ConfigMap/istio","file":"a.yaml"}}
  ],
  "autoscalers": [
    {"fact":{"target":"istio-system/Deployment/istiod","minimum":2},"source":{"object":"HorizontalPodAutoscaler/istiod","file":"a.yaml"}}
  ],
  "disruptionBudgets": [
    {"fact":{"name":"istio-system/istiod","budget":{"minAvailable":"50%"},"selector":{"matchLabels":{"app":"istiod"}}},"source":{"object":"PodDisruptionBudget/istiod","file":"a.yaml"}}
  ]
}
"#;
    assert_eq!(mesh.record(), expected);
    assert_eq!(recall(expected).expect("a recording").record(), expected);
}
