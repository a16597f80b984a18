//! What is known of a mesh, one type a fact.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::istio::drain::Drain;
use crate::istio::hold::Hold;
use crate::istio::version::{KubernetesVersion, Version};
use crate::mesh::selector::Selector;

/// The revision that has no name.
pub const DEFAULT_REVISION: &str = "default";

/// Labels of a namespace that decide about injection; the others are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceLabels {
    /// The namespace.
    pub name: String,
    /// By key.
    pub labels: BTreeMap<String, String>,
}

impl NamespaceLabels {
    /// Whether a label has to do with Istio.
    pub(super) fn keeps(key: &str) -> bool {
        key == "istio-injection" || key.split('/').next().is_some_and(is_of_istio)
    }

    /// A label.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }
}

fn is_of_istio(domain: &str) -> bool {
    domain == "istio.io" || domain.ends_with(".istio.io")
}

/// What a mesh config (ConfigMap `istio`) says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MeshConfig {
    /// Revision that reads it.
    pub revision: String,
    /// Hold in `defaultConfig`. A wrong type throws the whole mesh config away.
    pub hold: Hold,
    /// How long `defaultConfig` lets proxies drain.
    #[serde(default, skip_serializing_if = "Drain::is_default")]
    pub drain: Drain,
}

/// What the injector's values and policy (ConfigMap `istio-sidecar-injector`) say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Injector {
    /// Revision that reads it.
    pub revision: String,
    /// Version of the proxies that it injects, where their tag states one and they are upstream's.
    #[serde(default)]
    pub proxy: Option<Version>,
    /// `global.proxy.holdApplicationUntilProxyStarts`.
    pub hold: Option<bool>,
    /// Whether `global.proxy.lifecycle` is set, which takes the place of the wait hook, and does not wait.
    pub has_lifecycle: bool,
    /// `global.proxy.startupProbe.enabled`, which is on by default.
    pub startup_probe: bool,
    /// Whether `global.proxy.statusPort` is 0, which takes all probes from proxies.
    pub no_status_port: bool,
    /// `sidecarInjectorWebhook.rewriteAppHTTPProbe`, which is on by default.
    pub rewrites_probes: bool,
    /// `sidecarInjectorWebhook.enableNamespacesByDefault`: namespaces without labels are injected.
    pub all_namespaces: bool,
    /// Which pods it takes of those that the webhooks send.
    pub policy: InjectionPolicy,
    /// Templates for a pod that names none; empty where the ConfigMap does not say.
    pub default_templates: Vec<String>,
}

/// Which pods the injector takes of those that the webhooks send to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InjectionPolicy {
    /// `policy: enabled`: also pods that say nothing. Anything else takes only those that ask.
    pub takes_all: bool,
    /// `neverInjectSelector`, which comes first.
    pub never: Vec<Selector>,
    /// `alwaysInjectSelector`.
    pub always: Vec<Selector>,
}

impl Default for InjectionPolicy {
    fn default() -> Self {
        Self {
            takes_all: true,
            never: Vec::new(),
            always: Vec::new(),
        }
    }
}

/// The webhooks by which the API server sends pods to an injector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InjectionWebhooks {
    /// The revision or tag that they serve.
    pub name: String,
    /// Each with what it selects.
    pub webhooks: Vec<InjectionWebhook>,
}

/// One webhook: both selectors must match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct InjectionWebhook {
    /// On the namespace.
    pub namespace: Selector,
    /// On the pod.
    pub object: Selector,
}

/// A tag: a second name of a revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevisionTag {
    /// The tag.
    pub tag: String,
    /// The revision that it names.
    pub revision: String,
}

/// A control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ControlPlane {
    /// Its revision.
    pub revision: String,
    /// Its version, where the image states one.
    pub version: Option<Version>,
    /// Whether it is a known vendor's build, whose own rules of skew hold.
    #[serde(default)]
    pub is_vendors: bool,
    /// `ENABLE_NATIVE_SIDECARS`.
    pub native_sidecars: Setting,
}

/// A setting of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// Not set: the program's own default.
    Unset,
    /// This text.
    Text(String),
    /// Set elsewhere.
    Unknown,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFact {
    /// Its name.
    pub name: String,
    /// Its kubelet.
    pub kubelet: KubernetesVersion,
}
