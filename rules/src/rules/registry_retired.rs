use std::iter;

use jiff::civil::Date;
use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity, op};
use crate::istio::build::Stated;
use crate::istio::image::{Image, Tag};
use crate::istio::install::{Chart, HELM_REPOSITORY, Install, InstallVersion, Layer, Release};
use crate::istio::version::Version;
use crate::istio::workload::PodTemplate;
use crate::object::Node;
use crate::releases::{Retired, Retiring};
use crate::rule::{Findings, ObjectKind, declare_rule};
use crate::rules::support::{VERSIONED, both, days};

/// Names another image for the sidecar.
const PROXY_IMAGE: &str = "sidecar.istio.io/proxyImage";

/// Kinds that pull images or charts.
const PULLING: &[ObjectKind] = &both::<{ VERSIONED.len() + 1 }>(VERSIONED, &[HELM_REPOSITORY]);

declare_rule! {
    id: "registry-retired",
    summary: "images or charts come from a registry that Istio shuts",
    severity: Warning,
    since: "0.1.0",
    kinds: PULLING,
    fix: Some(Applicability::Unsafe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some(template) = &subject.template {
        for node in images(template) {
            report(cx, &node, None, out);
        }
        return;
    }
    let install = subject.install.as_ref();
    let version = install.and_then(|install| release_of(install.versions.first()?));
    for node in said(&cx.object.root).chain(install.into_iter().flat_map(said_in_strings)) {
        report(cx, &node, version, out);
    }
    for release in install.iter().flat_map(|install| &install.releases) {
        report_default(cx, release, install, out);
    }
}

/// A release that something states; of a pre-release nobody says where it was published.
fn release_of(version: &InstallVersion<'_>) -> Option<Version> {
    match version.stated {
        Stated::Version(Tag::Release(release), _) => Some(release),
        _ => None,
    }
}

/// What a pod pulls.
fn images<'a>(template: &PodTemplate<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let spec = template.spec.clone();
    let containers = lists.into_iter().flat_map(move |list| spec.items(list));
    let annotation = template.node.at(&["metadata", "annotations", PROXY_IMAGE]);
    containers
        .filter_map(|container| container.get("image"))
        .chain(annotation)
}

/// All texts of an installer's file but what a cluster wrote into it: hubs, images and repositories stand
/// in many places, and a retired registry is unmistakable in each.
fn said<'a>(root: &Node<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    let members = root
        .entries()
        .filter(|(key, _)| !matches!(*key, "metadata" | "status"));
    members.flat_map(|(_, member)| texts(&member))
}

/// The same in values that stand in a string.
fn said_in_strings<'s, 'a: 's>(install: &'s Install<'a>) -> impl Iterator<Item = Node<'a>> + 's {
    let layers = install.releases.iter().flat_map(|release| &release.layers);
    layers.flat_map(|layer| match layer {
        Layer::Values(values) if values.as_value().inner.is_some() => texts(values),
        _ => Box::new(iter::empty()),
    })
}

fn texts<'a>(node: &Node<'a>) -> Box<dyn Iterator<Item = Node<'a>> + 'a> {
    match node.value() {
        Value::String(_) => Box::new(iter::once(node.clone())),
        Value::Array(_) => Box::new(node.elements().flat_map(|item| texts(&item))),
        Value::Object(_) => Box::new(node.entries().flat_map(|(_, member)| texts(&member))),
        _ => Box::new(iter::empty()),
    }
}

fn report(cx: &Context<'_>, node: &Node<'_>, version: Option<Version>, out: &mut Findings) {
    let Some(reference) = node.str() else { return };
    let Some(retired) = cx.releases.retired_home(reference, version, cx.as_of) else {
        return;
    };
    let message = format!("`{reference}` {}", what(&retired, cx.as_of));
    let fix = new_home(node, reference, &retired);
    out.report(node.as_value(), message)
        .severity(severity(&retired))
        .fix(fix);
}

