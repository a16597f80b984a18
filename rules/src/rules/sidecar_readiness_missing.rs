use json_patch::PatchOperation;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Related, RelatedPlace, Severity, op};
use crate::istio::probe::{sidecar_readiness, sidecar_startup};
use crate::istio::proxy::Proxy;
use crate::istio::rewrite;
use crate::istio::version::{Minor, Version};
use crate::istio::workload::{PodTemplate, WORKLOADS};
use crate::mesh::{Enrolment, Known, Native};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{metadata_of, name_of};

declare_rule! {
    id: "sidecar-readiness-missing",
    summary: "a pod gets traffic before its proxy can take it",
    severity: Error,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Safe),
    check: check,
}

/// Annotation whose value `0` takes all probes from the proxy.
const STATUS_PORT: &str = "status.sidecar.istio.io/port";
/// Native sidecars have a readiness probe beside the startup probe from here on.
const NATIVE_READINESS: Minor = Minor::one(20);

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some((template, proxy)) = subject.sidecar() {
        let version = subject.version_in(&proxy.container);
        check_rendered(template, proxy, version, out);
    } else if let Some(template) = subject.uninjected() {
        check_switched_off(cx, template, out);
    }
}

fn check_rendered(
    template: &PodTemplate<'_>,
    proxy: &Proxy<'_>,
    version: Option<Version>,
    out: &mut Findings,
) {
    if proxy.is_blocking_init() {
        return;
    }
    let container = &proxy.container;
    let has = |probe: &str| container.get_set(probe).is_some();
    let is_native = proxy.is_native();
    let needs_readiness = !is_native
        || !has("startupProbe")
        || version.is_some_and(|version| version.minor >= NATIVE_READINESS);
    let lacks_readiness = needs_readiness && !has("readinessProbe");
    let lacks_startup = is_native && !has("startupProbe");
    let (what, leads_to) = match (lacks_startup, lacks_readiness) {
        (false, false) => return,
        (true, true) => (
            "neither startupProbe nor readinessProbe",
            "nothing waits for the proxy",
        ),
        (true, false) => (
            "no startupProbe",
            "the application does not wait for the proxy",
        ),
        (false, true) => (
            "no readinessProbe",
            "the pod is Ready, and gets traffic, before the proxy can take it",
        ),
    };
    let kind = if is_native {
        "the native sidecar"
    } else {
        "the sidecar"
    };
    let message = format!("{kind} `istio-proxy` has {what}: {leads_to}");
    let mut ops = Vec::new();
    if lacks_startup {
        ops.push(op::add_below(
            container,
            &["startupProbe"],
            sidecar_startup(),
        ));
    }
    if lacks_readiness {
        let probe = sidecar_readiness(version, is_native || has("startupProbe"));
        ops.push(op::add_below(container, &["readinessProbe"], probe));
    }
    let switch = template
        .annotation(STATUS_PORT)
        .filter(|node| node.str() == Some("0"));
    ops.extend(switch.as_ref().map(drop_annotation));
    let related = switch.iter().map(|node| Related {
        message: "this took the probes away at injection".to_owned(),
        at: RelatedPlace::Here(node.whole()),
    });
    let fix = Fix::safe("add the probes that Istio's template has", ops);
    out.report(name_of(container), message)
        .related(related)
        .fix(fix);
}

fn drop_annotation(node: &Node<'_>) -> PatchOperation {
    op::remove(&node.pointer())
}

/// The probes of a proxy that is still to be injected are switched off: by the pod, or by the mesh.
fn check_switched_off(cx: &Context<'_>, template: &PodTemplate<'_>, out: &mut Findings) {
    let Some(node) = template.annotation(STATUS_PORT) else {
        check_mesh(cx, out);
        return;
    };
    let text = node
        .str()
        .map_or_else(|| node.value().to_string(), str::to_owned);
    let leads_to = match text.parse::<u16>() {
        Ok(0) => without_status_port(template),
        Ok(_) => return,
        Err(_) => "that is no port, and the injector refuses the Pod",
    };
    let severity = match cx.enrolment() {
        Enrolment::In { .. } => Severity::Error,
        // It does nothing unless the pod is injected after all.
        Enrolment::Unknown => Severity::Warning,
        Enrolment::Out => return,
    };
    let message = format!("annotation {STATUS_PORT} is {text:?}: {leads_to}");
    let fix = Fix::safe(
        format!("drop annotation {STATUS_PORT}"),
        vec![drop_annotation(&node)],
    );
    out.report(node.whole(), message)
        .severity(severity)
        .fix(fix);
}

/// The injector's values take the probes from every proxy of the mesh. There is nothing to mend in
/// the workload.
fn check_mesh(cx: &Context<'_>, out: &mut Findings) {
    let Some(meshed) = cx.subject().meshed(cx) else {
        return;
    };
    let Known::Yes(injector, source) = cx.around.injector(meshed.revision) else {
        return;
    };
    let template = meshed.template;
    let (cause, leads_to) = if injector.no_status_port {
        (
            "`global.proxy.statusPort` is 0",
            without_status_port(template),
        )
    } else if !injector.startup_probe && cx.around.native(template, meshed.revision) == Native::Yes
    {
        let leads_to = "its native sidecar has no startup probe, so the application does not wait for \
                        it, and hold does nothing there";
        ("`global.proxy.startupProbe.enabled` is false", leads_to)
    } else {
        return;
    };
    let told = Related {
        message: format!("the injector's values: {cause}"),
        at: RelatedPlace::Fact(source),
    };
    let message = format!(
        "{cause} in this mesh: {leads_to} (meshed by {})",
        meshed.because
    );
    out.report(metadata_of(template), message).related([told]);
}

fn without_status_port(template: &PodTemplate<'_>) -> &'static str {
    let is_off = rewrite::wish(template) == Some(false);
    if !is_off && !rewrite::probes(template).is_empty() {
        "the application's probes are rewritten to port 0, and the API server refuses the Pod"
    } else {
        "the proxy gets no probes, so the pod is Ready before the proxy can take traffic"
    }
}
