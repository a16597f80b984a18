use crate::engine::Context;
use crate::finding::{Applicability, Fix};
use crate::istio::gate::{Reinjection, has_application, is_proxyless};
use crate::istio::probe::{
    Asks, PROXY_READY, PROXY_READY_PORTS, ask_proxy, proxy_port, sidecar_readiness, sidecar_startup,
};
use crate::istio::proxy::{Proxy, Role};
use crate::istio::version::Version;
use crate::istio::workload::{PodTemplate, WORKLOADS};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};

declare_rule! {
    id: "sidecar-readiness-misdirected",
    summary: "the proxy's probe asks something that does not say that it is ready",
    severity: Error,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Safe),
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let (Some(template), Some(proxy)) = (subject.application(), &subject.proxy) else {
        return;
    };
    let is_sidecar = matches!(proxy.role, Role::Sidecar | Role::Stub);
    if !is_sidecar
        || proxy.is_blocking_init()
        || is_proxyless(template)
        || !has_application(template)
        || template.opts_out()
        || cx.reinjection() == Some(Reinjection::Replaces)
    {
        return;
    }
    let version = subject.version_in(&proxy.container);
    for name in ["readinessProbe", "startupProbe"] {
        if let Some(probe) = proxy.container.get_set(name) {
            check_probe(name, &probe, proxy, template, version, out);
        }
    }
}

fn check_probe(
    name: &str,
    probe: &Node<'_>,
    proxy: &Proxy<'_>,
    template: &PodTemplate<'_>,
    version: Option<Version>,
    out: &mut Findings,
) {
    let own_port = template
        .annotation_text("status.sidecar.istio.io/port")
        .and_then(|port| port.parse::<u64>().ok());
    let is_status = |port: u64| PROXY_READY_PORTS.contains(&port) || Some(port) == own_port;
    let is_ready = |path: &str, port| path == PROXY_READY && is_status(port);
    let Some(asks) = Asks::of(probe, &proxy.container).other_than(is_ready) else {
        return;
    };
    let port = proxy_port(version);
    let message = format!(
        "{name} of `istio-proxy` asks {asks}, which does not say that the proxy has its configuration \
         (GET {PROXY_READY} on port {port} does): the pod counts as ready too early, or never"
    );
    let whole = || match name {
        "startupProbe" => sidecar_startup(),
        _ => sidecar_readiness(version, false),
    };
    let change = ask_proxy(probe, port, whole);
    let fix = Fix::safe(format!("ask `{PROXY_READY}` on port {port}"), vec![change]);
    out.report(probe.key(), message).fix(fix);
}
