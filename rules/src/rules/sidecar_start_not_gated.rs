use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity, op};
use crate::istio::PROXY;
use crate::istio::gate::{Gate, Meshed, has_application};
use crate::istio::hold::{CONFIG_ANNOTATION, FIELD, Hold, with_hold};
use crate::istio::proxy::Proxy;
use crate::istio::workload::{List, PodTemplate, WORKLOADS};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{hold_of, metadata_of, name_of};

declare_rule! {
    id: "sidecar-start-not-gated",
    summary: "the application may start before its proxy is ready",
    severity: Warning,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Safe),
    check: check,
}

const CONSEQUENCE: &str = "until the proxy is ready, calls of the application are refused";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some((template, proxy)) = subject.sidecar(cx) {
        check_rendered(template, proxy, out);
    } else if let Some(meshed) = subject.meshed(cx) {
        check_uninjected(cx, &meshed, out);
    }
}

/// The shape of a rendered pod decides. A native sidecar is gated by its startup probe, a missing one
/// is another rule's; so is a hook that is there and useless.
fn check_rendered(template: &PodTemplate<'_>, proxy: &Proxy<'_>, out: &mut Findings) {
    let is_other_rules = proxy.list == List::InitContainers
        || proxy.wait_hook().is_some()
        || matches!(hold_of(template), Hold::Set(true))
        || !has_application(template);
    if is_other_rules {
        return;
    }
    let message = format!(
        "the application starts beside `{PROXY}` and does not wait for it (no wait hook, and no \
         native sidecar): {CONSEQUENCE}"
    );
    out.report(name_of(&proxy.container), message);
}

fn check_uninjected<'a>(cx: &Context<'a>, meshed: &Meshed<'_, 'a>, out: &mut Findings) {
    let template = meshed.template;
    let stub = cx.subject().stub(cx);
    // A Pod that cannot be created is the rule `hold-has-no-effect`'s.
    if stub.is_some_and(Proxy::is_blocking_init) || meshed.impossible_stub(cx).is_some() {
        return;
    }
    let at = metadata_of(template);
    match meshed.gate(cx) {
        // What is lost is the rule `hold-has-no-effect`'s to say.
        Gate::Gated | Gate::Lost(_) => {}
        Gate::Open(why, facts) => {
            let message = format!(
                "the application may start before its proxy: {why}; {CONSEQUENCE} (meshed by {})",
                meshed.because
            );
            let fix = fix(cx, template).filter(|_| meshed.hold_would_help(cx));
            out.report(at, message)
                .related(facts.iter().cloned())
                .fix(fix);
        }
        Gate::Unknown(missing) => {
            let message = format!(
                "whether the application waits for its proxy cannot be known without {} (meshed by {})",
                missing.join(" and "),
                meshed.because
            );
            out.report(at, message).severity(Severity::Info);
        }
    }
}

/// Hold on the pod template, merged into what is there. Against an explicit `false` a person should
/// look.
fn fix<'a>(cx: &Context<'a>, template: &PodTemplate<'a>) -> Option<Fix> {
    let title =
        format!("set `{FIELD}: true` in annotation {CONFIG_ANNOTATION} of the pod template");
    let change = match template.annotation(CONFIG_ANNOTATION) {
        Some(node) => with_hold(&node, cx.strings)?,
        None => op::add_below(
            &template.node,
            &["metadata", "annotations", CONFIG_ANNOTATION],
            Value::String(format!("{FIELD}: true\n")),
        ),
    };
    let says_no = matches!(hold_of(template), Hold::Set(false));
    let fix = if says_no {
        Fix::needs_review
    } else {
        Fix::safe
    };
    fix(title, vec![change])
}
