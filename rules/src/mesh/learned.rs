//! What an object says of a mesh: all that has to be kept of it.

use super::charts::{self, ChartFact};
use super::{
    Autoscaler, ControlPlane, DisruptionBudget, InjectionWebhooks, Injector, MeshConfig,
    NamespaceLabels, NodeFact, RevisionTag, learn,
};
use crate::object::Object;

/// One fact of an object. Who follows a cluster keeps these and not the objects: a node of twenty
/// kilobytes is a name and a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Of a Namespace.
    Namespace(NamespaceLabels),
    /// Of the ConfigMap `istio`.
    MeshConfig(MeshConfig),
    /// Of the ConfigMap `istio-sidecar-injector`.
    Injector(Box<Injector>),
    /// Of istiod's Deployment.
    ControlPlane(ControlPlane),
    /// A second name of a revision.
    Tag(RevisionTag),
    /// Of a configuration of the injector's webhooks.
    Webhooks(InjectionWebhooks),
    /// Of a Node.
    Node(NodeFact),
    /// Of a HorizontalPodAutoscaler.
    Autoscaler(Autoscaler),
    /// Of a PodDisruptionBudget.
    Budget(DisruptionBudget),
    /// Of charts.
    Chart(ChartLearned),
}

/// What an object says of charts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartLearned(pub(super) ChartFact);

impl Learned {
    /// The facts of an object; most have none.
    pub fn all_in(object: &Object<'_>) -> Vec<Self> {
        let mut facts = learn::facts_in(object);
        let chart = charts::fact_in(object).map(ChartLearned);
        facts.extend(chart.map(Self::Chart));
        facts
    }
}
