//! What keeps istiod's pods: autoscalers and disruption budgets around a workload.

use serde::{Deserialize, Serialize};

use crate::istio::Subject;
use crate::istio::istiod::Istiod;
use crate::istio::redundancy::{Amount, Budget};
use crate::istio::workload::PodTemplate;
use crate::mesh::definitions::nearest;
use crate::mesh::learn::revision_of;
use crate::mesh::selector::{Label, Selector};
use crate::mesh::{Around, Known, Source};
use crate::object::Object;

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Autoscaler {
    /// Namespace, kind and name of what it scales: `istio-system/Deployment/istiod`. The namespace is
    /// empty where the document does not say it.
    pub target: String,
    /// The smallest number of pods that it keeps.
    pub minimum: u64,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DisruptionBudget {
    /// Namespace and name: `istio-system/istiod`.
    pub name: String,
    /// Its numbers.
    pub budget: Budget,
    /// The pods that it is for; `None` where it is for none.
    pub selector: Option<Selector>,
}

impl Autoscaler {
    pub(super) fn read(object: &Object<'_>) -> Option<Self> {
        let spec = object.root.get_set("spec")?;
        let target = spec.get_set("scaleTargetRef")?;
        let least = spec.get_set("minReplicas");
        Some(Self {
            target: target_of(object, target.str_at("kind")?, target.str_at("name")?),
            // Kubernetes sets 1 where nothing is said.
            minimum: least.and_then(|n| n.value().as_u64()).unwrap_or(1),
        })
    }

    /// Whether what it scales is called as istiod is.
    pub(super) fn is_of_istio(&self) -> bool {
        speaks_of_istio(&self.target)
    }
}

fn speaks_of_istio(name: &str) -> bool {
    ["istio", "pilot"].iter().any(|word| name.contains(word))
}

fn target_of(object: &Object<'_>, kind: &str, name: &str) -> String {
    let namespace = object.namespace.unwrap_or_default();
    format!("{namespace}/{kind}/{name}")
}

impl DisruptionBudget {
    pub(super) fn read(object: &Object<'_>) -> Option<Self> {
        let spec = object.root.get_set("spec")?;
        let amount = |name: &str| spec.get(name).and_then(|node| Amount::of(node.value()));
        let selector = spec
            .get_set("selector")
            .and_then(|selector| Selector::read(Some(&selector)));
        // An empty selector selects no pod in `policy/v1beta1`, and all in `policy/v1`.
        let is_beta = object.api_version == "policy/v1beta1";
        let namespace = object.namespace.unwrap_or_default();
        Some(Self {
            name: format!("{namespace}/{}", object.name?),
            budget: Budget {
                min_available: amount("minAvailable"),
                max_unavailable: amount("maxUnavailable"),
            },
            selector: selector.filter(|selector| !(is_beta && selector.is_empty())),
        })
    }

    /// Whether it is called as istiod's is.
    pub(super) fn is_of_istio(&self) -> bool {
        speaks_of_istio(&self.name)
    }

    fn selects(&self, template: &PodTemplate<'_>) -> bool {
        let label = |name: &str| template.label(name).map_or(Label::Absent, Label::Is);
        let selector = self.selector.as_ref();
        selector.is_some_and(|selector| selector.matches(label) == Some(true))
    }
}

/// Whether the API server has stored the object: it gives this at last, behind all webhooks.
fn is_stored(object: &Object<'_>) -> bool {
    let version = object.root.at(&["metadata", "resourceVersion"]);
    version.is_some_and(|version| version.str().is_some_and(|text| !text.is_empty()))
}

impl<'a> Around<'a> {
    /// The smallest number of pods that an autoscaler of this workload keeps.
    pub fn autoscaled_minimum(&self) -> Known<u64> {
        let Some(name) = self.object.name else {
            return Known::No;
        };
        let target = target_of(self.object, self.object.kind, name);
        match nearest(self.mesh.autoscalers.get(&target), self.place) {
            Known::Yes(autoscaler, source) => Known::Yes(autoscaler.minimum, source),
            Known::Disputed(one, other) => Known::Disputed(one, other),
            Known::No => Known::No,
        }
    }

    /// Whether the chart's ConfigMaps of this istiod were read beside it, in the same file or folder, or
    /// all of it from a cluster: then its autoscaler and budget would have been read, too. An object
    /// that is still to be stored comes before them, so in a cluster nothing is said of it.
    pub fn has_chart_beside(&self, subject: &Subject<'_>, istiod: &Istiod<'_>) -> bool {
        let revision = revision_of(self.object, subject, istiod);
        let source = match self.mesh_config(&revision) {
            Known::Yes(_, source) => Some(source),
            Known::Disputed(..) | Known::No => None,
        };
        let source = source.or_else(|| match self.injector(&revision) {
            Known::Yes(_, source) => Some(source),
            Known::Disputed(..) | Known::No => None,
        });
        source.is_some_and(|source| match source {
            Source::Document { .. } => self.place.is_beside(&source),
            Source::Cluster { .. } => self.mesh.cluster.knows_redundancy && is_stored(self.object),
            // A recording may be of before these facts were recorded.
            Source::Recording { .. } | Source::Setting(_) => false,
        })
    }

    /// The budget that selects the pods of a template. Of several the API server heeds none and refuses
    /// every eviction: the first is given.
    pub fn budget(&self, template: &PodTemplate<'_>) -> Known<&'a Budget> {
        let folder = format!("{}/", self.object.namespace.unwrap_or_default());
        let mut rival = Known::No;
        let all = self.mesh.budgets.range(folder.clone()..);
        for (_, definitions) in all.take_while(|(name, _)| name.starts_with(&folder)) {
            match nearest(Some(definitions), self.place) {
                Known::Yes(fact, source) if fact.selects(template) => {
                    return Known::Yes(&fact.budget, source);
                }
                // It may select them or not.
                Known::Disputed(one, other) => rival = Known::Disputed(one, other),
                Known::Yes(..) | Known::No => {}
            }
        }
        rival
    }
}
