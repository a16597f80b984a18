//! Upgrade paths: from one version of Istio to another by supported hops, with the moves of Kubernetes
//! between them; and where no hop is open, what is left.
//!
//! The rules of skew are Istio's: in place one minor at a time, by revision two (istio.io, In-place
//! Upgrades and Canary Upgrades). Kubernetes goes up one minor at a time and never down.

use jiff::civil::Date;

use crate::istio::version::{KubernetesVersion, Minor, Version};
use crate::releases::{Bulletin, Fit, Release, Releases, Support, UnlistedFix};

pub use refusal::Refusal;
pub use rescue::{Landing, Rescue};
pub use route::{Blocked, Demand, Hop, Move, Route, Step, Window};

mod refusal;
mod rescue;
mod route;
#[cfg(test)]
mod tests;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What runs.
    pub from: Version,
    /// Where to; the newest supported where nothing is said.
    pub to: Option<Version>,
    /// What the cluster is.
    pub kubernetes: Option<KubernetesVersion>,
    /// For which day.
    pub on: Date,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Plan<'r> {
    /// What runs.
    pub from: Stop<'r>,
    /// Where to.
    pub to: Stop<'r>,
    /// What was asked.
    pub request: Request,
    /// How.
    pub way: Way<'r>,
}

/// How one gets there.
#[derive(Clone, Debug)]
pub enum Way<'r> {
    /// One is there.
    There,
    /// By another patch of the same minor, which is no hop.
    Patch,
    /// By hops; at least one of the two is open.
    Hops {
        /// One minor at a time.
        in_place: Result<Route<'r>, Blocked<'r>>,
        /// Two minors at a time.
        by_revision: Result<Route<'r>, Blocked<'r>>,
    },
    /// Not by hops that Istio supports, on this Kubernetes.
    Closed(Rescue<'r>),
}

/// A version on the way.
#[derive(Clone, Debug)]
pub struct Stop<'r> {
    /// The version; without a patch where none is known.
    pub version: Version,
    /// Its minor.
    pub release: &'r Release,
    /// Whether the minor is supported on the day.
    pub support: Support,
    /// The bulletins that name it on the day.
    pub bulletins: Vec<&'r Bulletin>,
    /// Fixes without a bulletin that it lacks, and the patch that has them.
    pub lacks: Vec<(&'r UnlistedFix, Version)>,
    /// How it goes with the cluster's Kubernetes, where that is known.
    pub fit: Option<Fit<'r>>,
}

impl<'r> Stop<'r> {
    fn new(table: &'r Releases, version: Version, request: &Request) -> Option<Self> {
        let minor = version.minor;
        Some(Self {
            version,
            release: table.get(minor)?,
            support: table.support(minor, request.on),
            bulletins: table.concerning(version, request.on).collect(),
            lacks: table.unlisted_fixes(version, request.on).collect(),
            fit: request.kubernetes.map(|version| table.fit(minor, version)),
        })
    }

    /// The newest patch of a minor.
    fn newest(table: &'r Releases, minor: Minor, request: &Request) -> Option<Self> {
        let release = table.get(minor)?;
        let version = Releases::newest_version(release, request.on);
        Self::new(table, version, request)
    }

    /// Whether its minor is supported on the day.
    pub fn is_supported(&self) -> bool {
        matches!(self.support, Support::Supported(_))
    }
}

/// Works out a path.
pub fn plan<'r>(table: &'r Releases, request: &Request) -> Result<Plan<'r>, Refusal> {
    let from = refusal::known(table, request.from, request.on)?;
    let to = target(table, request)?;
    refusal::refuse_downgrade(from, to)?;
    let stop = |version| Stop::new(table, version, request).ok_or(Refusal::Unlisted(version));
    Ok(Plan {
        from: stop(from)?,
        to: stop(to)?,
        request: *request,
        way: way(table, from, to, request),
    })
}

/// The version to go to: a minor stands for its newest patch.
fn target(table: &Releases, request: &Request) -> Result<Version, Refusal> {
    let asked = match request.to {
        Some(to) => refusal::known(table, to, request.on)?,
        None => newest_supported(table, request.on)?,
    };
    let release = table.get(asked.minor).ok_or(Refusal::Unlisted(asked))?;
    let newest = Releases::newest_version(release, request.on);
    Ok(if asked.patch.is_some() { asked } else { newest })
}

fn newest_supported(table: &Releases, on: Date) -> Result<Version, Refusal> {
    let newest = table.newest_supported(on);
    newest
        .map(|release| Releases::newest_version(release, on))
        .ok_or(Refusal::NothingSupported {
            on,
            table: table.as_of,
        })
}

fn way<'r>(table: &'r Releases, from: Version, to: Version, request: &Request) -> Way<'r> {
    if from == to {
        return Way::There;
    }
    if from.minor == to.minor {
        return Way::Patch;
    }
    let route = |most| route::route(table, from.minor, to, most, request);
    let (in_place, by_revision) = (route(1), route(2));
    if in_place.is_ok() || by_revision.is_ok() {
        return Way::Hops {
            in_place,
            by_revision,
        };
    }
    match request.kubernetes {
        Some(kubernetes) => Way::Closed(rescue::rescue(table, from, to, kubernetes, request)),
        // Without a Kubernetes nothing can be too new for it.
        None => Way::Hops {
            in_place,
            by_revision,
        },
    }
}
