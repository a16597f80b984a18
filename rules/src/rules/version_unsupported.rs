use crate::engine::Context;
use crate::finding::Severity;
use crate::istio::image::{Component, Vendor};
use crate::istio::version::Minor;
use crate::releases::{Certainty, EndOfLife, Releases, Support};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Judged, Thing, VERSIONED, days, things};

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
    for thing in things(cx) {
        let Some(version) = thing.stated.version() else {
            continue;
        };
        let Some(judged) = Judged::of(cx, thing, version.minor) else {
            continue;
        };
        if let Some(vendor) = judged.for_vendor.filter(|_| version.minor.major != 1) {
            let message = format!(
                "{} ({}) is a version of {}'s own, which says nothing of Istio's: its support \
                 decides (policy `vendors.{}`)",
                thing.name,
                thing.stated_as(),
                vendor.as_str(),
                vendor.as_str(),
            );
            out.report(thing.at.clone(), message)
                .severity(Severity::Info);
            continue;
        }
        let end = match judged.support {
            Support::Ended(end) => Some(end),
            Support::Unlisted => None,
            Support::Supported(_) | Support::Newer => continue,
        };
        let message = message(cx, thing, version.minor, end, judged.for_vendor);
        let finding = out.report(thing.at.clone(), message);
        finding.extent(-version.minor.ordinal());
        if judged.for_vendor.is_some() {
            finding.severity(Severity::Info);
        }
    }
}

fn message(
    cx: &Context<'_>,
    thing: &Thing<'_>,
    minor: Minor,
    end: Option<EndOfLife>,
    vendor: Option<Vendor>,
) -> String {
    let since = match end {
        Some(end) => format!(
            "is out of support since {} ({})",
            end.date,
            days((cx.as_of - end.date).get_days())
        ),
        None => "is older than any release that is listed".to_owned(),
    };
    let subject = format!("{} ({})", thing.name, thing.stated_as());
    if let Some(vendor) = vendor {
        let vendor = vendor.as_str();
        return format!(
            "{subject}: upstream's {minor} {since}; the build is of vendor `{vendor}`, whose own \
             support decides (policy `vendors.{vendor}`)"
        );
    }
    if let Some(end) = end.filter(|end| end.certainty == Certainty::Policy) {
        return format!("{subject} {since} {}", end.certainty.as_str());
    }
    let way = match (cx.releases.newest_supported(cx.as_of), thing.component) {
        // It has no successor of its own.
        (None, _) | (_, Component::Retired) => String::new(),
        (Some(newest), Component::Pilot) => format!(
            "; the newest supported is {}, {}",
            Releases::newest_version(newest, cx.as_of),
            path(&cx.releases.hops(minor, newest.minor))
        ),
        (Some(newest), _) => {
            let version = Releases::newest_version(newest, cx.as_of);
            format!("; the newest supported is {version}")
        }
    };
    format!("{subject} {since}: no patch comes any more, whatever is found in it{way}")
}

/// How an istiod gets there.
fn path(hops: &[Minor]) -> String {
    match hops {
        [] | [_] => "one hop away".to_owned(),
        [first, last] => format!("2 hops in place ({first}, {last}) or one by revision"),
        [first, .., last] => format!(
            "{} hops in place ({first} to {last}) or {} by revision",
            hops.len(),
            hops.len().div_ceil(2)
        ),
    }
}
