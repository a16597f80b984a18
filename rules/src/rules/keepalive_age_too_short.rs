use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity};
use crate::istio::duration::GoDuration;
use crate::istio::keepalive::{Age, AgeSetting};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{ISTIODS, age_fix};

declare_rule! {
    id: "keepalive-age-too-short",
    summary: "configuration streams end so often that reconnecting is a load of its own",
    severity: Warning,
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
    if age >= policy.min {
        return;
    }
    let message = format!(
        "{} is {age}, below {}: every proxy reconnects and fetches its whole configuration about \
         every {age}; 1000 proxies make {} new streams a second, and an istiod on 2 CPUs admits 25",
        setting.name,
        policy.min,
        streams_per_second(age),
    );
    let is_storm = age < policy.min.scaled(1, 2);
    let severity = if is_storm {
        Severity::Error
    } else {
        Severity::Warning
    };
    let fix = age_fix(Fix::safe, policy.target, setting.set(policy.target));
    out.report(setting.at.clone(), message)
        .severity(severity)
        .extent(-age.nanoseconds())
        .fix(fix);
}

/// New streams a second of 1000 proxies.
fn streams_per_second(age: GoDuration) -> String {
    let rate = 1000.0 / age.seconds();
    if rate < 10.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}
