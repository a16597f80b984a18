use crate::engine::Context;
use crate::istio::build::Stated;
use crate::istio::image::Tag;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{VERSIONED, things};

declare_rule! {
    id: "version-prerelease",
    summary: "an alpha, beta, release candidate or development build",
    severity: Warning,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for thing in things(cx) {
        let Stated::Version(Tag::Prerelease(version), from) = &thing.stated else {
            continue;
        };
        let message = format!(
            "{} ({from}) is a pre-release or development build of {}: Istio supports releases only, \
             and no bulletin covers it",
            thing.name, version
        );
        out.report(thing.at.clone(), message);
    }
}
