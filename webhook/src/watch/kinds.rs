//! What is watched, and with which selectors.

use kube::runtime::watcher::Config;

use super::revisions::Print;
use super::seen::{Kind, Watched};
use super::shelf::Facts;

macro_rules! kinds {
    ($(#[$doc:meta])* $list:ident, $kept:ty {
        $($name:ident: $group:literal $version:literal $plural:literal,)*
    }) => {
        $(
            pub(super) struct $name;

            impl Watched for $name {
                const KIND: Kind = Kind {
                    group: $group,
                    version: $version,
                    kind: stringify!($name),
                    plural: $plural,
                };
                type Kept = $kept;
            }
        )*

        $(#[$doc])*
        pub(super) const $list: &[Kind] = &[$($name::KIND),*];
    };
}

kinds! {
    /// All that the mesh is learned from.
    OF_THE_MESH, Facts {
        Namespace: "" "v1" "namespaces",
        Node: "" "v1" "nodes",
        ConfigMap: "" "v1" "configmaps",
        Deployment: "apps" "v1" "deployments",
        // Older clusters have no newer version, and newer ones have this.
        HorizontalPodAutoscaler: "autoscaling" "v1" "horizontalpodautoscalers",
        PodDisruptionBudget: "policy" "v1" "poddisruptionbudgets",
        MutatingWebhookConfiguration: "admissionregistration.k8s.io" "v1" "mutatingwebhookconfigurations",
        IstioRevisionTag: "sailoperator.io" "v1" "istiorevisiontags",
        HelmRepository: "source.toolkit.fluxcd.io" "v1" "helmrepositories",
        OCIRepository: "source.toolkit.fluxcd.io" "v1" "ocirepositories",
    }
}

kinds! {
    /// What keeps the revisions of workloads.
    OF_REVISIONS, Print {
        ReplicaSet: "apps" "v1" "replicasets",
        ControllerRevision: "apps" "v1" "controllerrevisions",
    }
}

/// What is watched in the namespaces of istiods alone.
pub(super) const BESIDE_ISTIOD: &[Kind] =
    &[HorizontalPodAutoscaler::KIND, PodDisruptionBudget::KIND];

impl Kind {
    /// Whether every cluster has it.
    pub(super) fn is_built_in(&self) -> bool {
        self.group.is_empty() || self.group.ends_with(".k8s.io") || !self.group.contains('.')
    }
}

/// Charts have put this on every object of a revision since 1.6.
const OF_A_REVISION: &str = "istio.io/rev";
/// Charts have put `istiod` on all that belongs to it since 1.5, and `pilot` before.
const OF_ISTIOD: &str = "app in (istiod, pilot)";

/// So many objects are in memory at a time, as text: 200 KB. Several watches read pages at once.
fn pages(objects: u32) -> Config {
    Config::default().page_size(objects)
}

/// Small objects: a kilobyte or two.
pub(super) fn small() -> Config {
    pages(200)
}

/// Objects of some kilobytes: templates, configurations.
pub(super) fn large() -> Config {
    pages(50)
}

/// Nodes list their images, which is tens of kilobytes.
pub(super) fn nodes() -> Config {
    pages(10)
}

/// The ConfigMaps of control planes: by label, and the two that have no revision in their name by that,
/// since not everybody uses the charts.
pub(super) fn config_maps() -> [Config; 3] {
    [
        large().labels(OF_A_REVISION),
        large().fields("metadata.name=istio"),
        large().fields("metadata.name=istio-sidecar-injector"),
    ]
}

/// Deployments of istiod, in the same way.
pub(super) fn deployments() -> [Config; 3] {
    [
        large().labels(OF_ISTIOD),
        large().labels(OF_A_REVISION),
        large().fields("metadata.name=istiod"),
    ]
}

/// Configurations of the injector; what says no revision says nothing of one.
pub(super) fn injectors() -> Config {
    large().labels(OF_A_REVISION)
}
