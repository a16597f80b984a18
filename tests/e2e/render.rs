//! The ways to install, rendered by the real helm and kubectl: that they are the same. Needs no cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::assets::{Assets, Need};
use crate::webhook::{arguments_of, documents, manifests};
use crate::world::World;

tests! {
    RENDERERS =>
        the_chart_is_the_base,
        the_chart_with_cert_manager_is_the_overlay,
        the_chart_with_everything_is_the_base_with_components,
        the_chart_that_fails_closed_is_the_base_with_its_component,
        namespaces_are_chosen_by_values,
        the_chart_is_linted,
        another_namespace_is_everywhere,
        without_an_audit_there_are_no_permissions_for_it,
        a_collector_is_named_and_can_be_reached,
        a_wrong_value_is_refused_by_name,
        the_rendered_file_is_the_base,
        the_components_fit_each_overlay;
}

const RENDERERS: &[Need] = &["helm", "kubectl"];
const NAMESPACE: &str = "meshcheck-system";
/// With the namespace, which `helm install --create-namespace` makes itself.
const WHOLE: &str = "namespace.create=true";

/// Objects by kind and name.
type Objects = BTreeMap<String, Value>;

/// Runs a program of the assets: what it printed, or what it said of a failure.
fn run(assets: &Assets, program: Need, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(assets.path(program)).args(arguments).output();
    let output = output.expect("a program that starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stdout) + &text(output.stderr))
    }
}

fn by_name(text: &str) -> Objects {
    let named = documents(text).into_iter().map(|object| {
        let field = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, name) = (field(&object["kind"]), field(&object["metadata"]["name"]));
        (format!("{kind}/{name}"), object)
    });
    named.collect()
}

/// What helm makes of the chart, with its own labels taken off.
fn chart(assets: &Assets, namespace: &str, values: &[&str]) -> Result<Objects, String> {
    let folder = manifests("helm/meshcheck");
    let mut arguments = vec!["template", "mc", &folder, "--namespace", namespace];
    arguments.extend(values.iter().flat_map(|value| ["--set", value]));
    let mut objects = by_name(&run(assets, "helm", &arguments)?);
    for (name, object) in &mut objects {
        let labels = object["metadata"]["labels"].as_object_mut().expect(name);
        for own in ["app.kubernetes.io/managed-by", "helm.sh/chart"] {
            assert!(labels.remove(own).is_some(), "{name} lacks {own}");
        }
    }
    Ok(objects)
}

fn kustomized(assets: &Assets, folder: &str) -> Objects {
    let folder = manifests(folder);
    by_name(&run(assets, "kubectl", &["kustomize", &folder]).expect(&folder))
}

/// A copy of the manifests with a folder `name` in it, where a resource and components are together.
pub(crate) struct Overlay {
    _copy: TempDir,
    path: PathBuf,
}

