//! What is asked, as an API server asks it.

use std::fs;
use std::path::Path;

use axum::body::Bytes;
use meshcheck_rules::yaml::{Options, Stream};
use serde_json::{Value, json};

use crate::service;

const ISTIOD: &str = "../tests/fixtures/corpus/istio-1.30.3/golden/pilot_default.golden.yaml";
/// A version with which nothing is wrong, so that only the age is.
const VERSION: &str = "docker.io/istio/pilot:1.31.1";

/// A row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: Bytes,
    /// In the answer, so that what is measured is known to work.
    says: &'static str,
}

impl Case {
    fn new(name: &'static str, path: &'static str, object: &Value, says: &'static str) -> Self {
        Self {
            name,
            path,
            body: review(object).to_string().into(),
            says,
        }
    }

    /// With its size.
    pub(crate) fn title(&self) -> String {
        format!("{} {} {} B", self.name, self.path, self.body.len())
    }

    /// Fails for another answer.
    pub(crate) fn verify(&self, answer: &str) {
        assert!(answer.contains(self.says), "{}: {answer}", self.name);
    }
}

/// A workload without a mesh, one that asks for it, and an istiod whose connections live too long.
pub(crate) fn cases() -> Vec<Case> {
    let service = service::text(1);
    let unmeshed = service.replace("        sidecar.istio.io/inject: \"true\"\n", "");
    assert_ne!(service, unmeshed, "the label was there");
    let [meshed, unmeshed] = [service, unmeshed].map(|text| deployment(&text));
    let istiod = istiod();
    vec![
        Case::new("unrelated", "/validate", &unmeshed, "\"allowed\":true"),
        Case::new("meshed", "/validate", &meshed, "\"allowed\":true"),
        Case::new("istiod", "/validate", &istiod, "keepalive"),
        Case::new("istiod", "/mutate", &istiod, "\"patch\":"),
    ]
}

fn deployment(text: &str) -> Value {
    let stream = Stream::read(text.as_bytes(), &Options::default());
    let mut values = stream.documents.into_iter().map(|document| document.value);
    let found = values.find(|value| value["kind"] == "Deployment");
    found.expect("the text has one")
}

fn istiod() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(ISTIOD);
    let text = fs::read_to_string(path).expect("a fixture");
    let mut istiod = deployment(&text);
    istiod["spec"]["template"]["spec"]["containers"][0]["image"] = VERSION.into();
    istiod
}

fn review(object: &Value) -> Value {
    let kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let resource = json!({"group": "apps", "version": "v1", "resource": "deployments"});
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": object["metadata"]["name"],
            "namespace": object["metadata"]["namespace"],
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:argocd:argocd-application-controller",
                "uid": "8f4d0a52-3c58-4f4e-9a0e-6ad9d2a0b0b1",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:argocd", "system:authenticated"],
            },
            "object": object,
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}
