use crate::engine::Context;
use crate::finding::Severity;
use crate::istio::build::Stated;
use crate::releases::Support;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{VERSIONED, days, things};

declare_rule! {
    id: "version-unknown",
    summary: "nothing states which version this is, so nobody can judge it",
    severity: Warning,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for thing in things(cx) {
        match &thing.stated {
            Stated::Unknown { why, hint } => {
                let hint = hint
                    .as_ref()
                    .map_or_else(String::new, |hint| format!(" ({hint})"));
                let message = format!(
                    "the version of {} cannot be judged, since {why}{hint}: nobody can say whether it \
                     is supported and fits its Kubernetes",
                    thing.name
                );
                let finding = out.report(thing.at.clone(), message);
                if thing.vendor.is_some() {
                    finding.severity(Severity::Info);
                }
            }
            Stated::Version(tag, from) => {
                let Some(version) = tag.version() else {
                    continue;
                };
                if thing.vendor.is_some() {
                    continue;
                }
                if cx.releases.support(version.minor, cx.as_of) == Support::Newer {
                    let age = (cx.as_of - cx.releases.as_of).get_days();
                    let message = format!(
                        "{} ({from}) is newer than the release table, which is {} old: its support \
                         cannot be judged",
                        thing.name,
                        days(age)
                    );
                    out.report(thing.at.clone(), message)
                        .severity(Severity::Info);
                }
            }
        }
    }
}
