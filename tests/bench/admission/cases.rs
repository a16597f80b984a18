//! What is created, and where: each namespace has its own webhooks.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::webhook::documents;

const ISTIOD: &str = "../tests/fixtures/outages/stale-streams/istiod.yaml";

/// Namespaces by who is asked about what is in them.
pub(crate) const NONE: &str = "none";
pub(crate) const POLICY: &str = "policy";
pub(crate) const BARE_VALIDATES: &str = "bare-validates";
pub(crate) const BARE: &str = "bare";
pub(crate) const OURS_VALIDATES: &str = "ours-validates";
pub(crate) const OURS: &str = "ours";

pub(crate) const NAMESPACES: [&str; 6] = [NONE, POLICY, BARE_VALIDATES, BARE, OURS_VALIDATES, OURS];

/// An age of streams that nobody minds, and one that ours mends.
pub(crate) const SAFE: &str = "10m";
pub(crate) const UNSAFE: &str = "30m";

/// A row of the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    /// How often a webhook is called.
    pub(crate) calls: u64,
    /// In the answer, so that what is measured is known to work.
    pub(crate) says: &'static str,
    /// The row of the same object with no webhook.
    pub(crate) none: &'static str,
    /// The row of the bare webhook that is called as often.
    pub(crate) bare: Option<&'static str>,
}

/// The order of the table: an istiod that is asked about, then what is out of scope.
pub(crate) fn cases() -> Vec<Case> {
    let none = "istiod, nobody";
    let validates = Some("istiod, bare, validating");
    let both = Some("istiod, bare, both");
    let istiod = |name, namespace, calls, bare, age| Case {
        name,
        path: path("apis/apps/v1", namespace, "deployments"),
        body: self::istiod(namespace, age).to_string().into(),
        calls,
        says: "\"10m\"",
        none,
        bare,
    };
    let mut cases = vec![
        istiod("istiod, nobody", NONE, 0, validates, SAFE),
        istiod("istiod, nobody, once more", NONE, 0, validates, SAFE),
        istiod("istiod, a CEL policy", POLICY, 0, validates, SAFE),
        istiod(
            "istiod, bare, validating",
            BARE_VALIDATES,
            1,
            validates,
            SAFE,
        ),
        istiod("istiod, bare, both", BARE, 2, both, SAFE),
        istiod(
            "istiod, ours, validating",
            OURS_VALIDATES,
            1,
            validates,
            SAFE,
        ),
        istiod("istiod, ours, both", OURS, 2, both, SAFE),
        istiod("istiod, ours, both, mended", OURS, 2, both, UNSAFE),
    ];
    let outside = |name, namespace, none, resource, object: &Value| Case {
        name,
        path: path("api/v1", namespace, resource),
        body: object.to_string().into(),
        calls: 0,
        says: "\"name\":\"outside\"",
        none,
        bare: None,
    };
    let metadata = json!({"name": "outside"});
    let data = json!({"key": "dmFsdWU="});
    let ports = json!({"ports": [{"port": 80}]});
    let service =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": ports});
    let config =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data});
    for (names, resource, object) in [
        (["Service, nobody", "Service, ours"], "services", service),
        (
            ["ConfigMap, nobody", "ConfigMap, ours"],
            "configmaps",
            config,
        ),
        (["Secret, nobody", "Secret, ours"], "secrets", secret),
    ] {
        for (name, namespace) in names.into_iter().zip([NONE, OURS]) {
            cases.push(outside(name, namespace, names[0], resource, &object));
        }
    }
    cases
}

/// Where to create what is not to be stored.
fn path(api: &str, namespace: &str, resource: &str) -> String {
    format!("/{api}/namespaces/{namespace}/{resource}?dryRun=All")
}

/// The control plane of the first outage, with streams of this age.
pub(crate) fn istiod(namespace: &str, age: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(ISTIOD);
    let text = fs::read_to_string(path).expect("a fixture");
    let mut objects = documents(&text).into_iter();
    let found = objects.find(|object| object["kind"] == "Deployment");
    let mut istiod = found.expect("a Deployment");
    istiod["metadata"]["namespace"] = namespace.into();
    let argument = &mut istiod["spec"]["template"]["spec"]["containers"][0]["args"][6];
    assert_eq!(*argument, "30m", "the fixture's");
    *argument = age.into();
    istiod
}
