//! Annotations about the proxy's probes that the injector cannot read: it refuses the Pod.

use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Fix, Severity, op};
use crate::istio::duration::GoDuration;
use crate::istio::proxy::Proxy;
use crate::istio::workload::PodTemplate;
use crate::mesh::Enrolment;
use crate::object::Node;
use crate::rule::Findings;

use super::STATUS_PORT;

/// Numbers of the proxy's readiness probe, and whether they are seconds.
const NUMBERS: &[(&str, bool)] = &[
    (
        "readiness.status.sidecar.istio.io/initialDelaySeconds",
        true,
    ),
    ("readiness.status.sidecar.istio.io/periodSeconds", true),
    ("readiness.status.sidecar.istio.io/failureThreshold", false),
];

/// Every template reads them, the gateway's as well.
pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let Some(template) = subject.application() else {
        return;
    };
    let stays = subject.proxy.as_ref().is_some_and(Proxy::is_rendered);
    if (stays && cx.reinjection().is_none()) || template.is_patch {
        return;
    }
    let severity = match cx.enrolment() {
        Enrolment::In { .. } => Severity::Error,
        // It does nothing unless the pod is injected after all.
        Enrolment::Unknown => Severity::Warning,
        Enrolment::Out => return,
    };
    check_port(template, severity, out);
    for (name, is_seconds) in NUMBERS {
        if let Some(node) = template.annotation(name) {
            check_number(name, &node, *is_seconds, severity, out);
        }
    }
}

fn check_port(template: &PodTemplate<'_>, severity: Severity, out: &mut Findings) {
    let Some(node) = template.annotation(STATUS_PORT) else {
        return;
    };
    let text = text_of(&node);
    // Go reads no sign, and takes the blanks off.
    let is_port = text.trim().parse::<u16>().is_ok() && !text.contains('+');
    if is_port {
        return;
    }
    let message = format!(
        "annotation {STATUS_PORT} is {text:?}: that is no port, and the injector refuses the Pod"
    );
    let fix = Fix::safe(
        format!("drop annotation {STATUS_PORT}"),
        vec![op::remove(&node)],
    );
    out.report(node.whole(), message)
        .severity(severity)
        .fix(fix);
}

fn check_number(
    name: &str,
    node: &Node<'_>,
    is_seconds: bool,
    severity: Severity,
    out: &mut Findings,
) {
    let text = text_of(node);
    let is_number = text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i32>().is_ok();
    if is_number {
        return;
    }
    let meaning = if is_seconds { " of seconds" } else { "" };
    let message = format!(
        "annotation {name} is {text:?}, not a whole number{meaning}: the injector refuses the Pod, and \
         none starts"
    );
    let fix = match seconds(&text).filter(|_| is_seconds) {
        Some(seconds) => {
            let number = Value::String(seconds.to_string());
            let change = op::replace(node, number);
            Fix::safe(format!("write \"{seconds}\""), vec![change])
        }
        None => Fix::needs_review(format!("drop annotation {name}"), vec![op::remove(node)]),
    };
    out.report(node.whole(), message)
        .severity(severity)
        .fix(fix);
}

/// What was meant by `2s` or `1m`.
fn seconds(text: &str) -> Option<i32> {
    let nanoseconds = GoDuration::parse(text.trim()).ok()?.nanoseconds();
    let is_whole = nanoseconds > 0 && nanoseconds % 1_000_000_000 == 0;
    let seconds = is_whole.then_some(nanoseconds / 1_000_000_000)?;
    i32::try_from(seconds).ok()
}

fn text_of(node: &Node<'_>) -> String {
    node.str()
        .map_or_else(|| node.value().to_string(), str::to_owned)
}
