//! The facts that objects hold.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::istio::Subject;
use crate::istio::args::{Variable, variable};
use crate::istio::drain::Drain;
use crate::istio::hold::Hold;
use crate::istio::istiod::Istiod;
use crate::istio::version::{KubernetesVersion, Version};
use crate::mesh::{Fact, Mesh, Source, redundancy};
use crate::object::{Node, Object};
use crate::yaml;

/// The revision that has no name.
pub const DEFAULT_REVISION: &str = "default";

/// What a mesh config (ConfigMap `istio`) says.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {
    /// Revision that reads it.
    pub revision: String,
    /// Hold in `defaultConfig`. A wrong type throws the whole mesh config away.
    pub hold: Hold,
    /// How long `defaultConfig` lets proxies drain.
    pub drain: Drain,
}

/// What the injector's values (ConfigMap `istio-sidecar-injector`) say.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of Istio's own"
)]
pub struct Injector {
    /// Revision that reads it.
    pub revision: String,
    /// `global.proxy.holdApplicationUntilProxyStarts`.
    pub hold: Option<bool>,
    /// Whether `global.proxy.lifecycle` is set, which takes the place of the wait hook.
    pub has_lifecycle: bool,
    /// `global.proxy.startupProbe.enabled`, which is on by default.
    pub startup_probe: bool,
    /// Whether `global.proxy.statusPort` is 0, which takes all probes from proxies.
    pub no_status_port: bool,
    /// Whether `sidecarInjectorWebhook.rewriteAppHTTPProbe` is false, so that the application's probes
    /// stay as they are unless a pod asks.
    pub rewrites_no_probes: bool,
}

/// A control plane.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPlane {
    /// Its revision.
    pub revision: String,
    /// Its version, where the image states one.
    pub version: Option<Version>,
    /// `ENABLE_NATIVE_SIDECARS`.
    pub native: Setting,
}

/// A setting of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Not set: the program's own default.
    Unset,
    /// This text.
    Text(String),
    /// Set elsewhere.
    Unknown,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFact {
    /// Its name.
    pub name: String,
    /// Its kubelet.
    pub kubelet: KubernetesVersion,
}

/// Words of which at least one stands in every text that holds a fact.
pub(super) const WORDS: &[&str] = &[
    "Namespace",
    "ConfigMap",
    "kubeletVersion",
    "pilot",
    "discovery",
    redundancy::KINDS[0],
    redundancy::KINDS[1],
];

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    match object.kind {
        "Namespace" | "ConfigMap" | "Node" => object.api_version == "v1",
        "Deployment" | "Pod" | "ReplicaSet" | "DaemonSet" => true,
        _ => redundancy::may_hold(object),
    }
}

pub(super) fn learn(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    if !may_hold(object) {
        return;
    }
    match object.kind {
        "Namespace" => namespace(mesh, object, source),
        "ConfigMap" => config_map(mesh, object, source),
        "Node" => node(mesh, object, source),
        _ if redundancy::may_hold(object) => redundancy::learn(mesh, object, source),
        _ => control_plane(mesh, object, source),
    }
}

fn fact<T>(value: T, source: &Source) -> Fact<T> {
    Fact {
        value,
        source: source.clone(),
    }
}

fn namespace(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    let Some(name) = object.name else { return };
    let labels = object.root.at(&["metadata", "labels"]);
    let entries = labels.iter().flat_map(Node::entries);
    let labels: BTreeMap<_, _> = entries
        .filter_map(|(key, value)| Some((key.to_owned(), value.str()?.to_owned())))
        .collect();
    mesh.namespaces
        .entry(name.to_owned())
        .or_default()
        .push(fact(labels, source));
}

