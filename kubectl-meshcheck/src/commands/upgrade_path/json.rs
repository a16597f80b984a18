//! The way for programs.

use jiff::civil::Date;
use meshcheck_rules::releases::{Fit, Releases, RemovedApi, Support};
use meshcheck_rules::upgrade::{
    Blocked, Demand, Landing, Plan, Rescue, Route, Step, Stop, Way, Window,
};
use serde::Serialize;

use crate::args::ReleaseDataArgs;
use crate::output::facts::{BulletinOut, EndOut, KubernetesOut, RangeOut, TableOut, pretty};

/// Version of the schema. A member that is added does not raise it.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanOut<'a> {
    version: u32,
    as_of: String,
    table: TableOut,
    kubernetes: Option<String>,
    notes: &'a [String],
    from: StopOut<'a>,
    to: StopOut<'a>,
    way: &'static str,
    in_place: Option<RouteOut<'a>>,
    by_revision: Option<RouteOut<'a>>,
    rescue: Option<RescueOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StopOut<'a> {
    version: String,
    minor: String,
    supported: bool,
    end_of_life: Option<EndOut>,
    kubernetes: KubernetesOut,
    fit: Option<&'static str>,
    missing_apis: Vec<ApiOut<'a>>,
    bulletins: Vec<BulletinOut<'a>>,
    lacks: Vec<LackOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiOut<'a> {
    api: &'a str,
    removed_in: String,
    effect: &'a str,
    log: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LackOut<'a> {
    id: &'a str,
    what: &'a str,
    fixed_in: String,
}

/// A route: `steps`, or why it is closed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteOut<'a> {
    steps: Option<Vec<StepOut<'a>>>,
    blocked: Option<BlockedOut<'a>>,
}

#[derive(Serialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    tag = "move"
)]
enum StepOut<'a> {
    Kubernetes {
        from: Option<RangeOut>,
        to: RangeOut,
        because: Option<DemandOut>,
    },
    Istio {
        to: Box<StopOut<'a>>,
        kubernetes: Option<RangeOut>,
        untested: bool,
    },
}

/// What a hop asks of Kubernetes.
#[derive(Serialize)]
struct DemandOut {
    minor: String,
    least: String,
    floor: bool,
}

impl From<Demand> for DemandOut {
    fn from(demand: Demand) -> Self {
        Self {
            minor: demand.minor.to_string(),
            least: demand.least.to_string(),
            floor: demand.is_floor,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockedOut<'a> {
    from: String,
    to: String,
    missing_apis: Vec<ApiOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RescueOut<'a> {
    first_running: Option<String>,
    first_tested: Option<String>,
    supported: Vec<String>,
    minors: Vec<MinorOut>,
    landing: Option<LandingOut<'a>>,
}

#[derive(Serialize)]
struct MinorOut {
    minor: String,
    fit: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LandingOut<'a> {
    to: StopOut<'a>,
    minors: u32,
    supported_by_istio: bool,
    onward: Option<RouteOut<'a>>,
}

/// The whole answer.
pub(super) fn text(
    table: &Releases,
    plan: &Plan<'_>,
    notes: &[String],
    arguments: &ReleaseDataArgs,
) -> String {
    let on = plan.request.on;
    let (in_place, by_revision) = match &plan.way {
        Way::Hops {
            in_place,
            by_revision,
        } => (
            Some(RouteOut::of(in_place, on)),
            Some(RouteOut::of(by_revision, on)),
        ),
        Way::There | Way::Patch | Way::Closed(_) => (None, None),
    };
    pretty(&PlanOut {
        version: VERSION,
        as_of: on.to_string(),
        table: TableOut::of(table, arguments, on),
        kubernetes: plan.request.kubernetes.map(|version| version.to_string()),
        notes,
        from: StopOut::of(&plan.from, on),
        to: StopOut::of(&plan.to, on),
        way: match &plan.way {
            Way::There => "there",
            Way::Patch => "patch",
            Way::Hops { .. } => "hops",
            Way::Closed(_) => "closed",
        },
        in_place,
        by_revision,
        rescue: match &plan.way {
            Way::Closed(rescue) => Some(RescueOut::of(rescue, on)),
            Way::There | Way::Patch | Way::Hops { .. } => None,
        },
    })
}

impl<'a> StopOut<'a> {
    fn of(stop: &'a Stop<'_>, on: Date) -> Self {
        let missing = match &stop.fit {
            Some(Fit::MissingApis(missing)) => missing.as_slice(),
            _ => &[],
        };
        let end = match stop.support {
            Support::Ended(end) => Some(end),
            Support::Supported(end) => end,
            Support::Newer | Support::Unlisted => None,
        };
        Self {
            version: stop.version.to_string(),
            minor: stop.release.minor.to_string(),
            supported: stop.is_supported(),
            end_of_life: end.map(|end| EndOut::of(end, on)),
            kubernetes: KubernetesOut::from(stop.release),
            fit: stop.fit.as_ref().map(fit),
            missing_apis: apis(missing),
            bulletins: stop
                .bulletins
                .iter()
                .map(|row| BulletinOut::from(*row))
                .collect(),
            lacks: stop
                .lacks
                .iter()
                .map(|(fix, fixed)| LackOut {
                    id: &fix.id,
                    what: &fix.what,
                    fixed_in: fixed.to_string(),
                })
                .collect(),
        }
    }
}

fn fit(fit: &Fit<'_>) -> &'static str {
    match fit {
        Fit::MissingApis(_) => "missingApis",
        Fit::BelowFloor(_) => "belowFloor",
        Fit::AlsoTested => "alsoTested",
        Fit::Untested => "untested",
        Fit::Tested => "tested",
        Fit::Unknown => "unknown",
    }
}

fn apis<'a>(missing: &[&'a RemovedApi]) -> Vec<ApiOut<'a>> {
    let api = |api: &&'a RemovedApi| ApiOut {
        api: &api.api,
        removed_in: api.removed_in.to_string(),
        effect: &api.effect,
        log: &api.log,
    };
    missing.iter().map(api).collect()
}

