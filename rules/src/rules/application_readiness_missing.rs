use crate::engine::Context;
use crate::istio::PROXY;
use crate::istio::workload::{List, PodTemplate, WORKLOADS};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::name_of;

declare_rule! {
    id: "application-readiness-missing",
    summary: "an application gets traffic before it can answer",
    severity: Info,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: None,
    check: check,
}

/// Words in the name of a port that is there to look at the application, not to use it.
const AUXILIARY: &[&str] = &[
    "metrics",
    "monitoring",
    "prometheus",
    "prom",
    "health",
    "healthz",
    "probe",
    "debug",
    "pprof",
    "jmx",
];

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let sidecar = subject.sidecar(cx).map(|(template, _)| template);
    let meshed = || subject.meshed(cx).map(|meshed| meshed.template);
    let Some(template) = sidecar.or_else(meshed) else {
        return;
    };
    if runs_to_an_end(template) || is_of_knative(cx) || says_ready(template) {
        return;
    }
    let serving = applications(template).find(serves);
    let Some(container) = serving else { return };
    let message = "no container of the application has a readinessProbe: the pod is Ready, and gets \
                   requests, as soon as its processes run and its proxy is ready";
    out.report(name_of(&container), message);
}

fn applications<'a>(template: &PodTemplate<'a>) -> impl Iterator<Item = Node<'a>> {
    template
        .containers(List::Containers)
        .filter(|container| container.str_at("name") != Some(PROXY))
}

/// Jobs, Jobs by schedule and their Pods: nobody waits for their readiness.
fn runs_to_an_end(template: &PodTemplate<'_>) -> bool {
    let policy = template.spec.str_at("restartPolicy");
    policy.is_some_and(|policy| policy != "Always")
}

/// Knative's own proxy asks the application's port where no probe is given.
fn is_of_knative(cx: &Context<'_>) -> bool {
    cx.object.group() == "serving.knative.dev"
}

/// Whether something keeps the pod from being Ready at once: a probe of a container or of a native
/// sidecar of the application's own, a startupProbe (without it having succeeded no container is ready),
/// or a readiness gate.
fn says_ready(template: &PodTemplate<'_>) -> bool {
    let asks = |container: Node<'_>| {
        let is_application = container.str_at("name") != Some(PROXY);
        let has = |probe: &str| container.get_set(probe).is_some();
        is_application && (has("readinessProbe") || has("startupProbe"))
    };
    let restarts = |container: &Node<'_>| container.str_at("restartPolicy") == Some("Always");
    let helpers = template.containers(List::InitContainers).filter(restarts);
    template.spec.items("readinessGates").next().is_some()
        || template
            .containers(List::Containers)
            .chain(helpers)
            .any(asks)
}

/// Whether a container has a port on which it is used through the mesh, which carries TCP.
fn serves(container: &Node<'_>) -> bool {
    container.items("ports").any(|port| {
        let is_there = port.get_set("containerPort").is_some();
        let is_tcp = port.str_at("protocol").is_none_or(|name| name == "TCP");
        let name = port.str_at("name").unwrap_or_default();
        let is_auxiliary = name.split('-').any(|word| AUXILIARY.contains(&word));
        is_there && is_tcp && !is_auxiliary
    })
}
