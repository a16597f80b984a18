//! The manifests: that the API server takes them as they are meant, that they fit the program and
//! one another, and that they ask for the kinds that rules look at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;
use jiff::civil::date;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Namespace, PodSpec, ResourceQuota, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Engine, Mesh, Object, Place, Source, rules};
use meshcheck_webhook::args::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[path = "manifests/certificates.rs"]
mod certificates;
#[path = "manifests/chart.rs"]
mod chart;
#[path = "manifests/configurations.rs"]
mod configurations;
#[path = "manifests/monitoring.rs"]
mod monitoring;
#[path = "manifests/network.rs"]
mod network;

const AUDIT: &str = "base/audit.yaml";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests")
}

/// Every YAML file that kustomize is given, by its path from `folder`.
fn files() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<_> = ["base", "components", "overlays"]
        .map(|name| folder().join(name))
        .into();
    while let Some(here) = folders.pop() {
        for entry in fs::read_dir(here).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|name| name == "yaml") {
                let short = path.strip_prefix(folder()).expect("below the folder");
                found.insert(short.to_str().expect("text").to_owned());
            }
        }
    }
    found
}

fn documents(file: &str) -> Vec<Value> {
    let bytes = fs::read(folder().join(file)).expect("a file");
    let stream = Stream::read(&bytes, &Options::default());
    assert_eq!(stream.problems, [], "{file}");
    let documents = stream.documents.into_iter().map(|document| document.value);
    documents.filter(|value| !value.is_null()).collect()
}

fn all() -> Vec<(String, Value)> {
    let read = |file: String| {
        documents(&file)
            .into_iter()
            .map(move |value| (file.clone(), value))
    };
    files().into_iter().flat_map(read).collect()
}

/// The only document of `file`, typed. A field that the type does not know would be lost.
fn typed<T: DeserializeOwned + Serialize>(value: &Value) -> T {
    let typed: T =
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    assert_eq!(
        &serde_json::to_value(&typed).expect("JSON"),
        value,
        "unknown fields"
    );
    typed
}

fn only<T: DeserializeOwned + Serialize>(file: &str) -> T {
    let documents = documents(file);
    assert_eq!(documents.len(), 1, "{file}");
    typed(&documents[0])
}

#[test]
fn every_object_is_what_the_api_server_knows() {
    let mut kinds = BTreeMap::<String, usize>::new();
    for (file, value) in all() {
        let kind = value["kind"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "Namespace" => drop(typed::<Namespace>(&value)),
            "ServiceAccount" => drop(typed::<ServiceAccount>(&value)),
            "Role" => drop(typed::<Role>(&value)),
            "RoleBinding" => drop(typed::<RoleBinding>(&value)),
            "ClusterRole" => drop(typed::<ClusterRole>(&value)),
            "ClusterRoleBinding" => drop(typed::<ClusterRoleBinding>(&value)),
            "Service" => drop(typed::<Service>(&value)),
            "Deployment" => drop(typed::<Deployment>(&value)),
            "HorizontalPodAutoscaler" => drop(typed::<HorizontalPodAutoscaler>(&value)),
            "NetworkPolicy" => drop(typed::<NetworkPolicy>(&value)),
            "PodDisruptionBudget" => drop(typed::<PodDisruptionBudget>(&value)),
            "ResourceQuota" => drop(typed::<ResourceQuota>(&value)),
            "MutatingWebhookConfiguration" => drop(typed::<MutatingWebhookConfiguration>(&value)),
            "ValidatingWebhookConfiguration" => {
                drop(typed::<ValidatingWebhookConfiguration>(&value));
            }
            // Of kustomize, our own, of cert-manager and of the Prometheus Operator.
            "Kustomization" | "Component" | "Policy" | "Certificate" | "Issuer" | "PodMonitor"
            | "PrometheusRule" => {}
            other => panic!("{file}: nobody checks the kind {other:?}"),
        }
        *kinds.entry(kind).or_default() += 1;
    }
    assert_eq!(kinds["Deployment"], 1);
    assert_eq!(kinds["Kustomization"], 2);
    assert_eq!(kinds["Component"], 4);
}

#[test]
fn kustomize_takes_every_file() {
    for (file, value) in all() {
        let Some(here) = file.strip_suffix("kustomization.yaml") else {
            continue;
        };
        let made = value["configMapGenerator"].as_array().into_iter().flatten();
        let made = made.flat_map(|map| map["files"].as_array().expect("a list"));
        let named = value["resources"].as_array().into_iter().flatten();
        let listed: BTreeSet<_> = named
            .chain(made)
            .map(|name| format!("{here}{}", name.as_str().expect("text")))
            .filter(|name| !name.ends_with("/base"))
            .collect();
        for file in &listed {
            assert!(folder().join(file).exists(), "{file} is not there");
        }
        let mut there = files();
        there.retain(|other| other.starts_with(here) && *other != file);
        let others = listed
            .iter()
            .filter(|name| Path::new(name).extension() != Some("yaml".as_ref()));
        there.extend(others.cloned());
        assert_eq!(listed, there, "{file}");
    }
}

