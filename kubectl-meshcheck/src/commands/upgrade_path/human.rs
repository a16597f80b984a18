//! The way for people.

use jiff::civil::Date;
use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::releases::{Fit, Releases, RemovedApi, Support};
use meshcheck_rules::upgrade::{Blocked, Demand, Hop, Move, Plan, Route, Step, Stop, Way, Window};

use super::rescue;
use crate::commands::releases::{ids, kubernetes, source};
use crate::output::counted;
use crate::output::text::{paragraph, table as columns};

/// Before this one there was no `istioctl upgrade`.
const FIRST_OF_ISTIOCTL: u32 = 6;

/// The whole answer.
pub(super) fn text(table: &Releases, plan: &Plan<'_>, notes: &[String]) -> String {
    let on = plan.request.on;
    let cluster = plan
        .request
        .kubernetes
        .map_or_else(String::new, |version| format!(" on Kubernetes {version}"));
    let (from, to) = (plan.from.version, plan.to.version);
    let mut text = paragraph(
        "",
        &format!(
            "Istio {from} to {to}{cluster}, as of {on}, {}",
            source(table, on)
        ),
    );
    for note in notes {
        text += &paragraph("note: ", note);
    }
    text += "\nWhere you are\n";
    text += &here(&plan.from, plan.request.kubernetes, on);
    text += &way(plan);
    text
}

fn way(plan: &Plan<'_>) -> String {
    let on = plan.request.on;
    match &plan.way {
        Way::There => "\nThis is where you want to be: there is nothing to do.\n".to_owned(),
        Way::Patch => patch(plan),
        Way::Hops {
            in_place,
            by_revision,
        } => {
            let cluster = plan.request.kubernetes;
            let in_place = match in_place {
                Ok(route) => in_place_route(route, on),
                Err(blocked) => closed("In place", blocked, cluster),
            };
            let by_revision = match by_revision {
                Ok(route) => by_revision_route(&plan.from, route),
                Err(blocked) => closed("By revision", blocked, cluster),
            };
            rescue::time(plan) + &in_place + &by_revision + &each_hop(plan) + &after(&plan.to, on)
        }
        Way::Closed(rescue) => rescue::text(plan, rescue),
    }
}

/// What is to be known of what runs.
fn here(stop: &Stop<'_>, cluster: Option<KubernetesVersion>, on: Date) -> String {
    let mut text = paragraph("  ", &format!("{}.", supported(stop, on)));
    let version = stop.version;
    let named = match stop.bulletins.len() {
        0 if version.patch.is_none() => {
            "Bulletins name patches, and which one runs was not said.".to_owned()
        }
        0 if stop.is_supported() => format!("No security bulletin names {version}."),
        0 => format!(
            "No security bulletin names {version}; they name only what is supported when they come out."
        ),
        count => format!(
            "{} {version}: {}.",
            if count == 1 {
                "One security bulletin names".to_owned()
            } else {
                format!("{count} security bulletins name")
            },
            ids(&stop.bulletins)
        ),
    };
    text += &paragraph("  ", &named);
    for (fix, fixed) in &stop.lacks {
        let lacks = format!(
            "It lacks a fix that came without a bulletin, in {fixed}: {}.",
            fix.what
        );
        text += &paragraph("  ", &lacks);
    }
    if let (Some(cluster), Some(fit)) = (cluster, &stop.fit) {
        text += &on_kubernetes(stop, cluster, fit);
    }
    text
}

/// `1.24 is out of support since ..., and was tested on Kubernetes 1.28 to 1.31`.
fn supported(stop: &Stop<'_>, on: Date) -> String {
    let minor = stop.release.minor;
    let tested = match &stop.release.kubernetes {
        Some(_) => format!(
            ", and was tested on Kubernetes {}",
            kubernetes(stop.release)
        ),
        None => String::new(),
    };
    match stop.support {
        Support::Ended(end) => format!(
            "{minor} is out of support since {} ({}){tested}",
            end.date,
            counted((on - end.date).get_days().unsigned_abs() as usize, "day"),
        ),
        Support::Supported(Some(end)) => format!(
            "{minor} is supported until {} ({}, {} left){tested}",
            end.date,
            end.certainty.as_str(),
            counted((end.date - on).get_days().unsigned_abs() as usize, "day"),
        ),
        _ => format!("{minor} is supported, and nobody has said until when{tested}"),
    }
}

