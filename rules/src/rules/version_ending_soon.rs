use crate::engine::Context;
use crate::releases::{Certainty, Releases, Support};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Judged, VERSIONED, days, things};

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
    for thing in things(cx) {
        let Some(version) = thing.stated.version() else {
            continue;
        };
        let judged = Judged::of(cx, thing, version.minor);
        let judged = judged.filter(|judged| judged.for_vendor.is_none());
        let Some(Support::Supported(Some(end))) = judged.map(|judged| judged.support) else {
            continue;
        };
        let left = (end.date - cx.as_of).get_days();
        if left > cx.policy.version.warn_days {
            continue;
        }
        let next = cx
            .releases
            .newest_supported(cx.as_of)
            .filter(|next| next.minor > version.minor && end.certainty != Certainty::Policy);
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
        out.report(thing.at.clone(), message);
    }
}
