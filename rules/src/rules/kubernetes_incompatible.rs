use crate::engine::Context;
use crate::finding::{Location, Related, RelatedPlace, Severity};
use crate::istio::image::Component;
use crate::istio::version::{KubernetesVersion, Minor};
use crate::mesh::{Known, Source};
use crate::releases::{Fit, RemovedApi};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{VERSIONED, things};

declare_rule! {
    id: "kubernetes-incompatible",
    summary: "this istiod cannot run, or was never tested, on this Kubernetes",
    severity: Error,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let Known::Yes(kubernetes, source) = cx.around.kubernetes() else {
        return;
    };
    let istiod = things(cx)
        .iter()
        .find(|thing| thing.component == Component::Pilot);
    let Some(istiod) = istiod else { return };
    let Some(version) = istiod.stated.version() else {
        return;
    };
    let name = format!("istiod {version}");
    let tested = tested(cx, version.minor);
    match cx.releases.fit(version.minor, kubernetes) {
        Fit::MissingApis(missing) => {
            report_missing_apis(&name, kubernetes, &missing, istiod.at.clone(), &source, out);
        }
        Fit::BelowFloor(floor) => {
            let message = format!(
                "{name} does not run on Kubernetes {kubernetes}: it needs {floor} or newer{}",
                parenthesis(&tested)
            );
            out.report(istiod.at.clone(), message)
                .related([told(&source, kubernetes)]);
        }
        Fit::AlsoTested => {
            let message = format!(
                "{name} is not supported on Kubernetes {kubernetes}: {tested}, and tried on this one \
                 without a promise"
            );
            out.report(istiod.at.clone(), message)
                .severity(Severity::Warning)
                .related([told(&source, kubernetes)]);
        }
        Fit::Untested => {
            let side = side(cx, version.minor, kubernetes);
            let message = format!(
                "{name} was never tested on Kubernetes {kubernetes}, which is {side} than what it \
                 supports: {tested}"
            );
            out.report(istiod.at.clone(), message)
                .severity(Severity::Warning)
                .related([told(&source, kubernetes)])
                .related(conditions(cx, version.minor, kubernetes, &source));
        }
        Fit::Tested | Fit::Unknown => {}
    }
}

fn parenthesis(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

/// `1.17 was tested on 1.23 to 1.26`.
fn tested(cx: &Context<'_>, minor: Minor) -> String {
    let range = cx
        .releases
        .get(minor)
        .and_then(|row| row.kubernetes.as_ref());
    range.map_or_else(String::new, |range| {
        format!("{minor} was tested on {} to {}", range.min, range.max)
    })
}

fn side(cx: &Context<'_>, minor: Minor, kubernetes: KubernetesVersion) -> &'static str {
    let range = cx
        .releases
        .get(minor)
        .and_then(|row| row.kubernetes.as_ref());
    if range.is_some_and(|range| kubernetes < range.min) {
        "older"
    } else {
        "newer"
    }
}

/// What this Kubernetes has not got any more and only some istiods of this minor need.
fn conditions(
    cx: &Context<'_>,
    minor: Minor,
    kubernetes: KubernetesVersion,
    source: &Source,
) -> impl Iterator<Item = Related> {
    let missing = cx.releases.conditionally_missing(minor, kubernetes);
    missing.filter_map(|api| {
        let only_if = api.only_if.as_ref()?;
        Some(Related {
            message: format!("without {}, if {only_if}: {}", api.api, api.effect),
            at: RelatedPlace::Fact(source.clone()),
        })
    })
}

fn told(source: &Source, kubernetes: KubernetesVersion) -> Related {
    Related {
        message: format!("Kubernetes is {kubernetes}"),
        at: RelatedPlace::Fact(source.clone()),
    }
}

/// APIs that this istiod needs and this Kubernetes does not have: it will never work.
fn report_missing_apis(
    name: &str,
    kubernetes: KubernetesVersion,
    missing: &[&RemovedApi],
    at: Location,
    source: &Source,
    out: &mut Findings,
) {
    let apis: Vec<String> = missing
        .iter()
        .map(|api| format!("{} (removed in {})", api.api, api.removed_in))
        .collect();
    let first = missing[0];
    let message = format!(
        "{name} cannot run on Kubernetes {kubernetes}: it needs {}; {}, and istiod's log will say \
         `{}`",
        apis.join(", "),
        first.effect,
        first.log,
    );
    let details = missing.iter().map(|api| Related {
        message: format!(
            "without {}: {}; istiod's log: `{}`",
            api.api, api.effect, api.log
        ),
        at: RelatedPlace::Fact(source.clone()),
    });
    out.report(at, message).related(details);
}