fn severity(retired: &Retired<'_>) -> Severity {
    match retired.state {
        Retiring::Open => Severity::Warning,
        Retiring::Shut | Retiring::NeverThere(_) => Severity::Error,
    }
}

/// Why something cannot be pulled, now or soon.
fn what(retired: &Retired<'_>, on: Date) -> String {
    let (prefix, end) = (retired.prefix, retired.shuts);
    let certainty = end.certainty.as_str();
    let gone = match retired.state {
        Retiring::Open => {
            let trial = retired.next_trial.filter(|day| *day <= end.date);
            let trial = trial.map_or_else(String::new, |day| {
                format!("; it is switched off for some hours on {day}")
            });
            format!(
                "cannot be pulled after {} ({certainty}, {} left), when Istio shuts {prefix}: pods on \
                 new nodes will not start{trial}",
                end.date,
                days((end.date - on).get_days()),
            )
        }
        Retiring::Shut => format!(
            "cannot be pulled any more, since Istio shut {prefix} by {} ({certainty}): pods on new \
             nodes do not start",
            end.date,
        ),
        Retiring::NeverThere(last) => format!(
            "cannot be pulled: Istio publishes nothing newer than {last} to {prefix}, which it shuts"
        ),
    };
    match &retired.home {
        Some(home) => format!("{gone}; the new home is {}", home_of(home)),
        None => format!("{gone}; there is no new home"),
    }
}

/// The new home without the rest of the reference.
fn home_of(home: &str) -> &str {
    let image = Image::parse(home);
    if image.tag.is_some_and(|tag| !tag.contains('/')) || image.digest.is_some() {
        image.hub
    } else {
        home
    }
}

/// The same tag at the new home. A digest is not known to be the same there.
fn new_home(node: &Node<'_>, reference: &str, retired: &Retired<'_>) -> Option<Fix> {
    let home = retired.home.as_ref()?;
    if Image::parse(reference).digest.is_some() {
        return None;
    }
    let change = op::replace(node, Value::String(home.clone()));
    Fix::needs_review(format!("take it from {home}"), vec![change])
}

/// A release whose values name no registry takes the one of its chart.
fn report_default(
    cx: &Context<'_>,
    release: &Release<'_>,
    install: Option<&Install<'_>>,
    out: &mut Findings,
) {
    // An operator may bring charts of its own.
    let is_of_sail = cx.object.group() == "sailoperator.io";
    let keys: &[&str] = match release.chart {
        Chart::Istiod | Chart::Cni => &["global", "hub"],
        Chart::Ztunnel => &["hub"],
        _ => return,
    };
    // istioctl and a file of values bring no version of a chart: the images' is likely the same.
    let stated = release.version.as_ref();
    let stated = stated.or_else(|| install?.versions.first());
    let Some(stated) = stated.filter(|stated| stated.vendor.is_none() && !is_of_sail) else {
        return;
    };
    if release.names_registry() {
        return;
    }
    let retired = release_of(stated).and_then(|version| {
        Some((
            version,
            cx.releases.retired_default(version.minor, cx.as_of)?,
        ))
    });
    let Some((version, (hub, retired))) = retired else {
        return;
    };
    let message = format!(
        "no hub is set, and `{hub}`, the default of the charts of {}, {}",
        version.minor,
        what(&retired, cx.as_of)
    );
    // Values that are not in sight may name one.
    let severity = if release.unseen.is_nothing() {
        severity(&retired)
    } else {
        Severity::Info
    };
    out.report(stated.node.as_value(), message)
        .severity(severity)
        .fix(hub_fix(release, keys, &retired));
}

fn hub_fix(release: &Release<'_>, keys: &[&str], retired: &Retired<'_>) -> Option<Fix> {
    let home = retired.home.clone()?;
    let (root, below) = release.home.add.as_ref()?;
    let title = format!("set the hub to {home}");
    let path = [below, keys].concat();
    Fix::needs_review(title, vec![op::add_below(root, &path, Value::String(home))])
}
