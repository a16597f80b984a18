use crate::config::KeepalivePolicy;
use crate::engine::Context;
use crate::finding::{Applicability, Fix};
use crate::istio::args::AGE;
use crate::istio::keepalive::{Age, AgeSetting, Misspelt, Unlimited};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{ISTIODS, age_fix};

declare_rule! {
    id: "keepalive-age-unbounded",
    summary: "configuration streams never end, so a broken one is never replaced",
    severity: Error,
    since: "0.1.0",
    kinds: ISTIODS,
    fix: Some(Applicability::Safe),
    check: check,
}

const CONSEQUENCE: &str = "configuration streams never end, so a proxy whose stream broke stays \
                           broken until somebody restarts it or istiod";

fn check(cx: &Context<'_>, out: &mut Findings) {
    for setting in cx.subject().ages() {
        check_age(cx, setting, out);
    }
}

fn check_age(cx: &Context<'_>, setting: &AgeSetting<'_>, out: &mut Findings) {
    let Age::Unlimited(why) = &setting.age else {
        return;
    };
    let policy = &cx.policy.keepalive;
    let (message, fix) = match why {
        Unlimited::Misspelt(misspelt) => misspelt_flag(misspelt, policy),
        Unlimited::Missing => (format!("istiod has no `--{AGE}`: {CONSEQUENCE}"), None),
        Unlimited::Zero => (
            format!("{} is 0, which means no limit: {CONSEQUENCE}", setting.name),
            None,
        ),
        Unlimited::Huge(age) => (
            format!("{} is {age}, a day or more: {CONSEQUENCE}", setting.name),
            None,
        ),
    };
    let set = age_fix(Fix::safe, policy.target, setting.set(policy.target));
    out.report(setting.at.clone(), message).fix(fix.or(set));
}

/// What was meant can only be guessed: a person should look.
fn misspelt_flag(misspelt: &Misspelt<'_>, policy: &KeepalivePolicy) -> (String, Option<Fix>) {
    let text = &misspelt.text;
    let mistake = if !text.starts_with("--") {
        "has one dash only".to_owned()
    } else if text.contains(' ') {
        "is flag and value in one item".to_owned()
    } else {
        format!("is not `--{AGE}`")
    };
    let message = format!("`{text}` {mistake}, and istiod ignores it: {CONSEQUENCE}");
    let fits = |value: &_| (policy.min..=policy.max).contains(value);
    let value = misspelt.value.filter(fits).unwrap_or(policy.target);
    let title = format!("write `--{AGE}={value}`");
    (message, Fix::needs_review(title, misspelt.respell(value)))
}
