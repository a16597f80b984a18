//! The facts that objects hold.

use serde_json::Value;

use crate::istio::Subject;
use crate::istio::args::{Variable, variable};
use crate::istio::drain::Drain;
use crate::istio::hold::Hold;
use crate::istio::hold::mesh::waits;
use crate::istio::image::{Image, Tag};
use crate::istio::istiod::Istiod;
use crate::istio::proxy_config;
use crate::istio::version::{KubernetesVersion, Version};
use crate::mesh::redundancy::{Autoscaler, DisruptionBudget};
use crate::mesh::selector::Selector;
use crate::mesh::{
    ControlPlane, DEFAULT_REVISION, InjectionPolicy, InjectionWebhook, InjectionWebhooks, Injector,
    Learned, MeshConfig, NamespaceLabels, NodeFact, RevisionTag, Setting,
};
use crate::object::{Node, Object, Strings};
use crate::yaml;

/// Words of which at least one stands in every text that holds a fact.
pub(super) const WORDS: &[&str] = &[
    "Namespace",
    "ConfigMap",
    "kubeletVersion",
    "pilot",
    "discovery",
    "MutatingWebhookConfiguration",
    "IstioRevisionTag",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
];

/// What every webhook of the injector is called, behind a prefix.
const WEBHOOK: &str = "sidecar-injector.istio.io";

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    match object.kind {
        "Namespace" | "ConfigMap" | "Node" => object.api_version == "v1",
        "Deployment" | "Pod" | "ReplicaSet" | "DaemonSet" => true,
        "MutatingWebhookConfiguration" => object.group() == "admissionregistration.k8s.io",
        "IstioRevisionTag" => object.group() == "sailoperator.io",
        "HorizontalPodAutoscaler" => object.group() == "autoscaling",
        "PodDisruptionBudget" => object.group() == "policy",
        _ => false,
    }
}

/// The facts of an object; most objects have none, and none has more than two.
pub(super) fn facts_in(object: &Object<'_>) -> Vec<Learned> {
    if !may_hold(object) {
        return Vec::new();
    }
    let fact = match object.kind {
        "Namespace" => namespace(object).map(Learned::Namespace),
        "ConfigMap" => config_map(object),
        "Node" => node(object).map(Learned::Node),
        "MutatingWebhookConfiguration" => return webhook_configuration(object),
        "IstioRevisionTag" => revision_tag(object).map(Learned::Tag),
        "HorizontalPodAutoscaler" => Autoscaler::read(object).map(Learned::Autoscaler),
        "PodDisruptionBudget" => DisruptionBudget::read(object).map(Learned::Budget),
        _ => control_plane(object).map(Learned::ControlPlane),
    };
    fact.into_iter().collect()
}

fn namespace(object: &Object<'_>) -> Option<NamespaceLabels> {
    let labels = object.root.at(&["metadata", "labels"]);
    let entries = labels.iter().flat_map(Node::entries);
    let kept = entries.filter(|(key, _)| NamespaceLabels::keeps(key));
    let labels = kept.filter_map(|(key, value)| Some((key.to_owned(), value.str()?.to_owned())));
    Some(NamespaceLabels {
        name: object.name?.to_owned(),
        labels: labels.collect(),
    })
}

fn node(object: &Object<'_>) -> Option<NodeFact> {
    let kubelet = object.root.at(&["status", "nodeInfo", "kubeletVersion"])?;
    Some(NodeFact {
        name: object.name?.to_owned(),
        kubelet: KubernetesVersion::parse(kubelet.str()?)?,
    })
}

/// `istio` is of the default revision, `istio-canary` of `canary`.
fn revision_in<'a>(name: &'a str, stem: &str) -> Option<&'a str> {
    match name.strip_prefix(stem)? {
        "" => Some(DEFAULT_REVISION),
        rest => rest.strip_prefix('-'),
    }
}