fn on_kubernetes(stop: &Stop<'_>, cluster: KubernetesVersion, fit: &Fit<'_>) -> String {
    let version = stop.version;
    match fit {
        Fit::MissingApis(missing) => {
            let head = format!(
                "It cannot run on Kubernetes {cluster}, which has not got any more what it needs:"
            );
            let apis: String = missing.iter().map(|api| missing_api(api)).collect();
            paragraph("  ", &head) + &apis
        }
        Fit::BelowFloor(floor) => paragraph(
            "  ",
            &format!("It does not install on Kubernetes {cluster}: it takes {floor} or newer."),
        ),
        Fit::AlsoTested => paragraph(
            "  ",
            &format!(
                "Istio tried {version} on Kubernetes {cluster}, and does not support it there."
            ),
        ),
        Fit::Untested => paragraph(
            "  ",
            &format!("Nobody tested {version} on Kubernetes {cluster}."),
        ),
        Fit::Tested | Fit::Unknown => String::new(),
    }
}

fn missing_api(api: &RemovedApi) -> String {
    let what = format!("{}, gone since {}: {}", api.api, api.removed_in, api.effect);
    paragraph("  - ", &what) + &format!("    in istiod's log: {}\n", api.log)
}

fn patch(plan: &Plan<'_>) -> String {
    let (from, to) = (plan.from.version, plan.to.version);
    let what = format!(
        "Another patch of the same minor is no hop: install {to} over {from} with its istioctl or chart, \
         then restart the workloads, whose proxies keep their patch until then."
    );
    format!(
        "\nThe way\n{}{}",
        paragraph("  ", &what),
        after(&plan.to, plan.request.on)
    )
}

fn in_place_route(route: &Route<'_>, on: Date) -> String {
    let count = counted(route.hops().count(), "hop");
    format!(
        "\nIn place, one minor at a time: {count}\n{}",
        table(route, on)
    )
}

/// The hops of a route as a table, with the moves of Kubernetes between.
pub(super) fn table(route: &Route<'_>, on: Date) -> String {
    let head = [
        "hop",
        "Istio",
        "support of its minor",
        "tested on",
        "on Kubernetes",
        "bulletins",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(
        route
            .hops()
            .zip(1..)
            .map(|(hop, number)| cells(hop, number, on)),
    );
    let lines = columns("  ", &rows);
    let mut lines = lines.lines().map(|line| format!("{line}\n"));
    let head = lines.next().unwrap_or_default();
    let steps = route
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| match step {
            Step::Kubernetes(step) => paragraph("       ", &moved(step, index == 0)),
            Step::Istio(_) => lines.next().unwrap_or_default(),
        });
    let steps: String = steps.collect();
    head + &steps
}

fn cells(hop: &Hop<'_>, number: usize, on: Date) -> Vec<String> {
    let stop = &hop.stop;
    let support = match stop.support {
        Support::Ended(end) => format!("ended {}", end.date),
        Support::Supported(Some(end)) => format!(
            "until {}, {}",
            end.date,
            counted((end.date - on).get_days().unsigned_abs() as usize, "day")
        ),
        _ => "supported".to_owned(),
    };
    let here = hop
        .kubernetes
        .map_or_else(|| "-".to_owned(), |window| window.to_string());
    let here = if hop.is_untested {
        format!("{here}, untested")
    } else {
        here
    };
    let bulletins = match stop.bulletins.len() {
        0 => "none".to_owned(),
        count => count.to_string(),
    };
    vec![
        format!("{number:>3}"),
        stop.version.to_string(),
        support,
        kubernetes(stop.release),
        here,
        bulletins,
    ]
}

fn moved(step: &Move, is_first: bool) -> String {
    let Window { min, max } = step.to;
    let is_wide = min != max;
    let Some(from) = step.from else {
        let range = if is_wide {
            format!("between {min} and {max}")
        } else {
            min.to_string()
        };
        return format!(
            "Kubernetes has to be {range} for the hops below (--kubernetes-version says what it is)"
        );
    };
    let to = if is_wide {
        format!("at least {min}, at most {max}")
    } else {
        min.to_string()
    };
    let why = step.because.map_or_else(String::new, |demand| {
        let Demand {
            minor,
            least,
            is_floor,
        } = demand;
        if is_floor {
            format!(": Istio {minor} does not install on less than {least}")
        } else {
            format!(": Istio {minor} was not tested on less than {least}")
        }
    });
    let first = if is_first { "first, " } else { "" };
    format!("{first}Kubernetes from {from} up to {to}, one minor at a time{why}")
}

