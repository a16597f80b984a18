//! Which istiod runs on which Kubernetes.

use super::{KubernetesRange, Releases, RemovedApi};
use crate::istio::version::{KubernetesVersion, Minor};

/// How an istiod and a Kubernetes go together.
#[derive(Clone, Debug)]
pub enum Fit<'r> {
    /// It cannot run: these APIs are gone.
    MissingApis(Vec<&'r RemovedApi>),
    /// It cannot run: the installer refuses what is older than this.
    BelowFloor(KubernetesVersion),
    /// Istio tested it, and does not support it.
    AlsoTested,
    /// Nobody tested it.
    Untested,
    /// Istio tests and supports it.
    Tested,
    /// The table does not say.
    Unknown,
}

impl Fit<'_> {
    /// Whether this istiod works on this Kubernetes at all, as far as is known.
    pub fn runs(&self) -> bool {
        !matches!(self, Self::MissingApis(_) | Self::BelowFloor(_))
    }
}

impl KubernetesRange {
    /// Whether a version lies in it.
    pub fn contains(&self, version: KubernetesVersion) -> bool {
        (self.min..=self.max).contains(&version)
    }
}

impl Releases {
    /// How an istiod of a minor and a Kubernetes go together.
    pub fn fit(&self, istiod: Minor, kubernetes: KubernetesVersion) -> Fit<'_> {
        let missing: Vec<_> = self.missing_apis(istiod, kubernetes).collect();
        if !missing.is_empty() {
            return Fit::MissingApis(missing);
        }
        let Some(release) = self.get(istiod) else {
            return Fit::Unknown;
        };
        let floor = release.kubernetes_floor.as_ref().map(|floor| floor.min);
        if let Some(floor) = floor.filter(|floor| kubernetes < *floor) {
            return Fit::BelowFloor(floor);
        }
        let within = |range: &Option<KubernetesRange>| {
            range
                .as_ref()
                .is_some_and(|range| range.contains(kubernetes))
        };
        match &release.kubernetes {
            None => Fit::Unknown,
            Some(range) if range.contains(kubernetes) => Fit::Tested,
            Some(_) if within(&release.kubernetes_also_tested) => Fit::AlsoTested,
            Some(_) => Fit::Untested,
        }
    }

    /// The APIs that every istiod of this minor needs and this Kubernetes does not have.
    pub fn missing_apis(
        &self,
        istiod: Minor,
        kubernetes: KubernetesVersion,
    ) -> impl Iterator<Item = &RemovedApi> {
        self.removed(istiod, kubernetes)
            .filter(|api| api.only_if.is_none())
    }

    /// The APIs that this Kubernetes does not have and an istiod of this minor needs if it is set so.
    pub fn conditionally_missing(
        &self,
        istiod: Minor,
        kubernetes: KubernetesVersion,
    ) -> impl Iterator<Item = &RemovedApi> {
        self.removed(istiod, kubernetes)
            .filter(|api| api.only_if.is_some())
    }

    fn removed(
        &self,
        istiod: Minor,
        kubernetes: KubernetesVersion,
    ) -> impl Iterator<Item = &RemovedApi> {
        self.removed_kubernetes_apis.iter().filter(move |api| {
            kubernetes >= api.removed_in
                && istiod < api.needed_before
                && api.needed_from.is_none_or(|from| istiod >= from)
        })
    }
}
