//! Who is asked: a policy, a bare webhook and ours, each about its own namespaces.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::bare::Bare;
use crate::cases::{self, istiod};
use crate::control_plane::{ControlPlane, wait_for};
use crate::program::{Folder, Made};
use crate::webhook::{MUTATING, VALIDATING, Webhook, webhooks_of};

const API: &str = "admissionregistration.k8s.io/v1";
const KINDS: [&str; 2] = [MUTATING, VALIDATING];

/// In effect as long as this is there.
pub(crate) struct Installed<'c> {
    _bare: Bare,
    _certificate: Folder,
    _ours: Webhook<'c>,
}

pub(crate) fn install(plane: &ControlPlane) -> Installed<'_> {
    let certificate = Folder::new();
    let made = Made::for_names(&["localhost", "127.0.0.1"]);
    certificate.mount_made(&made);
    let bare = Bare::start(certificate.path());
    let url = format!("https://{}", bare.address);
    for kind in KINDS {
        store(plane, &bare_configuration(kind, &url, &made.ca));
    }
    enact_policy(plane);
    Installed {
        _bare: bare,
        _certificate: certificate,
        _ours: ours(plane),
    }
}

/// As the manifests have it, but about these namespaces alone.
fn ours(plane: &ControlPlane) -> Webhook<'_> {
    Webhook::install_with(plane, &[], &KINDS, |object| {
        // In the last one it is tried whether it is called.
        let both = [cases::OURS, "default"];
        if object["kind"] == MUTATING {
            confine(object, &both);
        } else {
            confine(object, &[&both[..], &[cases::OURS_VALIDATES]].concat());
        }
    })
}

/// Leaves these namespaces to a configuration, but for those that are chosen already, and lets nothing pass that
/// it was not asked about.
fn confine(configuration: &mut Value, namespaces: &[&str]) {
    for webhook in webhooks_of(configuration) {
        let chosen = &mut webhook["namespaceSelector"];
        if chosen["matchExpressions"][0]["operator"] == "NotIn" {
            *chosen = selector(namespaces);
        }
        webhook["failurePolicy"] = "Fail".into();
    }
}

fn selector(namespaces: &[&str]) -> Value {
    let name = "kubernetes.io/metadata.name";
    json!({"matchExpressions": [{"key": name, "operator": "In", "values": namespaces}]})
}

/// No more than an API server needs.
fn bare_configuration(kind: &str, base: &str, ca: &str) -> Value {
    let (path, namespaces) = if kind == MUTATING {
        ("mutate", &[cases::BARE][..])
    } else {
        ("validate", &[cases::BARE, cases::BARE_VALIDATES][..])
    };
    let (url, ca) = (format!("{base}/{path}"), BASE64_STANDARD.encode(ca));
    json!({
        "apiVersion": API, "kind": kind, "metadata": {"name": "bare"},
        "webhooks": [{
            "name": format!("{path}.bare.example"), "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": url, "caBundle": ca}, "sideEffects": "None",
            "namespaceSelector": selector(namespaces), "rules": [rule()],
        }],
    })
}

fn rule() -> Value {
    json!({
        "operations": ["CREATE", "UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"],
        "resources": ["deployments"],
    })
}

/// Three checks of what our rules look at, too: the registry, the readiness and the age of streams.
fn enact_policy(plane: &ControlPlane) {
    let containers = "object.spec.template.spec.containers";
    let checks = [
        "!c.image.startsWith('gcr.io/istio-release/')",
        "has(c.readinessProbe)",
        "!has(c.args) || !c.args.exists(a, a.contains('ServerConnectionAge')) || \
         c.args.join(' ').matches('ServerConnectionAge[= ]([1-9]|10)m( |$)')",
    ];
    let checks = checks.map(|check| json!({"expression": format!("{containers}.all(c, {check})")}));
    let name = json!({"name": "istiod"});
    let matched = json!({"namespaceSelector": selector(&[cases::POLICY])});
    for (kind, spec) in [
        (
            "ValidatingAdmissionPolicy",
            json!({"matchConstraints": {"resourceRules": [rule()]}, "validations": checks}),
        ),
        (
            "ValidatingAdmissionPolicyBinding",
            json!({"policyName": "istiod", "validationActions": ["Deny"], "matchResources": matched}),
        ),
    ] {
        store(
            plane,
            &json!({"apiVersion": API, "kind": kind, "metadata": name, "spec": spec}),
        );
    }
    let unsafe_istiod = istiod(cases::POLICY, cases::UNSAFE).to_string();
    wait_for("the refusal by the policy", || {
        let create = ["create", "--dry-run=server", "-f", "-"];
        let said = plane.kubectl.pipe(&create, &unsafe_istiod);
        let refusal = "ValidatingAdmissionPolicy 'istiod' with binding 'istiod' denied request";
        said.stderr.contains(refusal).then_some(())
    });
}

fn store(plane: &ControlPlane, object: &Value) {
    let apply = ["apply", "--server-side", "--validate=strict", "-f", "-"];
    plane.kubectl.pipe(&apply, &object.to_string()).silently();
}