#[test]
fn our_own_rules_find_nothing() {
    let engine = Engine::new(date(2026, 11, 22), Policy::default(), Releases::embedded());
    let (all, mut mesh) = (all(), Mesh::new(Settings::default()));
    for (file, value) in &all {
        for object in Object::all(value) {
            let source = Source::Cluster {
                title: file.as_str().into(),
            };
            mesh.learn(&object, &source);
        }
    }
    let mut judged = 0;
    for (file, value) in &all {
        for object in Object::all(value) {
            let report = engine.check(&object, &mesh, Place::cluster());
            assert_eq!(report.findings, [], "{file}");
            let is_deployment = value["kind"] == "Deployment";
            judged += usize::from(is_deployment && engine.looks_at(&object));
        }
    }
    assert_eq!(judged, 1, "the Deployment is looked at");
}

#[test]
fn the_program_takes_its_arguments() {
    let pod = pod(only("base/deployment.yaml"));
    let args = args(&pod);
    let container = &pod.containers[0];

    let ports: BTreeMap<_, _> = container
        .ports
        .iter()
        .flatten()
        .map(|p| (p.name.as_deref(), p.container_port))
        .collect();
    assert_eq!(ports[&Some("https")], i32::from(args.listen.port()));
    assert_eq!(ports[&Some("health")], i32::from(args.health_listen.port()));

    let grace = pod
        .termination_grace_period_seconds
        .expect("a grace period");
    let grace = Duration::from_secs(grace.unsigned_abs());
    assert!(args.shutdown_delay + args.drain_timeout < grace);
    for timeout in configurations::timeouts() {
        assert!(
            args.request_timeout < timeout,
            "the API server waits {timeout:?}"
        );
    }
}

fn pod(deployment: Deployment) -> PodSpec {
    let spec = deployment.spec.expect("a spec");
    spec.template.spec.expect("a pod")
}

fn args(pod: &PodSpec) -> Args {
    let given = pod.containers[0].args.iter().flatten();
    let given = given.map(String::as_str);
    Args::try_parse_from(["meshcheck-webhook"].into_iter().chain(given)).expect("arguments")
}

/// The first patch of a kustomization.
fn patch_of(file: &str) -> json_patch::Patch {
    let text = documents(file).remove(0)["patches"][0]["patch"].take();
    let stream = Stream::read(text.as_str().expect("text").as_bytes(), &Options::default());
    serde_json::from_value(stream.documents[0].value.clone()).expect("a JSON patch")
}

/// With the component the Deployment mounts the policy where the program looks for it.
#[test]
fn the_policy_component_leads_to_the_policy() {
    let file = "components/policy/kustomization.yaml";
    let component = &documents(file)[0];
    let patch = patch_of(file);
    let mut deployment = documents("base/deployment.yaml").remove(0);
    json_patch::patch(&mut deployment, &patch).expect("a patch that fits");
    let pod = pod(typed(&deployment));
    let args = args(&pod);
    let container = &pod.containers[0];
    let mounts = container.volume_mounts.as_ref().expect("mounts");
    let policy = args.policy.expect("a policy");
    assert_eq!(
        policy,
        Path::new(&mounts[0].mount_path).join("meshcheck.yaml")
    );
    let volumes = pod.volumes.expect("volumes");
    let volume = volumes.iter().find(|volume| volume.name == mounts[0].name);
    let map = volume
        .and_then(|volume| volume.config_map.as_ref())
        .expect("a ConfigMap");
    let made = &component["configMapGenerator"][0];
    assert_eq!(map.name, made["name"].as_str().expect("text"));
    assert_eq!(made["files"][0], "meshcheck.yaml");
    assert_eq!(
        made["options"]["disableNameSuffixHash"], true,
        "another text is read by the pods that run, and makes no new ones"
    );
    let text = fs::read(folder().join("components/policy/meshcheck.yaml")).expect("a file");
    Policy::parse(&text).expect("a policy");
}

/// Rules of the audit's role, for the same kinds.
fn audit_rules() -> String {
    let mut groups = BTreeMap::<&str, BTreeSet<&str>>::new();
    let kinds = rules::ALL.iter().flat_map(|rule| rule.kinds);
    for kind in kinds.filter(|kind| kind.is_served()) {
        groups.entry(kind.group).or_default().insert(kind.resource);
    }
    let picked = ["configmaps", "pods", "replicasets"];
    let mut text = String::new();
    for (group, resources) in groups {
        let (read, listed): (Vec<_>, Vec<_>) = resources
            .into_iter()
            .partition(|resource| picked.contains(resource));
        for (resources, verbs) in [(read, "get, list"), (listed, "list")] {
            if !resources.is_empty() {
                let resources = resources.join(", ");
                writeln!(
                    text,
                    "  - apiGroups: [\"{group}\"]\n    resources: [{resources}]\n    verbs: [{verbs}]"
                )
                .expect("a string");
            }
        }
    }
    text
}

#[test]
fn the_audit_may_read_the_kinds_of_the_rules() {
    let text = fs::read_to_string(folder().join(AUDIT)).expect("a file");
    let marker = "reads few.\n";
    let (head, _) = text.split_once(marker).expect("rules at the end");
    compare_or_write(AUDIT, &text, &format!("{head}{marker}{}", audit_rules()));
}

/// Compares a file with what is generated, or writes it anew.
fn compare_or_write(file: &str, there: &str, wanted: &str) {
    if std::env::var_os("MESHCHECK_UPDATE").is_none() {
        assert_eq!(
            there, wanted,
            "{file}: MESHCHECK_UPDATE=1 cargo test writes it anew"
        );
        return;
    }
    // In one step: the other tests read the file meanwhile.
    let path = folder().join(file);
    let beside = path.with_extension("new");
    fs::write(&beside, wanted).expect("a file to write");
    fs::rename(&beside, &path).expect("a file to replace");
}
