use crate::engine::Context;
use crate::finding::{Applicability, Fix, Related, RelatedPlace, Severity, op};
use crate::istio::PROXY;
use crate::istio::gate::{Gate, Meshed, has_application, is_proxyless};
use crate::istio::hold::{CONFIG_ANNOTATION, Hold};
use crate::istio::proxy::Proxy;
use crate::istio::workload::{List, PodTemplate};
use crate::mesh::{Enrolment, Native};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{PODS_AND_MESHES, hold_of, metadata_of, name_of};

mod annotation;
mod mesh;

declare_rule! {
    id: "hold-has-no-effect",
    summary: "hold is asked for and does not hold",
    severity: Warning,
    since: "0.1.0",
    kinds: PODS_AND_MESHES,
    fix: Some(Applicability::Safe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    mesh::check(cx, out);
    let subject = cx.subject();
    let Some(template) = subject.application() else {
        return;
    };
    if let Some((template, proxy)) = subject.sidecar(cx) {
        check_rendered(template, proxy, out);
        return;
    }
    let enrolment = cx.enrolment();
    let stays =
        subject.proxy.as_ref().is_some_and(Proxy::is_rendered) && cx.reinjection().is_none();
    if *enrolment == Enrolment::Out || stays || is_proxyless(template) {
        return;
    }
    let meshed = subject.meshed(cx);
    let would_help = meshed
        .as_ref()
        .is_none_or(|meshed| meshed.hold_would_help(cx));
    annotation::check_value(cx, template, would_help, out);
    annotation::check_place(cx, template, would_help, out);
    annotation::check_native(template, out);
    if let Some(meshed) = meshed {
        check_lost(cx, &meshed, out);
        check_native_stub(cx, &meshed, out);
    }
    check_init_containers(cx, template, enrolment, out);
}

/// In a rendered pod hold is: the proxy first, and a start hook that waits for it.
fn check_rendered(template: &PodTemplate<'_>, proxy: &Proxy<'_>, out: &mut Findings) {
    if proxy.list == List::InitContainers || !has_application(template) {
        return;
    }
    let name = name_of(&proxy.container);
    match proxy.wait_hook() {
        Some(_) if proxy.index > 0 => {
            let message = "`istio-proxy` waits for itself behind another container: the application \
                           before it has started by then (the proxy must be first)";
            let fix = template.spec.get("containers").and_then(|containers| {
                let moved = vec![
                    op::remove(&proxy.container),
                    op::add(&containers, "0", proxy.container.value().clone()),
                ];
                Fix::safe("move `istio-proxy` to the front", moved)
            });
            out.report(name, message).fix(fix);
        }
        None if matches!(hold_of(template), Hold::Set(true)) => {
            let message = format!(
                "annotation {CONFIG_ANNOTATION} asks for hold, and the `istio-proxy` that is here has \
                 no wait hook: the application does not wait (inject it again)"
            );
            out.report(name, message);
        }
        _ => {}
    }
}

/// A start hook of somebody's own takes the place of the wait.
fn check_lost(cx: &Context<'_>, meshed: &Meshed<'_, '_>, out: &mut Findings) {
    let Gate::Lost(how) = meshed.gate(cx) else {
        return;
    };
    let template = meshed.template;
    let asked = template
        .annotation(CONFIG_ANNOTATION)
        .map(|node| node.whole());
    let at = meshed
        .own_start_hook()
        .map(|hook| hook.key())
        .or(asked)
        .unwrap_or_else(|| metadata_of(template));
    let message = format!(
        "hold is asked for and its wait is lost: {how}, so the application does not wait for the proxy"
    );
    out.report(at, message);
}

/// An `istio-proxy` among the init containers asks for a native sidecar. Where sidecars are not native
/// the injector adds a second one beside it.
fn check_native_stub(cx: &Context<'_>, meshed: &Meshed<'_, '_>, out: &mut Findings) {
    let Some(stub) = meshed.impossible_stub(cx) else {
        return;
    };
    let Native::No(why, source) = cx.around.native(meshed.template, meshed.revision) else {
        return;
    };
    let told = source.map(|source| Related {
        message: why.clone(),
        at: RelatedPlace::Fact(source),
    });
    let message = format!(
        "`istio-proxy` stands among the init containers, and its sidecar will not be native ({why}): \
         the injector adds a second `istio-proxy`, and the API server refuses the Pod"
    );
    out.report(name_of(&stub.container), message)
        .severity(Severity::Error)
        .related(told);
}

/// Init containers run before a proxy that is not native: hold, which was asked for, does not change it.
fn check_init_containers(
    cx: &Context<'_>,
    template: &PodTemplate<'_>,
    enrolment: &Enrolment,
    out: &mut Findings,
) {
    let Enrolment::In { revision, .. } = enrolment else {
        return;
    };
    let asks = matches!(hold_of(template), Hold::Set(true));
    if !asks || !matches!(cx.around.native(template, revision), Native::No(..)) {
        return;
    }
    let first = template.containers(List::InitContainers).find(|container| {
        let is_proxy = container.str_at("name") == Some(PROXY);
        !is_proxy && container.str_at("restartPolicy") != Some("Always")
    });
    if let Some(first) = first {
        let name = first.str_at("name").unwrap_or("?");
        let message = format!(
            "init container `{name}` runs before the proxy, which hold does not change: if it needs \
             the network, it needs a native sidecar"
        );
        out.report(name_of(&first), message)
            .severity(Severity::Info);
    }
}