fn config_map(object: &Object<'_>) -> Option<Learned> {
    let (name, data) = (object.name?, object.root.get_set("data")?);
    if let Some(revision) = revision_in(name, "istio-sidecar-injector") {
        let injector = injector_in(revision, &data)?;
        return Some(Learned::Injector(Box::new(injector)));
    }
    let (revision, text) = (revision_in(name, "istio")?, data.str_at("mesh")?);
    let config = yaml::value_of(text).unwrap_or_default();
    Some(Learned::MeshConfig(mesh_config(revision, &config)))
}

/// What a mesh config says.
pub(super) fn mesh_config(revision: &str, config: &Value) -> MeshConfig {
    let proxy = config.get("defaultConfig").unwrap_or(&Value::Null);
    // One value of a wrong type throws away all of the mesh config.
    let hold = match proxy_config::refused(&Node::root(proxy)).first() {
        Some(refused) => Hold::Broken(format!("`{}` is not {}", refused.name, refused.wanted)),
        None => Hold::in_config(proxy),
    };
    MeshConfig {
        revision: revision.to_owned(),
        hold,
        drain: Drain::in_config(proxy),
    }
}

fn injector_in(revision: &str, data: &Node<'_>) -> Option<Injector> {
    let values = yaml::value_of(data.str_at("values")?).ok()?;
    let config = data
        .str_at("config")
        .and_then(|text| yaml::value_of(text).ok());
    Some(injector(revision, &values, &config.unwrap_or_default()))
}

/// What the injector's values and its policy say.
pub(super) fn injector(revision: &str, values: &Value, config: &Value) -> Injector {
    let proxy = |path: &str| values.pointer(&format!("/global/proxy/{path}"));
    let is = |value: Option<&Value>, on: bool| value == Some(&Value::Bool(on));
    let webhook = |path: &str| values.pointer(&format!("/sidecarInjectorWebhook/{path}"));
    Injector {
        revision: revision.to_owned(),
        proxy: proxy_version(values),
        hold: proxy("holdApplicationUntilProxyStarts").and_then(Value::as_bool),
        has_lifecycle: proxy("lifecycle").is_some_and(takes_the_wait),
        startup_probe: !is(proxy("startupProbe/enabled"), false),
        no_status_port: proxy("statusPort").is_some_and(|port| port.as_i64() == Some(0)),
        rewrites_probes: !is(webhook("rewriteAppHTTPProbe"), false),
        all_namespaces: is(webhook("enableNamespacesByDefault"), true),
        policy: policy(&Node::root(config)),
        default_templates: texts(&Node::root(config), "defaultTemplates"),
    }
}

/// Whether a lifecycle of the mesh's takes the place of the wait, and does not wait by itself.
fn takes_the_wait(lifecycle: &Value) -> bool {
    let is_set = lifecycle.as_object().is_some_and(|map| !map.is_empty());
    is_set && !waits(lifecycle)
}

/// The proxies' version by `global.tag`, or by an image that `global.proxy.image` gives in full.
fn proxy_version(values: &Value) -> Option<Version> {
    let text = |path: &str| values.pointer(path).and_then(Value::as_str);
    let full = text("/global/proxy/image").filter(|image| image.contains('/'));
    let reference = if let Some(image) = full {
        image.to_owned()
    } else {
        let hub = text("/global/hub").unwrap_or_default();
        format!("{hub}/proxyv2:{}", text("/global/tag")?)
    };
    let image = Image::parse(&reference);
    let version = Tag::read(image.tag?).version();
    version.filter(|_| image.vendor().is_none())
}

/// The texts in a list.
fn texts(node: &Node<'_>, key: &str) -> Vec<String> {
    let items = node.items(key);
    items
        .filter_map(|item| Some(item.str()?.to_owned()))
        .collect()
}

/// `policy` and the selectors. What Istio cannot read as a selector, and an empty one, it passes over.
fn policy(config: &Node<'_>) -> InjectionPolicy {
    let selectors = |key| {
        let read = config
            .items(key)
            .filter_map(|item| Selector::read(Some(&item)));
        read.filter(|selector| !selector.is_empty()).collect()
    };
    InjectionPolicy {
        takes_all: config
            .get_set("policy")
            .is_none_or(|policy| policy.str() == Some("enabled")),
        never: selectors("neverInjectSelector"),
        always: selectors("alwaysInjectSelector"),
    }
}