impl Overlay {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// An overlay as a person writes it.
pub(crate) fn with_components(name: &str, resource: &str, components: &[&str]) -> Overlay {
    let copy = tempfile::tempdir().expect("a folder");
    let all = copy.path().join("manifests");
    let copied = Command::new("cp")
        .arg("-R")
        .args([Path::new(&manifests("")), &all])
        .status();
    assert!(copied.expect("cp").success());
    let mut text = format!("resources: [../{resource}]\ncomponents:\n");
    for component in components {
        writeln!(text, "  - ../components/{component}").expect("a string");
    }
    let path = all.join(name);
    fs::create_dir(&path).expect("a folder");
    fs::write(path.join("kustomization.yaml"), text).expect("a file");
    Overlay { _copy: copy, path }
}

fn kustomized_with(assets: &Assets, resource: &str, components: &[&str]) -> Objects {
    let overlay = with_components("overlay", resource, components);
    let folder = overlay.path().to_str().expect("text");
    by_name(&run(assets, "kubectl", &["kustomize", folder]).expect("components that fit"))
}

#[track_caller]
fn assert_same(rendered: &Objects, wanted: &Objects) {
    assert_eq!(
        rendered.keys().collect::<Vec<_>>(),
        wanted.keys().collect::<Vec<_>>()
    );
    for (name, object) in wanted {
        let changes = json_patch::diff(object, &rendered[name]).0;
        assert_eq!(changes, [], "{name}");
    }
}

fn the_chart_is_the_base(world: &World) {
    let assets = &world.assets;
    let mut base = kustomized(assets, "base");
    let rendered = chart(assets, NAMESPACE, &[WHOLE]).expect("a chart");
    assert_same(&rendered, &base);
    base.remove("Namespace/meshcheck-system");
    let rendered = chart(assets, NAMESPACE, &[]).expect("a chart");
    assert_same(&rendered, &base);
}

fn the_chart_with_cert_manager_is_the_overlay(world: &World) {
    let assets = &world.assets;
    let values = [WHOLE, "certificates.source=certManager"];
    let rendered = chart(assets, NAMESPACE, &values).expect("a chart");
    assert_same(&rendered, &kustomized(assets, "overlays/cert-manager"));
}

fn the_chart_with_everything_is_the_base_with_components(world: &World) {
    let assets = &world.assets;
    let wanted = kustomized_with(assets, "base", &["autoscaling", "monitoring"]);
    let values = [WHOLE, "autoscaling.enabled=true", "monitoring.enabled=true"];
    let rendered = chart(assets, NAMESPACE, &values).expect("a chart");
    assert_same(&rendered, &wanted);
}

fn the_chart_that_fails_closed_is_the_base_with_its_component(world: &World) {
    let assets = &world.assets;
    let wanted = kustomized_with(assets, "base", &["fail-closed"]);
    let values = [WHOLE, "webhooks.validating.failurePolicy=Fail"];
    let rendered = chart(assets, NAMESPACE, &values).expect("a chart");
    assert_same(&rendered, &wanted);
}

fn namespaces_are_chosen_by_values(world: &World) {
    let values = [
        "webhooks.excludedNamespaces={batch,kube-system}",
        "webhooks.controlPlaneNamespaces={mesh}",
    ];
    let objects = chart(&world.assets, NAMESPACE, &values).expect("a chart");
    let general = "kube-system,kube-public,kube-node-lease,meshcheck-system,batch";
    let usual = &[("NotIn", general)][..];
    let of_control_planes = &[("In", "mesh"), ("NotIn", "batch,kube-system")][..];
    for configuration in [
        "ValidatingWebhookConfiguration/meshcheck-webhook",
        "MutatingWebhookConfiguration/a0-meshcheck-webhook",
    ] {
        for (index, wanted) in [usual, usual, of_control_planes, usual].iter().enumerate() {
            let webhook = &objects[configuration]["webhooks"][index];
            let chosen = &webhook["namespaceSelector"]["matchExpressions"];
            let chosen = chosen.as_array().expect("expressions").iter().map(|one| {
                let values = one["values"].as_array().expect("values").iter();
                let values: Vec<_> = values.filter_map(Value::as_str).collect();
                (one["operator"].as_str().expect("text"), values.join(","))
            });
            let wanted = wanted
                .iter()
                .map(|(one, names)| (*one, (*names).to_owned()));
            assert!(chosen.eq(wanted), "{webhook}");
        }
    }
}

fn the_chart_is_linted(world: &World) {
    let folder = manifests("helm/meshcheck");
    run(&world.assets, "helm", &["lint", "--strict", &folder]).expect("a sound chart");
}

/// Names of the chart's own namespace must follow the release.
fn another_namespace_is_everywhere(world: &World) {
    for source in ["selfManaged", "certManager", "secret"] {
        let source = format!("certificates.source={source}");
        let values = [
            WHOLE,
            &source,
            "autoscaling.enabled=true",
            "policy.kind=Policy",
        ];
        let objects = chart(&world.assets, "elsewhere", &values).expect("a chart");
        for (name, object) in &objects {
            let text = object.to_string();
            assert!(!text.contains(NAMESPACE), "{name}: {text}");
        }
        let excluded = &objects["ValidatingWebhookConfiguration/meshcheck-webhook"]["webhooks"][0]
            ["namespaceSelector"];
        assert!(excluded.to_string().contains("elsewhere"), "{excluded}");
    }
}

/// And says to the program what the webhook configurations say.
fn without_an_audit_there_are_no_permissions_for_it(world: &World) {
    let values = [
        WHOLE,
        "audit.interval=off",
        "webhooks.excludedNamespaces={batch,kube-system}",
    ];
    let objects = chart(&world.assets, NAMESPACE, &values).expect("a chart");
    let of_audit = objects.keys().filter(|name| name.ends_with("-audit"));
    assert_eq!(of_audit.count(), 0);
    let arguments = arguments_of(&objects.into_values().collect::<Vec<_>>());
    let of_audit = arguments.iter().filter(|one| one.starts_with("--audit-"));
    assert_eq!(
        of_audit.collect::<Vec<_>>(),
        [
            "--audit-interval=off",
            "--audit-excluded-namespaces=kube-system,kube-public,kube-node-lease,batch",
        ]
    );
}

fn a_collector_is_named_and_can_be_reached(world: &World) {
    let values = [
        "tracing.endpoint=http://collector.observability:4318",
        "tracing.sampleRatio=0.1",
        "networkPolicy.collectorPorts={80,4318}",
    ];
    let objects = chart(&world.assets, NAMESPACE, &values).expect("a chart");
    let egress = &objects["NetworkPolicy/meshcheck-webhook"]["spec"]["egress"];
    let ports = egress[1]["ports"].as_array().expect("ports").iter();
    let ports = ports.map(|port| format!("{} {}", port["protocol"], port["port"]).replace('"', ""));
    let dns = ["UDP 53", "TCP 53", "UDP 5353", "TCP 5353"];
    let wanted = ["TCP 80", "TCP 4318"].iter().chain(&dns);
    assert!(ports.eq(wanted.copied()), "{egress}");
    let arguments = arguments_of(&objects.into_values().collect::<Vec<_>>());
    let of_traces = arguments.iter().filter(|one| one.starts_with("--otlp-"));
    assert_eq!(
        of_traces.collect::<Vec<_>>(),
        [
            "--otlp-endpoint=http://collector.observability:4318",
            "--otlp-sample-ratio=0.1",
        ]
    );
}

fn a_wrong_value_is_refused_by_name(world: &World) {
    for (value, message) in [
        ("replica=3", "'replica' not allowed"),
        ("replicas=three", "'/replicas'"),
        (
            "webhooks.validating.failurePolicy=fail",
            "'/webhooks/validating/failurePolicy': value must be one of 'Ignore', 'Fail'",
        ),
        ("webhooks.mutating.timeoutSeconds=30", "timeoutSeconds"),
        (
            "webhooks.controlPlaneNamespaces={}",
            "/webhooks/controlPlaneNamespaces",
        ),
        ("certificates.source=cert-manager", "/certificates/source"),
        (
            "certificates.caBundle=LS0tLS1CRUdJTg",
            "/certificates/caBundle",
        ),
        ("requestTimeout=1", "/requestTimeout"),
        ("shutdownDelay=10", "/shutdownDelay"),
        ("image.digest=abc", "/image/digest"),
        (
            "networkPolicy.apiServerPorts={}",
            "/networkPolicy/apiServerPorts",
        ),
        ("monitoring.enabled=yes", "/monitoring/enabled"),
        ("audit.interval=hourly", "/audit/interval"),
        ("tracing.endpoint=collector:4318", "/tracing/endpoint"),
        ("tracing.sampleRatio=2", "/tracing/sampleRatio"),
    ] {
        let refused = chart(&world.assets, NAMESPACE, &[value]);
        let said = refused.expect_err(value);
        assert!(said.contains(message), "{value}: {said}");
    }
}

/// `manifests/install.yaml` for those who have neither tool, or trust only what they have read.
fn the_rendered_file_is_the_base(world: &World) {
    let base = manifests("base");
    let rendered = run(&world.assets, "kubectl", &["kustomize", &base]).expect("a base");
    let wanted = format!(
        "# manifests/base as kustomize renders it: `just render` writes it anew. Set the image before use.\n\
         {rendered}"
    );
    let path = manifests("install.yaml");
    if std::env::var_os("MESHCHECK_UPDATE").is_some() {
        fs::write(&path, &wanted).expect("a file to write");
    }
    let there = fs::read_to_string(&path).expect("install.yaml");
    assert!(
        there == wanted,
        "install.yaml is not the base: `just render` writes it anew"
    );
}

fn the_components_fit_each_overlay(world: &World) {
    for resource in ["base", "overlays/cert-manager"] {
        let components = ["autoscaling", "fail-closed", "monitoring", "policy"];
        let objects = kustomized_with(&world.assets, resource, &components);
        let deployment = &objects["Deployment/meshcheck-webhook"]["spec"];
        assert!(deployment.get("replicas").is_none(), "{resource}");
        let pod = &deployment["template"]["spec"];
        let mounts = pod["containers"][0]["volumeMounts"].as_array();
        let volumes = pod["volumes"].as_array().expect("volumes");
        assert_eq!(volumes.len(), mounts.expect("mounts").len(), "{resource}");
        let maps = objects
            .keys()
            .filter(|name| *name == "ConfigMap/meshcheck-policy");
        assert_eq!(maps.count(), 1, "{resource}");
    }
}
