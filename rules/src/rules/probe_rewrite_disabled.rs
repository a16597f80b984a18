use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Related, RelatedPlace, Severity, op};
use crate::istio::rewrite::{self, ANNOTATION, AppProbe, Handler};
use crate::istio::version::Version;
use crate::istio::workload::{PodTemplate, WORKLOADS};
use crate::mesh::{Enrolment, Known};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::metadata_of;

declare_rule! {
    id: "probe-rewrite-disabled",
    summary: "the kubelet's probes meet the proxy instead of the application",
    severity: Warning,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Unsafe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some((template, proxy)) = subject.sidecar(cx) {
        // What was injected already stays as it is: only a new injection rewrites.
        let version = subject.version_in(&proxy.container);
        check_annotation(template, version, Severity::Warning, None, out);
    } else if let Some(template) = subject.uninjected(cx) {
        check_uninjected(cx, template, out);
    }
}

fn check_uninjected(cx: &Context<'_>, template: &PodTemplate<'_>, out: &mut Findings) {
    let (severity, revision) = match cx.enrolment() {
        Enrolment::In { revision, .. } => (Severity::Warning, Some(revision)),
        // It does nothing unless the pod is injected after all.
        Enrolment::Unknown => (Severity::Info, None),
        Enrolment::Out => return,
    };
    let injector = revision.map_or(Known::No, |revision| cx.around.injector(revision));
    let version = revision.and_then(|revision| cx.around.istio_version(revision).value().copied());
    let mesh_is_off = match &injector {
        Known::Yes(injector, source) if !injector.rewrites_probes => Some(source.clone()),
        _ => None,
    };
    match rewrite::wish(template) {
        Some(true) => {}
        Some(false) => {
            let fix = fix(template, mesh_is_off.is_some());
            check_annotation(template, version, severity, fix, out);
        }
        None => {
            let Some(source) = mesh_is_off else { return };
            let Some(leads_to) = consequence(template, version) else {
                return;
            };
            let told = Related {
                message: "the injector's values switch rewriting off".to_owned(),
                at: RelatedPlace::Fact(source),
            };
            let message = format!(
                "`sidecarInjectorWebhook.rewriteAppHTTPProbe` is false in this mesh: {leads_to}"
            );
            out.report(metadata_of(template), message)
                .related([told])
                .fix(fix(template, true));
        }
    }
}

fn check_annotation(
    template: &PodTemplate<'_>,
    version: Option<Version>,
    severity: Severity,
    fix: Option<Fix>,
    out: &mut Findings,
) {
    if rewrite::wish(template) != Some(false) {
        return;
    }
    let node = template.annotation(ANNOTATION);
    let (Some(node), Some(leads_to)) = (node, consequence(template, version)) else {
        return;
    };
    let text = node.str().unwrap_or_default();
    let message = format!("annotation {ANNOTATION} is {text:?}: {leads_to}");
    out.report(node.whole(), message)
        .severity(severity)
        .fix(fix);
}

/// What becomes of the probes that are not rewritten; `None` where none would be.
fn consequence(template: &PodTemplate<'_>, version: Option<Version>) -> Option<String> {
    let all = rewrite::probes(template);
    let concerned =
        |probe: &&AppProbe<'_>| !probe.bypasses_proxy && probe.handler.is_rewritten_by(version);
    let (tcp, asked): (Vec<&AppProbe<'_>>, Vec<_>) = all
        .iter()
        .filter(concerned)
        .partition(|probe| probe.handler == Handler::Tcp);
    let mut parts = Vec::new();
    if !asked.is_empty() {
        parts.push(format!(
            "where mTLS is strict, the proxy refuses the kubelet's {}",
            listed(&asked)
        ));
    }
    if !tcp.is_empty() {
        parts.push(format!(
            "the proxy takes the connection of the kubelet's {}, whether the application listens or not",
            listed(&tcp)
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// `` readinessProbe of `a` and livenessProbe of `a` ``.
fn listed(probes: &[&AppProbe<'_>]) -> String {
    let names: Vec<String> = probes.iter().map(ToString::to_string).collect();
    names.join(" and ")
}

/// Drops the annotation, or asks for rewriting where the mesh does not do it by itself. None with status
/// port 0: probes that are rewritten to it make the Pod impossible.
fn fix(template: &PodTemplate<'_>, mesh_is_off: bool) -> Option<Fix> {
    let port = template.annotation_text("status.sidecar.istio.io/port");
    if port.is_some_and(|port| port.parse() == Ok(0_u16)) {
        return None;
    }
    let written = template.annotation(ANNOTATION);
    let change = match &written {
        Some(node) if mesh_is_off => op::replace(node, Value::String("true".to_owned())),
        Some(node) => op::remove(node),
        None => {
            let on = Value::String("true".to_owned());
            op::add_below(&template.node, &["metadata", "annotations", ANNOTATION], on)
        }
    };
    let title = if mesh_is_off {
        format!("set annotation `{ANNOTATION}: \"true\"` on the pod template")
    } else {
        format!("drop annotation {ANNOTATION}")
    };
    Fix::needs_review(title, vec![change])
}
