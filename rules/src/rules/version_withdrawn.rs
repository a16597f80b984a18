use crate::engine::Context;
use crate::istio::build::Stated;
use crate::istio::image::Tag;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{VERSIONED, things};

declare_rule! {
    id: "version-withdrawn",
    summary: "a build that Istio asked not to use",
    severity: Error,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for thing in things(cx) {
        let Stated::Version(Tag::Release(version), from) = &thing.stated else {
            continue;
        };
        let Some(row) = cx.releases.withdrawn(*version, thing.image_name) else {
            continue;
        };
        let message = format!(
            "{} ({from}) was withdrawn: {}; use another patch",
            thing.name, row.reason
        );
        out.report(thing.at.clone(), message);
    }
}
