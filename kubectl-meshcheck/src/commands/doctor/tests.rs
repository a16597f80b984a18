//! The checks, on what would be seen of the manifests as they are, and of what people make of them.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhook;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec, Service};
use meshcheck_certs::Certificate;
use meshcheck_certs::authority::{Authority, Life};
use meshcheck_rules::yaml::{Options, Stream};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::diagnosis::{Diagnosis, Note, Problem};
use super::needs::needs;
use super::rbac::{Account, Asked, Permissions, Rbac};
use super::snapshot::{
    Belonging, Cluster, Configuration, Install, Kind, Probes, Snapshot, Stored, StoredCertificate,
    Tried, Unseen,
};
use crate::args::FailOn;
use crate::report::{Demands, Verdict};

mod certificates;
mod manners;
mod output;
mod permissions;
mod pods;
mod reach;
mod surroundings;

const NAMESPACE: &str = "meshcheck-system";
const SERVICE: &str = "meshcheck-webhook";
const SERVED: &str = "meshcheck-webhook.meshcheck-system.svc";
const MUTATING: &str = "MutatingWebhookConfiguration/a0-meshcheck-webhook";
const VALIDATING: &str = "ValidatingWebhookConfiguration/meshcheck-webhook";

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a time")
}

/// The first object of a file of the base.
fn base<T: DeserializeOwned>(file: &str) -> T {
    typed(documents(file).remove(0))
}

fn documents(file: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/base");
    let bytes = fs::read(folder.join(file)).expect("a file");
    let stream = Stream::read(&bytes, &Options::default());
    let documents = stream.documents.into_iter();
    documents.map(|document| document.value).collect()
}

/// The roles of the base, and who has them.
fn roles() -> Rbac {
    let mut rbac = Rbac::default();
    for object in ["audit.yaml", "certificates.yaml", "mesh.yaml"].map(documents) {
        for object in object {
            match object["kind"].as_str().expect("a kind") {
                "ClusterRole" => rbac.cluster_roles.push(typed(object)),
                "ClusterRoleBinding" => rbac.cluster_bindings.push(typed(object)),
                "Role" => rbac.roles.push(typed(object)),
                "RoleBinding" => rbac.bindings.push(typed(object)),
                other => panic!("{other}"),
            }
        }
    }
    rbac
}

/// The Pod of the base.
fn webhook_pod() -> PodSpec {
    let deployment: Deployment = base("deployment.yaml");
    let spec = deployment.spec.expect("a spec");
    spec.template.spec.expect("a Pod")
}

fn account() -> Account {
    Account {
        namespace: NAMESPACE.to_owned(),
        name: webhook_pod().service_account_name.expect("an account"),
    }
}