fn node(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    let kubelet = object.root.at(&["status", "nodeInfo", "kubeletVersion"]);
    let kubelet = kubelet.and_then(|node| KubernetesVersion::parse(node.str()?));
    if let (Some(name), Some(kubelet)) = (object.name, kubelet) {
        mesh.nodes.push(fact(
            NodeFact {
                name: name.to_owned(),
                kubelet,
            },
            source,
        ));
    }
}

/// `istio` is of the default revision, `istio-canary` of `canary`.
fn revision_in<'a>(name: &'a str, stem: &str) -> Option<&'a str> {
    match name.strip_prefix(stem)? {
        "" => Some(DEFAULT_REVISION),
        rest => rest.strip_prefix('-'),
    }
}

fn config_map(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    let (Some(name), Some(data)) = (object.name, object.root.get_set("data")) else {
        return;
    };
    if let (Some(revision), Some(text)) = (
        revision_in(name, "istio-sidecar-injector"),
        data.str_at("values"),
    ) {
        if let Ok(values) = yaml::value_of(text) {
            let known = mesh.injectors.entry(revision.to_owned()).or_default();
            known.push(fact(injector(revision, &values), source));
        }
    } else if let (Some(revision), Some(text)) = (revision_in(name, "istio"), data.str_at("mesh")) {
        let config = yaml::value_of(text).unwrap_or_default();
        let proxy = config.get("defaultConfig").unwrap_or(&Value::Null);
        let config = MeshConfig {
            revision: revision.to_owned(),
            hold: Hold::in_config(proxy),
            drain: Drain::in_config(proxy),
        };
        let known = mesh.mesh_configs.entry(revision.to_owned()).or_default();
        known.push(fact(config, source));
    }
}

fn injector(revision: &str, values: &Value) -> Injector {
    let proxy = |path: &str| values.pointer(&format!("/global/proxy/{path}"));
    let off = proxy("startupProbe/enabled") == Some(&Value::Bool(false));
    let no_port = proxy("statusPort").is_some_and(|port| port.as_i64() == Some(0));
    Injector {
        revision: revision.to_owned(),
        hold: proxy("holdApplicationUntilProxyStarts").and_then(Value::as_bool),
        has_lifecycle: proxy("lifecycle")
            .is_some_and(|lifecycle| lifecycle.as_object().is_some_and(|map| !map.is_empty())),
        startup_probe: !off,
        no_status_port: no_port,
        rewrites_no_probes: values.pointer("/sidecarInjectorWebhook/rewriteAppHTTPProbe")
            == Some(&Value::Bool(false)),
    }
}

fn control_plane(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    let subject = Subject::of(object);
    let Some(istiod) = subject.istiod.as_ref().filter(|istiod| !istiod.is_patch) else {
        return;
    };
    let plane = ControlPlane {
        revision: revision_of(object, &subject, istiod),
        version: subject.istiod_version(),
        native: setting(istiod, "ENABLE_NATIVE_SIDECARS"),
    };
    let known = mesh.control_planes.entry(plane.revision.clone());
    known.or_default().push(fact(plane, source));
}

pub(super) fn revision_of(
    object: &Object<'_>,
    subject: &Subject<'_>,
    istiod: &Istiod<'_>,
) -> String {
    let label = object
        .root
        .at(&["metadata", "labels"])
        .and_then(|labels| labels.str_at("istio.io/rev"))
        .or_else(|| subject.template.as_ref()?.label("istio.io/rev"));
    let environment = match variable(&istiod.container, "REVISION") {
        Variable::Literal(text) => Some(text),
        Variable::Elsewhere | Variable::Absent => None,
    };
    let revision = environment
        .or(label)
        .filter(|revision| !revision.is_empty());
    revision.unwrap_or(DEFAULT_REVISION).to_owned()
}

fn setting(istiod: &Istiod<'_>, name: &str) -> Setting {
    match variable(&istiod.container, name) {
        Variable::Literal(text) => Setting::Text(text.to_owned()),
        Variable::Elsewhere => Setting::Unknown,
        Variable::Absent => Setting::Unset,
    }
}