/// The injector's configuration of a revision, or of a tag, which names a revision a second time.
fn webhook_configuration(object: &Object<'_>) -> Vec<Learned> {
    let all = object.root.items("webhooks");
    let own = all.filter(|webhook| {
        let name = webhook.str_at("name");
        name.is_some_and(|name| name.ends_with(WEBHOOK))
    });
    let labels = object.root.at(&["metadata", "labels"]);
    let webhooks = own.map(|node| webhook(&node)).collect::<Option<Vec<_>>>();
    let (Some(labels), Some(webhooks)) = (labels, webhooks) else {
        return Vec::new();
    };
    let Some(revision) = labels
        .str_at("istio.io/rev")
        .filter(|_| !webhooks.is_empty())
    else {
        return Vec::new();
    };
    let tag = labels.str_at("istio.io/tag").filter(|tag| !tag.is_empty());
    let tagged = tag.map(|tag| {
        Learned::Tag(RevisionTag {
            tag: tag.to_owned(),
            revision: revision.to_owned(),
        })
    });
    let name = tag.unwrap_or(revision).to_owned();
    let webhooks = Learned::Webhooks(InjectionWebhooks { name, webhooks });
    tagged.into_iter().chain([webhooks]).collect()
}

/// `None` where it cannot be said what it selects.
fn webhook(node: &Node<'_>) -> Option<InjectionWebhook> {
    let has_conditions = node.items("matchConditions").next().is_some();
    if has_conditions {
        return None;
    }
    Some(InjectionWebhook {
        namespace: Selector::read(node.get("namespaceSelector").as_ref())?,
        object: Selector::read(node.get("objectSelector").as_ref())?,
    })
}

/// A tag of the Sail operator. It may name an `Istio`, whose revision has the same name unless the
/// update strategy gives every version its own; the status says it.
fn revision_tag(object: &Object<'_>) -> Option<RevisionTag> {
    let told = object.root.at(&["status", "istioRevision"]);
    let target = object.root.at(&["spec", "targetRef"])?;
    let revision = match told.as_ref().and_then(Node::str) {
        Some(revision) if !revision.is_empty() => revision,
        _ if target.str_at("kind") == Some("IstioRevision") => target.str_at("name")?,
        _ => return None,
    };
    Some(RevisionTag {
        tag: object.name?.to_owned(),
        revision: revision.to_owned(),
    })
}

fn control_plane(object: &Object<'_>) -> Option<ControlPlane> {
    let strings = Strings::default();
    control_plane_in(object, &Subject::of(object, &strings))
}

/// The control plane that runs in an object.
pub(crate) fn control_plane_in(object: &Object<'_>, subject: &Subject<'_>) -> Option<ControlPlane> {
    let istiod = subject.istiod.as_ref().filter(|istiod| !istiod.is_patch)?;
    if is_put_aside(object) {
        return None;
    }
    Some(ControlPlane {
        revision: revision_of(object, subject, istiod),
        version: subject.istiod_version(),
        is_vendors: subject.vendor_in(&istiod.container).is_some(),
        native_sidecars: setting(&istiod.container, "ENABLE_NATIVE_SIDECARS"),
    })
}

/// A ReplicaSet of a former rollout, or a Deployment that is scaled to nothing, runs no istiod.
fn is_put_aside(object: &Object<'_>) -> bool {
    let replicas = object.root.at(&["spec", "replicas"]);
    replicas.is_some_and(|replicas| replicas.value().as_u64() == Some(0))
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

/// What a container's environment says.
pub(super) fn setting(container: &Node<'_>, name: &str) -> Setting {
    match variable(container, name) {
        Variable::Literal(text) => Setting::Text(text.to_owned()),
        Variable::Elsewhere => Setting::Unknown,
        Variable::Absent => Setting::Unset,
    }
}
