use crate::engine::Context;
use crate::releases::{Releases, Support};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{VERSIONED, days, things};

declare_rule! {
    id: "version-ending-soon",
    summary: "support of the version ends soon",
    severity: Warning,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for thing in things(cx.subject()).filter(|thing| thing.vendor.is_none()) {
        let Some(version) = thing.stated.version() else {
            continue;
        };
        let Support::Supported(Some(end)) = cx.releases.support(version.minor, cx.as_of) else {
            continue;
        };
        let left = (end.date - cx.as_of).get_days();
        if left > cx.policy.version.warn_days {
            continue;
        }
        let next = cx
            .releases
            .newest_supported(cx.as_of)
            .filter(|next| next.minor > version.minor);
        let next = next.map_or_else(String::new, |next| {
            format!(
                "; {} is the newest supported",
                Releases::newest_version(next, cx.as_of)
            )
        });
        let message = format!(
            "{} ({}): support of {} ends in {}, on {} ({}){next}",
            thing.name,
            thing.stated_as(),
            version.minor,
            days(left),
            end.date,
            end.certainty.as_str(),
        );
        out.report(thing.at, message);
    }
}