/// What these roles allow of what the base needs.
fn permissions(rbac: &Rbac) -> Permissions {
    let (account, needs) = (account(), needs(&webhook_pod(), NAMESPACE, true));
    let asked = needs
        .into_iter()
        .map(|need| Asked::by(rbac, &account, need));
    Permissions {
        asked: asked.collect(),
        account,
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of this kind")
}

/// An authority, and a certificate that it made, both of which live from a day ago for so many days.
fn made(days: u64, name: &str) -> (Certificate, Vec<Certificate>) {
    let day = std::time::Duration::from_hours(24);
    let life = Life::from(now(), day * u32::try_from(days).expect("few"), day);
    let authority = Authority::found("tests", now(), life).expect("an authority");
    let issued = authority.issue(&[name.to_owned()], life);
    let chain = Certificate::all_from_pem(issued.expect("a certificate").certificate.as_bytes());
    (authority.certificate().clone(), chain.expect("a chain"))
}

fn configuration(kind: Kind, authority: &Certificate) -> Configuration {
    let file = match kind {
        Kind::Mutating => "mutating.yaml",
        Kind::Validating => "validating.yaml",
    };
    let mut configuration = Configuration { kind, ..base(file) };
    let bundle = ByteString(authority.pem().into_bytes());
    for webhook in &mut configuration.webhooks {
        webhook.client_config.ca_bundle = Some(bundle.clone());
    }
    configuration
}

fn namespace(name: &str, labels: &Value) -> k8s_openapi::api::core::v1::Namespace {
    let mut labels = labels.clone();
    labels["kubernetes.io/metadata.name"] = name.into();
    typed(json!({"metadata": {"name": name, "labels": labels}}))
}

/// The first webhook of a configuration: 0 is the mutating one.
fn webhook(snapshot: &mut Snapshot, index: usize) -> &mut MutatingWebhook {
    &mut snapshot.configurations[index].webhooks[0]
}

/// The container of the Deployment that was seen.
fn container(snapshot: &mut Snapshot) -> &mut Container {
    let deployments = snapshot.installs[0].deployments.as_mut().expect("seen");
    let spec = deployments[0].spec.as_mut().expect("a spec");
    &mut spec.template.spec.as_mut().expect("a Pod").containers[0]
}

/// Three replicas that are ready behind the Service of the base, and what the two objects came to.
fn healthy() -> Snapshot {
    let (authority, chain) = made(90, SERVED);
    let mut deployment: Value = base("deployment.yaml");
    deployment["status"] = json!({"readyReplicas": 3});
    let mut budget: Value = base("disruption-budget.yaml");
    budget["status"] = json!({
        "disruptionsAllowed": 1, "expectedPods": 3, "currentHealthy": 3, "desiredHealthy": 2,
    });
    let endpoint = json!({"addresses": ["10.0.0.1"], "conditions": {"ready": true}});
    let slice =
        json!({"addressType": "IPv4", "metadata": {}, "endpoints": [endpoint, endpoint, endpoint]});
    let install = Install {
        namespace: NAMESPACE.to_owned(),
        name: SERVICE.to_owned(),
        service: Ok(Some(base::<Service>("service.yaml"))),
        slices: Ok(vec![typed(slice)]),
        pods: Ok(Vec::new()),
        deployments: Ok(vec![typed(deployment)]),
        budgets: Ok(vec![typed(budget)]),
        secret: Ok(Stored::Found(StoredCertificate {
            name: "meshcheck-webhook-certificates".to_owned(),
            is_managed: true,
            chain: Ok(chain),
        })),
        permissions: Ok(Some(permissions(&roles()))),
        served: Vec::new(),
    };
    let belonging = |kind, name: &str| Belonging {
        kind,
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
    };
    Snapshot {
        now: now(),
        plugin: env!("CARGO_PKG_VERSION"),
        cluster: Cluster {
            context: Some("tests".to_owned()),
            server: "https://127.0.0.1:6443".to_owned(),
            kubernetes: Ok("v1.36.3".to_owned()),
        },
        configurations: [Kind::Mutating, Kind::Validating]
            .map(|kind| configuration(kind, &authority))
            .into(),
        namespaces: Ok(vec![
            namespace("default", &json!({})),
            namespace("kube-system", &json!({})),
            namespace(NAMESPACE, &json!({"istio-injection": "disabled"})),
        ]),
        installs: vec![install],
        urls: Vec::new(),
        belongings: vec![
            Ok(vec![belonging("Deployment", SERVICE)]),
            Ok(vec![belonging("Secret", "meshcheck-webhook-certificates")]),
        ],
        probes: Probes {
            namespace: Some("default".to_owned()),
            patched: Ok(patched("10m")),
            refused: Ok(refused(
                "admission webhook \"validate.meshcheck.dev\" denied the request: Deployment has 1 error",
            )),
            way: None,
        },
    }
}

/// The object that must be patched, stored with this age.
fn patched(age: &str) -> Tried {
    let object = |age: &str| {
        let container = json!({"args": ["discovery", "--keepaliveMaxServerConnectionAge", age]});
        json!({"spec": {"template": {"spec": {"containers": [container]}}}})
    };
    let mut stored = object(age);
    // The API server adds what is not said.
    stored["spec"]["progressDeadlineSeconds"] = 600.into();
    Tried {
        status: 201,
        message: String::new(),
        warnings: Vec::new(),
        sent: object("8760h"),
        stored,
        counts: None,
    }
}

fn refused(message: &str) -> Tried {
    Tried {
        status: 403,
        message: message.to_owned(),
        warnings: Vec::new(),
        sent: json!({}),
        stored: Value::Null,
        counts: None,
    }
}

/// What a check says of it, problems as `severity: object: message`.
fn said(snapshot: &Snapshot, check: &str) -> Vec<String> {
    let diagnosis = Diagnosis::of(snapshot);
    let found = diagnosis.checks.iter().find(|(id, _)| *id == check);
    let (_, notes) = found.expect("a check");
    let text = |note: &Note| match note {
        Note::Fine(text) => format!("ok: {text}"),
        Note::Unknown(text) => format!("unknown: {text}"),
        Note::Skipped(text) => format!("skipped: {text}"),
        Note::Problem(problem) => {
            format!(
                "{}: {}: {}",
                problem.severity.as_str(),
                problem.at,
                problem.message
            )
        }
    };
    notes.iter().map(text).collect()
}

/// All problems of all checks, of which each must say what it leads to and what to do.
fn problems(snapshot: &Snapshot) -> Vec<(&'static str, Problem)> {
    let diagnosis = Diagnosis::of(snapshot);
    let mut problems = Vec::new();
    for (id, notes) in diagnosis.checks {
        for note in notes {
            if let Note::Problem(problem) = note {
                assert!(!problem.leads_to.is_empty(), "{problem:?}");
                assert!(!problem.help.is_empty(), "{problem:?}");
                problems.push((id, problem));
            }
        }
    }
    problems
}

/// The only one.
#[track_caller]
fn problem(snapshot: &Snapshot) -> (&'static str, Problem) {
    let [one] = problems(snapshot).try_into().expect("one problem");
    one
}

fn verdict(snapshot: &Snapshot, fail_on: FailOn) -> Verdict {
    let demands = Demands {
        fail_on,
        strict: false,
        allow_empty: false,
    };
    Diagnosis::of(snapshot).tally().verdict(demands)
}

fn unseen<T>() -> Result<T, Unseen> {
    Err(Unseen("it is forbidden".to_owned()))
}

#[test]
fn the_manifests_as_they_are_have_no_problem() {
    let snapshot = healthy();
    assert_eq!(problems(&snapshot), []);
    assert_eq!(verdict(&snapshot, FailOn::Info), Verdict::Clean);
    let diagnosis = Diagnosis::of(&snapshot);
    for (id, notes) in &diagnosis.checks {
        assert!(!notes.is_empty(), "{id} says nothing");
        let is_fine = |note: &Note| matches!(note, Note::Fine(_));
        assert!(notes.iter().all(is_fine), "{id}: {notes:?}");
    }
}

/// What could not be seen is never taken for good, and each check goes on without it.
#[test]
fn what_was_not_seen_is_unknown() {
    let mut snapshot = healthy();
    snapshot.namespaces = unseen();
    snapshot.probes.patched = unseen();
    snapshot.probes.refused = unseen();
    snapshot.belongings = vec![unseen(), unseen()];
    let install = &mut snapshot.installs[0];
    install.service = unseen();
    install.slices = unseen();
    install.pods = unseen();
    install.deployments = unseen();
    install.budgets = unseen();
    install.secret = unseen();
    install.permissions = unseen();
    assert_eq!(problems(&snapshot), []);
    for check in [
        "service",
        "replicas",
        "pods",
        "permissions",
        "certificate",
        "reachability",
        "namespaces",
        "leftovers",
    ] {
        assert_eq!(
            said(&snapshot, check),
            ["unknown: it is forbidden"],
            "{check}"
        );
    }
    assert_eq!(verdict(&snapshot, FailOn::Never), Verdict::Unread);
}

#[test]
fn a_cluster_without_anything_of_ours_is_nothing_to_check() {
    let mut snapshot = healthy();
    snapshot.configurations.clear();
    snapshot.belongings.clear();
    let install = &mut snapshot.installs[0];
    install.service = Ok(None);
    install.deployments = Ok(Vec::new());
    install.secret = Ok(Stored::Unnamed);
    assert_eq!(problems(&snapshot), []);
    assert_eq!(verdict(&snapshot, FailOn::Error), Verdict::Nothing);
}

#[test]
fn ends_soon() {
    let mut snapshot = healthy();
    snapshot.now = now() + SignedDuration::from_hours(24 * 80);
    let found = problems(&snapshot);
    let found: Vec<_> = found
        .iter()
        .map(|(id, problem)| (*id, problem.severity.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("certificate", "warning"),
            ("ca-bundle", "warning"),
            ("ca-bundle", "warning")
        ]
    );
    assert_eq!(verdict(&snapshot, FailOn::Error), Verdict::Clean);
    assert_eq!(verdict(&snapshot, FailOn::Warning), Verdict::Findings);
}
