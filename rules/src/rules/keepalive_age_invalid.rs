use crate::engine::Context;
use crate::finding::{Applicability, Fix};
use crate::istio::keepalive::Age;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{ISTIODS, age_fix};

declare_rule! {
    id: "keepalive-age-invalid",
    summary: "istiod does not start with this connection age",
    severity: Error,
    since: "0.1.0",
    kinds: ISTIODS,
    fix: Some(Applicability::Unsafe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let Some(setting) = cx.subject().age() else {
        return;
    };
    let Age::Crashes(crashes) = &setting.age else {
        return;
    };
    let target = cx.policy.keepalive.target;
    for crash in crashes {
        let fix = age_fix(Fix::needs_review, target, crash.set(target));
        let message = format!(
            "istiod does not start: {} ({}); no proxy gets configuration and no pod is injected",
            crash.text, crash.why
        );
        out.report(crash.at.clone(), message).fix(fix);
    }
}
