use crate::engine::Context;
use crate::finding::{Location, Related, RelatedPlace, Severity};
use crate::istio::image::{Component, Image, Tag};
use crate::istio::install::Install;
use crate::istio::version::Version;
use crate::mesh::{Known, Source};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Thing, VERSIONED, things};

use plane::{Plane, planes};

mod plane;

declare_rule! {
    id: "version-skew",
    summary: "a part of Istio does not fit the version of its control plane",
    severity: Error,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

/// A proxy's image that a workload asks for.
const PROXY_IMAGE: &str = "sidecar.istio.io/proxyImage";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some(install) = &subject.install {
        return check_install(install, out);
    }
    for thing in things(cx) {
        match (thing.component, thing.stated.version()) {
            (Component::Pilot, Some(version)) => check_injector(cx, thing, version, out),
            (Component::Proxy | Component::Cni | Component::Ztunnel, Some(version)) => {
                check_part(cx, thing, version, out);
            }
            _ => {}
        }
    }
    check_asked_image(cx, out);
}

fn check_part(cx: &Context<'_>, thing: &Thing<'_>, version: Version, out: &mut Findings) {
    if thing.vendor.is_none() {
        let planes = planes(cx, thing.component);
        report(&planes, thing.name, version, &thing.at, out);
    }
}

/// A proxy that the workload's annotation asks for, and which is injected instead of istiod's own.
fn check_asked_image(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let asked = subject
        .template
        .as_ref()
        .and_then(|template| template.annotation(PROXY_IMAGE));
    // Rare, and cheaper to find than who is meshed.
    let Some(node) = asked.filter(|_| subject.uninjected(cx).is_some()) else {
        return;
    };
    let image = Image::parse(node.str().unwrap_or_default());
    let version = image.tag.and_then(|tag| Tag::read(tag).version());
    let Some(version) = version.filter(|_| image.vendor().is_none()) else {
        return;
    };
    let planes = planes(cx, Component::Proxy);
    report(&planes, "the proxy", version, &node.whole(), out);
}

/// Reports the mildest of what a part is to the control planes that it may belong to.
fn report(planes: &[Plane], what: &str, version: Version, at: &Location, out: &mut Findings) {
    let skews = planes
        .iter()
        .map(|plane| (Skew::between(version, plane.version), plane));
    let Some((skew, plane)) = skews.min_by_key(|(skew, _)| *skew) else {
        return;
    };
    let istiod = &plane.name;
    let (severity, message) = match skew {
        Skew::Fits => return,
        Skew::Behind(minors) => (
            Severity::Warning,
            format!(
                "{what} {version} is {minors} minors behind its control plane, {istiod}: Istio supports \
                 one, and what is newer in the configuration is not understood"
            ),
        ),
        Skew::Ahead => (
            Severity::Error,
            format!(
                "{what} {version} is ahead of its control plane, {istiod}: Istio supports an older data \
                 plane, never a newer one"
            ),
        ),
    };
    let told = plane.told.clone();
    out.report(at.clone(), message)
        .severity(severity)
        .related(told);
}

/// What a part is to its control plane, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Skew {
    Fits,
    /// By so many minors, more than one.
    Behind(u32),
    Ahead,
}

impl Skew {
    fn between(part: Version, plane: Version) -> Self {
        let (part, plane) = (part.minor, plane.minor);
        if part > plane {
            return Self::Ahead;
        }
        match plane.minor.saturating_sub(part.minor) {
            minors if plane.major == part.major && minors > 1 => Self::Behind(minors),
            _ => Self::Fits,
        }
    }
}

/// An istiod and what its injector's values make of new proxies: one bundle has one version.
fn check_injector(cx: &Context<'_>, istiod: &Thing<'_>, version: Version, out: &mut Findings) {
    let Some(revision) = plane::own_revision(cx) else {
        return;
    };
    let Known::Yes(injector, source) = cx.around.injector(&revision) else {
        return;
    };
    let Some(proxy) = injector.proxy.filter(|_| istiod.vendor.is_none()) else {
        return;
    };
    let told = Related {
        message: format!("the injector's values say {proxy}"),
        at: RelatedPlace::Fact(source),
    };
    report_bundle(version, proxy, &istiod.at, [told], out);
}

/// The versions in one installer's file.
fn check_install(install: &Install<'_>, out: &mut Findings) {
    let version_of = |is_pilot: bool| {
        install.versions.iter().find(|version| {
            let mut tokens = version
                .node
                .pointer()
                .tokens()
                .collect::<Vec<_>>()
                .into_iter();
            tokens.any(|token| token == "pilot") == is_pilot
        })
    };
    let (Some(pilot), Some(proxies)) = (version_of(true), version_of(false)) else {
        return;
    };
    let (Some(istiod), Some(proxy)) = (pilot.stated.version(), proxies.stated.version()) else {
        return;
    };
    if pilot.vendor.is_some() || proxies.vendor.is_some() {
        return;
    }
    let told = Related {
        message: format!("the proxies get {proxy} from here"),
        at: RelatedPlace::Here(proxies.node.as_value()),
    };
    report_bundle(istiod, proxy, &pilot.node.as_value(), [told], out);
}

fn report_bundle(
    istiod: Version,
    proxy: Version,
    at: &Location,
    told: [Related; 1],
    out: &mut Findings,
) {
    if istiod.minor == proxy.minor {
        return;
    }
    let (severity, leads_to) = if proxy.minor > istiod.minor {
        (
            Severity::Error,
            "every new proxy is ahead of its control plane, which Istio does not support, and \
             templates of the newer version may not render at all",
        )
    } else {
        (
            Severity::Warning,
            "every new proxy is behind its control plane from its first day on",
        )
    };
    let message = format!("istiod is {istiod} here and its proxies are {proxy}: {leads_to}");
    out.report(at.clone(), message)
        .severity(severity)
        .related(told);
}

/// A note that names the document in which a control plane stands.
fn note(name: &str, source: Source) -> Related {
    Related {
        message: format!("{name} is here"),
        at: RelatedPlace::Fact(source),
    }
}
