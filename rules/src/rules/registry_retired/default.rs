//! The registry that a chart names where nobody names another.

use serde_json::Value;

use super::{Loss, severity, what};
use crate::engine::Context;
use crate::finding::{Fix, Severity};
use crate::istio::install::{
    Addition, Chart, HELM_VALUES, ISTIO_OPERATOR, Install, InstallVersion, Layer,
};
use crate::istio::version::Minor;
use crate::object::Node;
use crate::rule::Findings;

/// What names no hub takes the one of its charts.
pub(super) fn report(cx: &Context<'_>, install: &Install<'_>, out: &mut Findings) {
    if ISTIO_OPERATOR.matches(cx.object) || HELM_VALUES.matches(cx.object) {
        return of_tag(cx, install, out);
    }
    for release in &install.releases {
        // The Sail operator may have images of its own.
        let pulls = matches!(release.chart, Chart::Istiod | Chart::Cni | Chart::Ztunnel);
        let has_own = cx.object.group() == "sailoperator.io" || release.is_vendors;
        let Some(stated) = release.version.as_ref().filter(|_| pulls && !has_own) else {
            continue;
        };
        if release.layers.iter().any(layer_names_hub) {
            continue;
        }
        let add = release.addition(&["global", "hub"]);
        let is_one_of_several = !release.unseen.is_nothing();
        tell(cx, stated, add, is_one_of_several, out);
    }
}

/// A file that states the version by the tag of its images.
fn of_tag(cx: &Context<'_>, install: &Install<'_>, out: &mut Findings) {
    let is_values = HELM_VALUES.matches(cx.object);
    let root = if is_values {
        Some(cx.object.root.clone())
    } else {
        cx.object.root.get_set("spec")
    };
    let Some(root) = root.filter(|root| !names_hub(root)) else {
        return;
    };
    let Some(stated) = install.versions.first().filter(|it| it.vendor.is_none()) else {
        return;
    };
    let keys: &[&str] = if is_values {
        &["global", "hub"]
    } else {
        &["hub"]
    };
    let add = Addition::below(&root, keys);
    tell(cx, stated, Some(add), is_values, out);
}

/// Another file of values may name a hub, where there are several.
fn tell<'a>(
    cx: &Context<'_>,
    stated: &InstallVersion<'a>,
    add: Option<Addition<'a>>,
    is_one_of_several: bool,
    out: &mut Findings,
) {
    let Some((message, home, severity)) = stated
        .stated
        .version()
        .and_then(|version| default_of(cx, version.minor))
    else {
        return;
    };
    let change = add.map(|add| vec![add.of(Value::String(home.clone()))]);
    let title = format!("set the hub to {home}");
    let fix = change.and_then(|change| Fix::needs_review(title, change));
    let severity = if is_one_of_several {
        Severity::Info
    } else {
        severity
    };
    out.report(stated.node.as_value(), message)
        .severity(severity)
        .fix(fix);
}

fn default_of(cx: &Context<'_>, minor: Minor) -> Option<(String, String, Severity)> {
    let (hub, retired) = cx.releases.retired_default(minor, cx.as_of)?;
    let message = format!(
        "no hub is set, and `{hub}`, the default of the charts of {minor}, {}",
        what(&retired, Loss::Images, cx.as_of)
    );
    let severity = severity(&retired);
    Some((message, retired.home?, severity))
}

fn names_hub(root: &Node<'_>) -> bool {
    let places: [&[&str]; 5] = [
        &["hub"],
        &["global", "hub"],
        &["pilot", "hub"],
        &["values", "global", "hub"],
        &["unvalidatedValues", "global", "hub"],
    ];
    places.into_iter().any(|place| root.at(place).is_some())
}

fn layer_names_hub(layer: &Layer<'_>) -> bool {
    match layer {
        Layer::Values(values) => names_hub(values),
        Layer::Global(global) => global.get_set("hub").is_some(),
        Layer::Parameters(all) => all
            .iter()
            .any(|parameter| parameter.path.last().is_some_and(|key| key == "hub")),
    }
}
