use crate::engine::Context;
use crate::finding::{Applicability, Fix, Related, RelatedPlace, Severity};
use crate::istio::args::AGE;
use crate::istio::install::{DEFAULTS, Mistake};
use crate::istio::keepalive::{
    Age, AgeSetting, Certainty, Ignored, in_istiod, in_plane, value_name,
};
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
    for (index, plane) in subject.planes().iter().enumerate() {
        for ignored in in_plane(plane, ages.get(index)) {
            report(cx, &ignored, ages.get(index), out);
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
    let policy = &cx.policy.keepalive;
    let fix = ignored.remedy.as_ref().and_then(|remedy| {
        let fits = |value: &_| (policy.min..=policy.max).contains(value);
        let value = remedy.value.filter(fits).unwrap_or(policy.target);
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
