use crate::engine::Context;
use crate::finding::Severity;
use crate::istio::version::Minor;
use crate::releases::{EndOfLife, Support};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Thing, VERSIONED, things};

declare_rule! {
    id: "version-unsupported",
    summary: "the version is out of support on the date",
    severity: Error,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for thing in things(cx.subject()) {
        let Some(version) = thing.stated.version() else {
            continue;
        };
        if let Some(vendor) = thing.vendor.filter(|_| version.minor.major != 1) {
            let message = format!(
                "{} ({}) is a version of {}'s own, which says nothing of Istio's: its support decides",
                thing.name,
                thing.stated_as(),
                vendor.as_str()
            );
            out.report(thing.at, message).severity(Severity::Info);
            continue;
        }
        let end = match cx.releases.support(version.minor, cx.as_of) {
            Support::Ended(end) => Some(end),
            Support::Unlisted => None,
            Support::Supported(_) | Support::Newer => continue,
        };
        let message = message(cx, &thing, version.minor, end);
        let finding = out.report(thing.at.clone(), message);
        if thing.vendor.is_some() {
            finding.severity(Severity::Info);
        }
    }
}

fn message(cx: &Context<'_>, thing: &Thing<'_>, minor: Minor, end: Option<EndOfLife>) -> String {
    let since = match end {
        Some(end) => format!(
            "is out of support since {} ({} days)",
            end.date,
            (cx.as_of - end.date).get_days()
        ),
        None => "is older than any release that is listed".to_owned(),
    };
    let subject = format!("{} ({})", thing.name, thing.stated_as());
    if let Some(vendor) = thing.vendor {
        let vendor = vendor.as_str();
        return format!(
            "{subject}: upstream's {minor} {since}; the build is {vendor}'s, whose own support decides"
        );
    }
    let way = cx
        .releases
        .newest_supported(cx.as_of)
        .map_or_else(String::new, |newest| {
            let hops = cx.releases.hops(minor, newest.minor);
            let path = match hops.as_slice() {
                [] | [_] => "one step away".to_owned(),
                hops => format!("{} steps of one minor in place", hops.len()),
            };
            format!(
                "; the newest supported is {}, {path}",
                newest.newest_patch.version
            )
        });
    format!("{subject} {since}: no fixes, and nobody tests it against newer Kubernetes{way}")
}
