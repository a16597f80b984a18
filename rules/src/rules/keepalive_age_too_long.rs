use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity};
use crate::istio::keepalive::{Age, AgeSetting, longest_life};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{Grade, ISTIODS, age_fix};

declare_rule! {
    id: "keepalive-age-too-long",
    summary: "configuration streams live so long that a broken one is an outage",
    severity: Error,
    since: "0.1.0",
    kinds: ISTIODS,
    fix: Some(Applicability::Safe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for setting in cx.subject().ages() {
        check_age(cx, setting, out);
    }
}

fn check_age(cx: &Context<'_>, setting: &AgeSetting<'_>, out: &mut Findings) {
    let Age::Finite(age) = setting.age else {
        return;
    };
    let policy = &cx.policy.keepalive;
    if age <= policy.max {
        return;
    }
    let message = format!(
        "{} is {age}, above {}: a proxy whose configuration stream broke keeps it for up to {}, \
         and its services fail until then",
        setting.name,
        policy.max,
        longest_life(age),
    );
    // A values file is one of several: another may set what this one leaves to the chart.
    let (severity, grade): (_, Grade) = if setting.is_default && setting.may_change {
        (Severity::Info, Fix::needs_review)
    } else {
        (Severity::Error, Fix::safe)
    };
    let fix = age_fix(grade, policy.target, setting.set(policy.target));
    out.report(setting.at.clone(), message)
        .severity(severity)
        .extent(age.nanoseconds())
        .fix(fix);
}
