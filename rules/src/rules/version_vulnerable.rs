use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity, op};
use crate::istio::build::Stated;
use crate::istio::image::{Image, Tag};
use crate::istio::version::Version;
use crate::releases::{Exposure, Fixed};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Thing, VERSIONED, things};

declare_rule! {
    id: "version-vulnerable",
    summary: "a security bulletin names this patch",
    severity: Warning,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: Some(Applicability::Unsafe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    // A vendor's patch levels are its own.
    let is_judged = |thing: &&Thing<'_>| thing.vendor.is_none() && thing.is_program;
    for thing in things(cx).iter().filter(is_judged) {
        let Stated::Version(Tag::Release(version), _) = thing.stated else {
            continue;
        };
        let Some(exposure) = cx.releases.exposure(version, cx.as_of) else {
            continue;
        };
        let finding = out.report(thing.at.clone(), message(thing, version, &exposure));
        if exposure
            .highest()
            .is_some_and(|score| score >= cx.policy.version.cvss_error)
        {
            finding.severity(Severity::Error);
        }
        if let Fixed::In { newest, .. } = exposure.fixed {
            finding.fix(fix(thing, version, newest.version));
        }
    }
}

fn message(thing: &Thing<'_>, version: Version, exposure: &Exposure<'_>) -> String {
    let ids: Vec<&str> = exposure
        .bulletins
        .iter()
        .map(|bulletin| bulletin.id.as_str())
        .collect();
    let highest = exposure
        .highest()
        .map_or_else(String::new, |score| format!(" (CVSS up to {score:.1})"));
    let fixed = match exposure.fixed {
        Fixed::In { first, newest } if first.version == newest.version => {
            format!("fixed in {}", first.version)
        }
        Fixed::In { first, newest } => format!(
            "fixed from {} on, {} is the newest",
            first.version, newest.version
        ),
        Fixed::Nowhere => format!("which no patch of {} fixes", version.minor),
    };
    format!(
        "{} ({}) has known vulnerabilities, {fixed}: {}{highest}",
        thing.name,
        thing.stated_as(),
        ids.join(", "),
    )
}

/// The newest patch of the same minor and variant. Not where the tag is somebody's rebuild, whose next
/// tag nobody can guess, nor where a digest pins the image.
fn fix(thing: &Thing<'_>, version: Version, newest: Version) -> Option<Fix> {
    let text = thing.node.str()?;
    // An image has its tag behind the colon, an installer's file has nothing else.
    let image = Image::parse(text);
    let tag = match image.tag {
        _ if image.digest.is_some() => return None,
        Some(tag) => tag,
        None if text == image.name => text,
        None => return None,
    };
    let variant = tag.strip_prefix(&version.to_string())?;
    if !matches!(variant, "" | "-distroless" | "-debug") {
        return None;
    }
    let target = format!("{newest}{variant}");
    let renewed = format!("{}{target}", text.strip_suffix(tag)?);
    Fix::needs_review(
        format!("set the tag to {target}"),
        vec![op::replace(&thing.node, Value::String(renewed))],
    )
}