fn by_revision_route(from: &Stop<'_>, route: &Route<'_>) -> String {
    let mut words = vec![from.version.to_string()];
    words.extend(route.steps.iter().map(|step| match step {
        Step::Kubernetes(step) => format!("(Kubernetes {})", step.to),
        Step::Istio(hop) if hop.is_untested => format!("{} (untested there)", hop.stop.version),
        Step::Istio(hop) => hop.stop.version.to_string(),
    }));
    let count = counted(route.hops().count(), "hop");
    let way = paragraph("  ", &words.join(", "));
    format!("\nBy revision, up to two minors at a time: {count}\n{way}")
}

fn closed(way: &str, blocked: &Blocked<'_>, cluster: Option<KubernetesVersion>) -> String {
    let cluster = cluster.map_or_else(String::new, |version| format!(" {version}"));
    let Blocked { from, to, missing } = blocked;
    let apis: Vec<&str> = missing.iter().map(|api| api.api.as_str()).collect();
    let why = if apis.is_empty() {
        format!("From {from} there is no hop on this Kubernetes{cluster}.")
    } else {
        format!(
            "{to} cannot run on Kubernetes{cluster}: it needs {}.",
            apis.join(", ")
        )
    };
    format!("\n{way}: closed\n{}", paragraph("  ", &why))
}

fn each_hop(plan: &Plan<'_>) -> String {
    let mut text = String::from("\nAt each hop\n");
    let steps = [
        "read its upgrade notes: https://istio.io/latest/news/releases/, \"Upgrade Notes\" of the minor",
        "`istioctl x precheck` and `istioctl analyze -A`, with the istioctl of the new version",
        "in place: `istioctl upgrade` with the same -f and --set as at the installation, or the charts: \
         base first, then istiod; by revision: `istioctl install --set revision=...`, then move the \
         namespaces one after the other (`kubectl label namespace NAMESPACE istio-injection- \
         istio.io/rev=... --overwrite`)",
        "restart the workloads: `kubectl -n NAMESPACE rollout restart deployment`; proxies may be one minor \
         behind their istiod, and never ahead of it",
        "`istioctl proxy-status`: go on when no proxy of the old version is left",
    ];
    for (number, step) in (1..).zip(steps) {
        text += &paragraph(&format!("  {number}. "), step);
    }
    let ended = plan_hops(plan)
        .filter(|hop| !hop.stop.is_supported())
        .count();
    if ended > 0 {
        text += &paragraph(
            "  ",
            "Stay on none of those whose support has ended: they are stops on the way.",
        );
    }
    if plan.from.version.minor.major == 1 && plan.from.version.minor.minor < FIRST_OF_ISTIOCTL {
        text += &paragraph(
            "  ",
            "`istioctl upgrade` starts with 1.6: for the hops before it follow the upgrade notes of each \
             release. In 1.5 Pilot, Galley and Citadel became istiod.",
        );
    }
    text
}

fn plan_hops<'p, 'r>(plan: &'p Plan<'r>) -> impl Iterator<Item = &'p Hop<'r>> {
    let routes: Vec<&Route<'r>> = match &plan.way {
        Way::Hops {
            in_place,
            by_revision,
        } => [in_place, by_revision]
            .into_iter()
            .filter_map(|route| route.as_ref().ok())
            .collect(),
        Way::There | Way::Patch | Way::Closed(_) => Vec::new(),
    };
    routes.into_iter().flat_map(Route::hops)
}

/// How long one can stay where one arrives.
pub(super) fn after(stop: &Stop<'_>, on: Date) -> String {
    let mut text = format!(
        "\nAfter that\n{}",
        paragraph("  ", &format!("{}.", supported(stop, on)))
    );
    if !stop.bulletins.is_empty() {
        let named = format!("{} is named by {}.", stop.version, ids(&stop.bulletins));
        text += &paragraph("  ", &named);
    }
    text
}
