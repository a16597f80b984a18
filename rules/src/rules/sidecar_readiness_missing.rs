use crate::engine::Context;
use crate::finding::{Applicability, Fix, Related, RelatedPlace, op};
use crate::istio::probe::{sidecar_readiness, sidecar_startup};
use crate::istio::proxy::Proxy;
use crate::istio::version::{Minor, Version};
use crate::istio::workload::PodTemplate;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{PODS_AND_MESHES, name_of};

mod annotations;
mod installed;
mod switched_off;

declare_rule! {
    id: "sidecar-readiness-missing",
    summary: "a pod gets traffic before its proxy can take it",
    severity: Error,
    since: "0.1.0",
    kinds: PODS_AND_MESHES,
    fix: Some(Applicability::Safe),
    check: check,
}

/// Annotation whose value `0` takes all probes from the proxy.
const STATUS_PORT: &str = "status.sidecar.istio.io/port";
/// Native sidecars have a readiness probe beside the startup probe from here on.
const NATIVE_READINESS: Minor = Minor::one(20);

fn check(cx: &Context<'_>, out: &mut Findings) {
    installed::check(cx, out);
    let subject = cx.subject();
    if let Some((template, proxy)) = subject.sidecar(cx) {
        let version = subject.version_in(&proxy.container);
        check_rendered(template, proxy, version, out);
    } else {
        annotations::check(cx, out);
        switched_off::check(cx, out);
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
    ops.extend(switch.iter().map(|node| op::remove(node)));
    let related = switch.iter().map(|node| Related {
        message: "this took the probes away at injection".to_owned(),
        at: RelatedPlace::Here(node.whole()),
    });
    let fix = Fix::safe("add the probes that Istio's template has", ops);
    out.report(name_of(container), message)
        .related(related)
        .fix(fix);
}
