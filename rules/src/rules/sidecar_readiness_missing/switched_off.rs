//! Probes of a proxy that is still to be injected, taken away by the pod or by the mesh.

use crate::engine::Context;
use crate::finding::{Fix, Related, RelatedPlace, Severity, op};
use crate::istio::gate::gets_sidecar;
use crate::istio::proxy::Proxy;
use crate::istio::rewrite;
use crate::istio::workload::PodTemplate;
use crate::mesh::{Around, Enrolment, Injector, Known, Native};
use crate::object::Node;
use crate::rule::Findings;
use crate::rules::support::metadata_of;

use super::STATUS_PORT;

/// A pod whose proxy gets the probes of Istio's template, unless something takes them away.
struct ToInject<'s, 'a> {
    template: &'s PodTemplate<'a>,
    /// What the pod itself says of the proxy.
    stub: Option<&'s Proxy<'a>>,
    /// Whether it is the ordinary sidecar, which may be native; gRPC's agent never is.
    is_sidecar: bool,
}

pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let Some(pod) = to_inject(cx) else { return };
    let port = pod.template.annotation(STATUS_PORT);
    let is_off = port.as_ref().is_some_and(|node| {
        node.str()
            .is_some_and(|text| text.trim().parse() == Ok(0_u16))
    });
    match &port {
        Some(node) if is_off => check_port(cx, &pod, node, out),
        _ => check_mesh(cx, &pod, port.is_none(), out),
    }
}

fn to_inject<'s>(cx: &'s Context<'_>) -> Option<ToInject<'s, 's>> {
    let subject = cx.subject();
    let template = subject.application()?;
    let stays = subject.proxy.as_ref().is_some_and(Proxy::is_rendered);
    if (stays && cx.reinjection().is_none()) || template.is_patch {
        return None;
    }
    let is_sidecar = gets_sidecar(cx, template);
    let is_agent = template.injection_templates() == ["grpc-agent"];
    (is_sidecar || is_agent).then(|| ToInject {
        template,
        stub: subject.stub(cx),
        is_sidecar,
    })
}

fn check_port(cx: &Context<'_>, pod: &ToInject<'_, '_>, node: &Node<'_>, out: &mut Findings) {
    let severity = match cx.enrolment() {
        Enrolment::In { .. } => Severity::Error,
        // It does nothing unless the pod is injected after all.
        Enrolment::Unknown => Severity::Warning,
        Enrolment::Out => return,
    };
    let leads_to = if has_rewritten_probes(cx, pod) {
        "the application's probes are rewritten to port 0, and the API server refuses the Pod"
    } else if pod.brings("readinessProbe") || node.str() != Some("0") {
        // The template compares the text.
        return;
    } else {
        "the proxy gets no probes, so the pod is Ready before the proxy can take traffic"
    };
    let message = format!("annotation {STATUS_PORT} is {}: {leads_to}", node.value());
    let fix = Fix::safe(
        format!("drop annotation {STATUS_PORT}"),
        vec![op::remove(node)],
    );
    out.report(node.whole(), message)
        .severity(severity)
        .fix(fix);
}

/// The injector's values take the probes from every proxy of the mesh. There is nothing to mend in
/// the workload.
fn check_mesh(cx: &Context<'_>, pod: &ToInject<'_, '_>, port_is_theirs: bool, out: &mut Findings) {
    let Enrolment::In { revision, because } = cx.enrolment() else {
        return;
    };
    let Known::Yes(injector, source) = cx.around.injector(revision) else {
        return;
    };
    let is_native = pod.is_sidecar && cx.around.native(pod.template, revision) == Native::Yes;
    let Some((cause, leads_to)) = taken_by_mesh(injector, pod, port_is_theirs, is_native) else {
        return;
    };
    let told = Related {
        message: format!("the injector's values: {cause}"),
        at: RelatedPlace::Fact(source),
    };
    let message = format!("{cause} in this mesh: {leads_to} (meshed by {because})");
    out.report(metadata_of(pod.template), message)
        .related([told]);
}

/// Which value takes probes away that the pod needs, and what that leads to.
fn taken_by_mesh(
    injector: &Injector,
    pod: &ToInject<'_, '_>,
    port_is_theirs: bool,
    is_native: bool,
) -> Option<(&'static str, &'static str)> {
    let no_start = is_native && !pod.brings("startupProbe");
    if injector.no_status_port && port_is_theirs {
        let cause = "`global.proxy.statusPort` is 0";
        if no_start {
            return Some((
                cause,
                "its native sidecar gets no probes, so neither the application nor its callers wait \
                 for it, and hold does nothing there",
            ));
        }
        return (!pod.brings("readinessProbe")).then_some((
            cause,
            "the proxy gets no probes, so the pod is Ready before the proxy can take traffic",
        ));
    }
    (no_start && !injector.startup_probe).then_some((
        "`global.proxy.startupProbe.enabled` is false",
        "its native sidecar has no startup probe, so the application does not wait for it, and hold does \
         nothing there",
    ))
}

impl ToInject<'_, '_> {
    /// Whether the pod brings this probe of the proxy itself.
    fn brings(&self, probe: &str) -> bool {
        let stub = self.stub;
        stub.is_some_and(|stub| stub.container.get_set(probe).is_some())
    }
}

/// Whether Istio rewrites a probe of the application: HTTP, TCP and gRPC ones, unless the pod or the
/// mesh says no.
fn has_rewritten_probes(cx: &Context<'_>, pod: &ToInject<'_, '_>) -> bool {
    let wish = rewrite::wish(pod.template);
    wish.unwrap_or_else(|| mesh_rewrites(&cx.around, cx.enrolment()))
        && !rewrite::probes(pod.template).is_empty()
}

fn mesh_rewrites(around: &Around<'_>, enrolment: &Enrolment) -> bool {
    let Enrolment::In { revision, .. } = enrolment else {
        return true;
    };
    let injector = around.injector(revision);
    injector.value().is_none_or(|values| values.rewrites_probes)
}