fn range(window: Window) -> RangeOut {
    RangeOut::new(window.min, window.max)
}

impl<'a> RouteOut<'a> {
    fn of(route: &'a Result<Route<'_>, Blocked<'_>>, on: Date) -> Self {
        match route {
            Ok(route) => Self {
                steps: Some(
                    route
                        .steps
                        .iter()
                        .map(|step| StepOut::of(step, on))
                        .collect(),
                ),
                blocked: None,
            },
            Err(blocked) => Self {
                steps: None,
                blocked: Some(BlockedOut {
                    from: blocked.from.to_string(),
                    to: blocked.to.to_string(),
                    missing_apis: apis(&blocked.missing),
                }),
            },
        }
    }
}

impl<'a> StepOut<'a> {
    fn of(step: &'a Step<'_>, on: Date) -> Self {
        match step {
            Step::Kubernetes(step) => Self::Kubernetes {
                from: step.from.map(range),
                to: range(step.to),
                because: step.because.map(DemandOut::from),
            },
            Step::Istio(hop) => Self::Istio {
                to: Box::new(StopOut::of(&hop.stop, on)),
                kubernetes: hop.kubernetes.map(range),
                untested: hop.is_untested,
            },
        }
    }
}

impl<'a> RescueOut<'a> {
    fn of(rescue: &'a Rescue<'_>, on: Date) -> Self {
        let minors = rescue.minors.iter();
        Self {
            first_running: rescue.first_running.map(|minor| minor.to_string()),
            first_tested: rescue.first_tested.map(|minor| minor.to_string()),
            supported: rescue.supported.iter().map(ToString::to_string).collect(),
            minors: minors
                .map(|(minor, of)| MinorOut {
                    minor: minor.to_string(),
                    fit: fit(of),
                })
                .collect(),
            landing: rescue
                .landing
                .as_ref()
                .map(|landing| LandingOut::of(landing, on)),
        }
    }
}

impl<'a> LandingOut<'a> {
    fn of(landing: &'a Landing<'_>, on: Date) -> Self {
        Self {
            to: StopOut::of(&landing.stop, on),
            minors: landing.minors,
            supported_by_istio: false,
            onward: landing.onward.as_ref().map(|route| RouteOut::of(route, on)),
        }
    }
}
