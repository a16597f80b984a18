//! What keeps istiod's pods: autoscalers and disruption budgets around a workload.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::istio::Subject;
use crate::istio::istiod::Istiod;
use crate::istio::redundancy::{Amount, Budget};
use crate::istio::workload::PodTemplate;
use crate::mesh::definitions::{Definitions, nearest};
use crate::mesh::facts::revision_of;
use crate::mesh::{Around, Fact, Known, Mesh, Source};
use crate::object::Object;

/// Kinds that are learned here.
pub(super) const KINDS: &[&str] = &["HorizontalPodAutoscaler", "PodDisruptionBudget"];

/// Autoscalers and budgets; what has no namespace is in the namespace that is not said.
#[derive(Clone, Debug, Default)]
pub(super) struct Redundancy {
    /// Smallest number of pods by namespace, kind and name of what is scaled.
    autoscalers: BTreeMap<(String, String, String), Definitions<u64>>,
    /// By namespace and name.
    budgets: BTreeMap<String, BTreeMap<String, Definitions<BudgetFact>>>,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
struct BudgetFact {
    budget: Budget,
    /// `spec.selector`, null where there is none.
    selector: Value,
    /// In `policy/v1beta1` an empty selector selects no pod, in `policy/v1` all.
    is_beta: bool,
}

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    match object.kind {
        "HorizontalPodAutoscaler" => object.group() == "autoscaling",
        "PodDisruptionBudget" => object.group() == "policy",
        _ => false,
    }
}

pub(super) fn learn(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    let (Some(spec), Some(name)) = (object.root.get_set("spec"), object.name) else {
        return;
    };
    let namespace = object.namespace.unwrap_or_default().to_owned();
    let known = &mut mesh.redundancy;
    let source = source.clone();
    if object.kind == "PodDisruptionBudget" {
        let value = BudgetFact {
            budget: Budget {
                min_available: spec.get("minAvailable").and_then(|n| Amount::of(n.value())),
                max_unavailable: spec
                    .get("maxUnavailable")
                    .and_then(|n| Amount::of(n.value())),
            },
            selector: spec.value().get("selector").cloned().unwrap_or_default(),
            is_beta: object.api_version == "policy/v1beta1",
        };
        let budgets = known.budgets.entry(namespace).or_default();
        let budget = budgets.entry(name.to_owned()).or_default();
        budget.push(Fact { value, source });
        return;
    }
    let Some(target) = spec.get_set("scaleTargetRef") else {
        return;
    };
    if let (Some(kind), Some(name)) = (target.str_at("kind"), target.str_at("name")) {
        let least = spec.get_set("minReplicas");
        // Kubernetes sets 1 where nothing is said.
        let value = least.and_then(|n| n.value().as_u64()).unwrap_or(1);
        let key = (namespace, kind.to_owned(), name.to_owned());
        let autoscaler = known.autoscalers.entry(key).or_default();
        autoscaler.push(Fact { value, source });
    }
}

impl<'a> Around<'a> {
    /// The smallest number of pods that an autoscaler of this workload keeps.
    pub fn autoscaled_minimum(&self) -> Known<u64> {
        let Some(name) = self.object.name else {
            return Known::No;
        };
        let namespace = self.object.namespace.unwrap_or_default();
        let key = (
            namespace.to_owned(),
            self.object.kind.to_owned(),
            name.to_owned(),
        );
        match nearest(self.mesh.redundancy.autoscalers.get(&key), self.place) {
            Known::Yes(least, source) => Known::Yes(*least, source),
            Known::Disputed(one, other) => Known::Disputed(one, other),
            Known::No => Known::No,
        }
    }

    /// Whether the chart's ConfigMaps of this istiod were read beside it, in the same file or folder, or
    /// all of it from a cluster: then its autoscaler and budget would have been read, too.
    pub fn has_chart_beside(&self, subject: &Subject<'_>, istiod: &Istiod<'_>) -> bool {
        let revision = revision_of(self.object, subject, istiod);
        let ((Known::Yes(_, source), _) | (_, Known::Yes(_, source))) =
            (self.mesh_config(&revision), self.injector(&revision))
        else {
            return false;
        };
        match source {
            Source::Document { .. } => self.place.is_beside(&source),
            Source::Cluster { .. } => true,
            Source::Setting(_) => false,
        }
    }

    /// The budget that selects the pods of a template. Of several the API server heeds none and refuses
    /// every eviction: the first is given.
    pub fn budget(&self, template: &PodTemplate<'_>) -> Known<&'a Budget> {
        let namespace = self.object.namespace.unwrap_or_default();
        let budgets = self.mesh.redundancy.budgets.get(namespace);
        let mut rival = Known::No;
        for definitions in budgets.into_iter().flat_map(BTreeMap::values) {
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

impl BudgetFact {
    fn selects(&self, template: &PodTemplate<'_>) -> bool {
        let Some(selector) = self.selector.as_object() else {
            return false;
        };
        let labels = selector.get("matchLabels").and_then(Value::as_object);
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        let is_empty =
            labels.is_none_or(serde_json::Map::is_empty) && expressions.is_none_or(Vec::is_empty);
        if is_empty {
            return !self.is_beta;
        }
        let has = |(name, value): (&String, &Value)| template.label(name) == value.as_str();
        labels.into_iter().flatten().all(has)
            && expressions.into_iter().flatten().all(|e| fits(e, template))
    }
}

/// One of a selector's `matchExpressions`.
fn fits(expression: &Value, template: &PodTemplate<'_>) -> bool {
    let text = |name: &str| expression.get(name).and_then(Value::as_str);
    let Some(key) = text("key") else { return false };
    let label = template.label(key);
    let values = expression.get("values").and_then(Value::as_array);
    let mut values = values.into_iter().flatten().filter_map(Value::as_str);
    match text("operator") {
        Some("In") => values.any(|value| Some(value) == label),
        Some("NotIn") => values.all(|value| Some(value) != label),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}
