use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, op};
use crate::istio::Subject;
use crate::istio::gate::has_application;
use crate::istio::image::Component;
use crate::istio::probe::{
    Asks, PROXY_READY, PROXY_READY_PORTS, ask_proxy, gateway_readiness, proxy_port,
};
use crate::istio::proxy::{Proxy, Role};
use crate::istio::workload::{List, PodTemplate, WORKLOADS};
use crate::mesh::{Enrolment, Native};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::name_of;

declare_rule! {
    id: "gateway-readiness-missing",
    summary: "a gateway gets traffic before it can take it",
    severity: Error,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Safe),
    check: check,
}

const TEMPLATES: &str = "inject.istio.io/templates";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some((template, container)) = agentgateway(subject) {
        check_probe(cx, template, &container, out);
        return;
    }
    let (Some(template), Some(proxy)) = (subject.application(), &subject.proxy) else {
        return;
    };
    match proxy.role {
        Role::Gateway | Role::Waypoint => check_probe(cx, template, &proxy.container, out),
        Role::Stub => check_template(cx, template, proxy, out),
        _ => {}
    }
}

/// The container of a generated gateway that runs agentgateway instead of Envoy.
fn agentgateway<'s, 'a>(subject: &'s Subject<'a>) -> Option<(&'s PodTemplate<'a>, Node<'a>)> {
    let mut builds = subject.builds.iter();
    let build = builds.find(|build| build.component == Component::Agentgateway)?;
    let template = subject.template.as_ref()?;
    let mut containers = template.containers(List::Containers);
    Some((
        template,
        containers.find(|container| build.is_in(container))?,
    ))
}

fn check_probe(
    cx: &Context<'_>,
    template: &PodTemplate<'_>,
    container: &Node<'_>,
    out: &mut Findings,
) {
    let version = cx.subject().version_in(container);
    let port = proxy_port(version);
    let title = format!("ask `{PROXY_READY}` on port {port}");
    let Some(probe) = container.get_set("readinessProbe") else {
        if !template.is_patch {
            let message = "the gateway has no readinessProbe: the load balancer sends it requests \
                           before it has listeners";
            let add = op::add_below(container, &["readinessProbe"], gateway_readiness(version));
            out.report(name_of(container), message)
                .fix(Fix::safe(title, vec![add]));
        }
        return;
    };
    let is_ready = |path: &str, port| path == PROXY_READY && PROXY_READY_PORTS.contains(&port);
    let Some(asks) = Asks::of(&probe, container).other_than(is_ready) else {
        return;
    };
    let message = format!(
        "the gateway's readinessProbe asks {asks}, which does not say that it has its listeners (GET \
         {PROXY_READY} on port {port} does): it gets requests too early, or never"
    );
    let change = ask_proxy(&probe, port, || gateway_readiness(version));
    out.report(probe.key(), message)
        .fix(Fix::safe(title, vec![change]));
}

/// A stub without the gateway's template gets the sidecar's: where sidecars are native its only
/// container becomes an init container, and the API server refuses a pod without containers.
fn check_template(
    cx: &Context<'_>,
    template: &PodTemplate<'_>,
    proxy: &Proxy<'_>,
    out: &mut Findings,
) {
    let is_forgotten = proxy.list == List::Containers
        && !has_application(template)
        && !template.is_patch
        && template.injection_templates().is_empty();
    let Enrolment::In { revision, .. } = cx.enrolment() else {
        return;
    };
    if !is_forgotten || cx.around.native(template, revision) != Native::Yes {
        return;
    }
    let message = format!(
        "the only container is an `istio-proxy` to be filled in, and annotation {TEMPLATES} does not \
         say `gateway`: native sidecars are on, so it would become an init container, and the API \
         server refuses the Pod"
    );
    let gateway = Value::String("gateway".to_owned());
    let change = op::add_below(
        &template.node,
        &["metadata", "annotations", TEMPLATES],
        gateway,
    );
    let title = format!("set annotation `{TEMPLATES}: gateway` on the pod template");
    out.report(name_of(&proxy.container), message)
        .fix(Fix::needs_review(title, vec![change]));
}
