use std::iter;

use jiff::civil::Date;
use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Change, Fix, Severity, op};
use crate::istio::build::Stated;
use crate::istio::image::{Image, Tag};
use crate::istio::install::{Install, Layer, Release};
use crate::istio::version::Version;
use crate::istio::workload::PodTemplate;
use crate::object::Node;
use crate::releases::{Retired, Retiring};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{VERSIONED, days};

mod default;

/// Names another image for the sidecar.
const PROXY_IMAGE: &str = "sidecar.istio.io/proxyImage";

declare_rule! {
    id: "registry-retired",
    summary: "images or charts come from a registry that Istio shuts",
    severity: Warning,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: Some(Applicability::Unsafe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some(template) = &subject.template {
        for node in images(template) {
            report(cx, &node, None, out);
        }
    }
    if let Some(install) = &subject.install {
        let version = stated_version(install);
        let inside = install.releases.iter().flat_map(values_in_strings);
        for node in said(&cx.object.root).chain(inside) {
            report(cx, &node, version, out);
        }
        default::report(cx, install, out);
    }
}

/// The release that something states; of a pre-release nobody says where it was published.
fn stated_version(install: &Install<'_>) -> Option<Version> {
    match install.versions.first()?.stated {
        Stated::Version(Tag::Release(version), _) => Some(version),
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

/// All texts of an installer's file but what a cluster wrote into it: hubs, images and repositories
/// stand in many places, and a retired registry is unmistakable in each.
fn said<'a>(root: &Node<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    let members = root
        .entries()
        .filter(|(key, _)| !matches!(*key, "metadata" | "status"));
    members.flat_map(|(_, member)| texts(&member))
}

fn texts<'a>(node: &Node<'a>) -> Box<dyn Iterator<Item = Node<'a>> + 'a> {
    match node.value() {
        Value::String(_) => Box::new(iter::once(node.clone())),
        Value::Array(_) => Box::new(node.elements().flat_map(|item| texts(&item))),
        Value::Object(_) => Box::new(node.entries().flat_map(|(_, member)| texts(&member))),
        _ => Box::new(iter::empty()),
    }
}

/// The same in values that stand in a string.
fn values_in_strings<'a>(release: &Release<'a>) -> impl Iterator<Item = Node<'a>> + use<'a> {
    let values = release.layers.iter().filter_map(|layer| match layer {
        Layer::Values(node) if node.as_value().inner.is_some() => Some(node.clone()),
        _ => None,
    });
    let values: Vec<Node<'a>> = values.collect();
    values.into_iter().flat_map(|node| texts(&node))
}

fn report(cx: &Context<'_>, node: &Node<'_>, version: Option<Version>, out: &mut Findings) {
    let Some(reference) = node.str() else { return };
    let Some(retired) = cx.releases.retired_home(reference, version, cx.as_of) else {
        return;
    };
    let loss = if reference.split('/').any(|part| part == "charts") {
        Loss::Charts
    } else {
        Loss::Images
    };
    let message = format!("`{reference}` {}", what(&retired, loss, cx.as_of));
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

/// What is not there any more.
#[derive(Clone, Copy)]
enum Loss {
    Images,
    Charts,
}

impl Loss {
    fn consequence(self) -> &'static str {
        match self {
            Self::Images => "pods on new nodes do not start then",
            Self::Charts => "nothing can be installed or upgraded from there then",
        }
    }
}

/// Why something cannot be pulled, now or soon.
fn what(retired: &Retired<'_>, loss: Loss, on: Date) -> String {
    let (prefix, end) = (retired.prefix, retired.shuts);
    let certainty = end.certainty.as_str();
    let gone = match retired.state {
        Retiring::Open => {
            let trial = retired.next_trial.filter(|day| *day <= end.date);
            let trial = trial.map_or_else(String::new, |day| {
                format!("; it is switched off for some hours on {day}")
            });
            format!(
                "cannot be pulled after {} ({certainty}, {} left), when Istio shuts {prefix}: {}{trial}",
                end.date,
                days((end.date - on).get_days()),
                loss.consequence(),
            )
        }
        Retiring::Shut => format!(
            "cannot be pulled any more, since Istio shut {prefix} by {} ({certainty}): {}",
            end.date,
            loss.consequence().trim_end_matches(" then"),
        ),
        Retiring::NeverThere(last) => {
            format!(
                "cannot be pulled: Istio publishes nothing newer than {last} to {prefix}, which it shuts"
            )
        }
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
    let change: Vec<Change<'_>> = vec![op::replace(node, Value::String(home.clone()))];
    Fix::needs_review(format!("take it from {home}"), change)
}
