//! What is left where no supported hop is open.

use super::route::{self, Route, is_tested, runs};
use super::{Blocked, Request, Stop};
use crate::istio::version::{KubernetesVersion, Minor, Version};
use crate::releases::{Fit, Releases};

/// The way out of a mesh that Kubernetes has left behind.
#[derive(Clone, Debug)]
pub struct Rescue<'r> {
    /// Why the next hop in place cannot be made.
    pub in_place: Option<Blocked<'r>>,
    /// Every minor on the way, with how it goes with the cluster's Kubernetes.
    pub minors: Vec<(Minor, Fit<'r>)>,
    /// The first minor that starts on this Kubernetes: its APIs are there, and the installer takes it.
    pub first_running: Option<Minor>,
    /// The first minor that Istio tested on it.
    pub first_tested: Option<Minor>,
    /// Those of them that are supported on the day.
    pub supported: Vec<Minor>,
    /// Where to jump to; `None` where nothing on the way runs on this Kubernetes.
    pub landing: Option<Landing<'r>>,
}

/// The version to jump to, over what cannot run.
#[derive(Clone, Debug)]
pub struct Landing<'r> {
    /// The version.
    pub stop: Stop<'r>,
    /// How many minors the jump spans; Istio supports one in place and two by revision.
    pub minors: u32,
    /// The supported hops from there to where one wants to be; `None` where one is there.
    pub onward: Option<Result<Route<'r>, Blocked<'r>>>,
}

pub(super) fn rescue<'r>(
    table: &'r Releases,
    from: Version,
    to: Version,
    kubernetes: KubernetesVersion,
    request: &Request,
) -> Rescue<'r> {
    let hops = table.hops(from.minor, to.minor);
    let minors: Vec<(Minor, Fit<'r>)> = hops
        .into_iter()
        .map(|minor| (minor, table.fit(minor, kubernetes)))
        .collect();
    let first = |wanted: fn(&Fit<'_>) -> bool| {
        let found = minors.iter().find(|(_, fit)| wanted(fit));
        found.map(|(minor, _)| *minor)
    };
    Rescue {
        in_place: route::route(table, from.minor, to, 1, request).err(),
        first_running: first(runs),
        first_tested: first(is_tested),
        supported: supported(table, &minors, request),
        landing: best(table, &minors, request)
            .and_then(|minor| landing(table, from, to, minor, request)),
        minors,
    }
}

fn supported(table: &Releases, minors: &[(Minor, Fit<'_>)], request: &Request) -> Vec<Minor> {
    let minors = minors.iter().map(|(minor, _)| *minor);
    let is_supported = |minor: &Minor| {
        let stop = Stop::newest(table, *minor, request);
        stop.is_some_and(|stop| stop.is_supported())
    };
    minors.filter(is_supported).collect()
}

/// The newest that Istio tested on this Kubernetes; where it tested none, the newest that runs.
fn best(table: &Releases, minors: &[(Minor, Fit<'_>)], request: &Request) -> Option<Minor> {
    let newest = |wanted: &dyn Fn(Minor, &Fit<'_>) -> bool| {
        let found = minors.iter().rev().find(|(minor, fit)| wanted(*minor, fit));
        found.map(|(minor, _)| *minor)
    };
    let is_supported = |minor| {
        let stop = Stop::newest(table, minor, request);
        stop.is_some_and(|stop| stop.is_supported())
    };
    newest(&|minor, fit| is_tested(fit) && is_supported(minor))
        .or_else(|| newest(&|_, fit| is_tested(fit)))
        .or_else(|| newest(&|_, fit| runs(fit)))
}

fn landing<'r>(
    table: &'r Releases,
    from: Version,
    to: Version,
    minor: Minor,
    request: &Request,
) -> Option<Landing<'r>> {
    let stop = if minor == to.minor {
        Stop::new(table, to, request)
    } else {
        Stop::newest(table, minor, request)
    };
    Some(Landing {
        stop: stop?,
        minors: minor.minor.saturating_sub(from.minor.minor),
        onward: (minor < to.minor).then(|| route::route(table, minor, to, 1, request)),
    })
}
