use crate::engine::Context;
use crate::finding::{Location, Related, RelatedPlace, Severity};
use crate::istio::image::Component;
use crate::istio::version::{KubernetesVersion, Minor};
use crate::mesh::{Known, Source};
use crate::releases::Release;
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
    let istiod = things(cx.subject()).find(|thing| thing.component == Component::Pilot);
    let Some(istiod) = istiod else { return };
    let Some(version) = istiod.stated.version() else {
        return;
    };
    let name = format!("istiod {version}");
    if report_missing_apis(
        cx,
        &name,
        version.minor,
        kubernetes,
        &istiod.at,
        &source,
        out,
    ) {
        return;
    }
    let Some((severity, message)) = cx
        .releases
        .get(version.minor)
        .and_then(|release| out_of_range(&name, release, kubernetes))
    else {
        return;
    };
    out.report(istiod.at, message)
        .severity(severity)
        .related([told(&source, kubernetes)]);
}

fn told(source: &Source, kubernetes: KubernetesVersion) -> Related {
    Related {
        message: format!("Kubernetes is {kubernetes}"),
        at: RelatedPlace::Fact(source.clone()),
    }
}

/// APIs that this istiod needs and this Kubernetes does not have: it will never work.
fn report_missing_apis(
    cx: &Context<'_>,
    name: &str,
    istiod: Minor,
    kubernetes: KubernetesVersion,
    at: &Location,
    source: &Source,
    out: &mut Findings,
) -> bool {
    let missing: Vec<_> = cx.releases.missing_apis(istiod, kubernetes).collect();
    if missing.is_empty() {
        return false;
    }
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
    out.report(at.clone(), message).related(details);
    true
}

fn out_of_range(
    name: &str,
    release: &Release,
    kubernetes: KubernetesVersion,
) -> Option<(Severity, String)> {
    let range = release.kubernetes.as_ref()?;
    let floor = release
        .kubernetes_floor
        .as_ref()
        .map_or(range.min, |floor| floor.min);
    let tested = format!(
        "{} was tested on {} to {}",
        release.minor, range.min, range.max
    );
    if kubernetes < floor {
        let message = format!(
            "{name} does not run on Kubernetes {kubernetes}: it needs {floor} or newer ({tested})"
        );
        Some((Severity::Error, message))
    } else if kubernetes < range.min || kubernetes > range.max {
        let side = if kubernetes < range.min {
            "older"
        } else {
            "newer"
        };
        let message = format!(
            "{name} was never tested on Kubernetes {kubernetes}, which is {side} than what it \
             supports: {tested}"
        );
        Some((Severity::Warning, message))
    } else {
        None
    }
}
