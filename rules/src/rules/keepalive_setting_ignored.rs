use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Related, RelatedPlace, Severity, op};
use crate::istio::args::AGE;
use crate::istio::duration::GoDuration;
use crate::istio::install::{DEFAULTS, Mistake};
use crate::istio::keepalive::{
    Age, AgeSetting, Certainty, Ignored, in_istiod, in_plane, value_name,
};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::ISTIODS;

declare_rule! {
    id: "keepalive-setting-ignored",
    summary: "a keepalive setting that nobody reads where it is written",
    severity: Warning,
    since: "0.1.0",
    kinds: ISTIODS,
    fix: Some(Applicability::Unsafe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let ages = subject.ages();
    if let Some(istiod) = &subject.istiod {
        for ignored in in_istiod(istiod, subject.istiod_version()) {
            report(cx, &ignored, ages.first(), out);
        }
    }
    let refused: Vec<_> = subject
        .install
        .iter()
        .flat_map(|install| &install.refusals)
        .collect();
    for (index, plane) in subject.planes().iter().enumerate() {
        let found = in_plane(plane, ages.get(index));
        // What is refused is told once.
        let is_refused = |ignored: &Ignored<'_>| {
            let mut refused = refused.iter();
            refused.any(|refusal| std::ptr::eq(refusal.node.value(), ignored.node.value()))
        };
        for ignored in found.iter().filter(|ignored| !is_refused(ignored)) {
            report(cx, ignored, ages.get(index), out);
        }
    }
    check_refused(cx, out);
}

/// What an installer refuses: nothing is installed.
fn check_refused(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let refusals = subject.install.iter().flat_map(|install| &install.refusals);
    for refusal in refusals.filter(|refusal| refusal.mistake == Mistake::Key) {
        let message = format!(
            "istioctl refuses {} ({}), and nothing is installed: the age is `values.pilot.{AGE}`",
            value_name(&refusal.node),
            refusal.why
        );
        out.report(refusal.node.whole(), message)
            .severity(Severity::Error)
            .fix(moved(cx, &refusal.node));
    }
    let refusals = subject.install.iter().flat_map(|install| &install.refusals);
    for refusal in refusals.filter(|refusal| refusal.mistake == Mistake::Values) {
        let message = format!(
            "{} cannot be read ({}): Helm refuses it, and nothing is installed",
            value_name(&refusal.node),
            refusal.why
        );
        out.report(refusal.node.key(), message)
            .severity(Severity::Error);
    }
    for (chart, refused) in &subject.running().refused {
        let at = refused.at.as_ref();
        let Some(node) = at.filter(|node| node.path().last().is_some_and(|key| key == DEFAULTS))
        else {
            continue;
        };
        if let Some(age) = node.at(&["pilot", AGE]).or_else(|| node.at(&[AGE])) {
            let message = format!(
                "Helm refuses {} with a chart of {} ({}), and nothing is installed: the age is \
                 `pilot.{AGE}`",
                value_name(&age),
                chart.told(),
                refused.why
            );
            out.report(age.whole(), message).severity(Severity::Error);
        }
    }
}

/// The value to where istioctl reads it.
fn moved(cx: &Context<'_>, node: &Node<'_>) -> Option<Fix> {
    let spec = cx.object.root.get_set("spec")?;
    let written = match node.value() {
        Value::Array(_) => node.elements().find_map(|item| age_in(item.str()?)),
        _ => GoDuration::parse(node.str()?).ok(),
    };
    let value = fitting(cx, written);
    let keys = ["values", "pilot", AGE];
    let text = Value::String(value.to_string());
    // What is taken away may be all that was there.
    let is_free = spec.at(&keys).is_none();
    let changes = vec![op::add_below(&spec, &keys, text), op::remove(node)];
    is_free
        .then(|| Fix::needs_review(format!("write {value} at `values.pilot.{AGE}`"), changes))
        .flatten()
}

/// The age in an argument that sets it.
fn age_in(argument: &str) -> Option<GoDuration> {
    let value = argument
        .strip_prefix("--")?
        .strip_prefix(AGE)?
        .strip_prefix('=')?;
    GoDuration::parse(value).ok()
}

/// A value that no rule would speak against.
fn fitting(cx: &Context<'_>, value: Option<GoDuration>) -> GoDuration {
    let policy = &cx.policy.keepalive;
    let fits = |value: &_| (policy.min..=policy.max).contains(value);
    value.filter(fits).unwrap_or(policy.target)
}

fn report(
    cx: &Context<'_>,
    ignored: &Ignored<'_>,
    age: Option<&AgeSetting<'_>>,
    out: &mut Findings,
) {
    let severity = match ignored.certainty {
        Certainty::Refused => Severity::Error,
        Certainty::Sure => Severity::Warning,
        Certainty::ByVersion => Severity::Info,
    };
    let name = value_name(&ignored.node);
    let message = format!("{name} {}", ignored.why);
    let at = if ignored.is_key {
        ignored.node.key()
    } else {
        ignored.node.as_value()
    };
    let fix = ignored.remedy.as_ref().and_then(|remedy| {
        let value = fitting(cx, remedy.value);
        let title = match remedy.to() {
            Some(to) => format!("write {value} at `{to}`"),
            None => "remove it".to_owned(),
        };
        Fix::needs_review(title, remedy.changes(value))
    });
    let instead = age.filter(|_| ignored.certainty == Certainty::Sure);
    out.report(at, message)
        .severity(severity)
        .related(instead.and_then(takes_effect))
        .fix(fix);
}

/// What istiod runs with instead, and where that is said.
fn takes_effect(setting: &AgeSetting<'_>) -> Option<Related> {
    let what = match &setting.age {
        Age::Finite(age) => format!("the connection age is {age}"),
        Age::Unlimited(_) => "streams never end".to_owned(),
        Age::Crashes(_) | Age::Unknown => return None,
    };
    let by = if setting.is_default {
        ", the chart's default"
    } else {
        ""
    };
    Some(Related {
        message: format!("{what}{by}"),
        at: RelatedPlace::Here(setting.at.clone()),
    })
}
