use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, op};
use crate::istio::install::Mistake;
use crate::istio::keepalive::{Age, AgeSetting, value_name};
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
    for setting in cx.subject().ages() {
        check_age(cx, setting, out);
    }
    check_refused(cx, out);
}

/// istioctl reads the age of an IstioOperator itself, and installs nothing where it cannot.
fn check_refused(cx: &Context<'_>, out: &mut Findings) {
    let refusals = cx
        .subject()
        .install
        .iter()
        .flat_map(|install| &install.refusals);
    for refusal in refusals.filter(|refusal| refusal.mistake == Mistake::Age) {
        let target = cx.policy.keepalive.target;
        let set = op::replace(&refusal.node, Value::String(target.to_string()));
        let fix = age_fix(Fix::needs_review, target, vec![set]);
        let message = format!(
            "istioctl refuses {}, which is {} ({}), and nothing is installed",
            value_name(&refusal.node),
            refusal.node.value(),
            refusal.why
        );
        out.report(refusal.node.as_value(), message).fix(fix);
    }
}

fn check_age(cx: &Context<'_>, setting: &AgeSetting<'_>, out: &mut Findings) {
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
