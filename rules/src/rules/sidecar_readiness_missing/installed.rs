//! Probes that the values of a mesh take away from every proxy in it.

use serde_json::{Value, json};

use crate::engine::Context;
use crate::finding::{Fix, Severity, op};
use crate::istio::args::{Variable, variable};
use crate::istio::config_map::Content;
use crate::istio::install::{Plane, Traced};
use crate::istio::keepalive::value_name;
use crate::istio::probe::HAS_STARTUP;
use crate::istio::version::Version;
use crate::mesh::{Known, NATIVE_NODES, NativeMode, Setting};
use crate::object::Node;
use crate::rule::Findings;

pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    for plane in subject.planes() {
        let root = plane.values.root();
        let source = |keys: &[&str]| root.at(keys).and_then(Traced::from).cloned();
        check_port(source(&["global", "proxy", "statusPort"]), out);
        if plane.chart.version.minor >= HAS_STARTUP {
            let enabled = source(&["global", "proxy", "startupProbe", "enabled"]);
            check_startup(enabled, &native_of(cx, plane), out);
        }
    }
    if let Some(map) = &subject.config_map
        && let Content::Injector(values) = &map.content
    {
        check_port(values.at(&["global", "proxy", "statusPort"]), out);
        let enabled = values.at(&["global", "proxy", "startupProbe", "enabled"]);
        check_startup(enabled, &native_beside(cx, map.revision), out);
    }
}

/// Whether a mesh makes native sidecars, as far as that is known.
enum Native {
    Yes,
    No,
    Unknown(&'static str),
}

/// As an installer's file says it.
fn native_of(cx: &Context<'_>, plane: &Plane<'_>) -> Native {
    let container = plane.deployment.container();
    let setting = match container.map(|container| variable(&container, "ENABLE_NATIVE_SIDECARS")) {
        Some(Variable::Literal(text)) => Setting::Text(text.to_owned()),
        Some(Variable::Elsewhere) => Setting::Unknown,
        Some(Variable::Absent) | None => Setting::Unset,
    };
    native(cx, plane.version(), &setting)
}

/// As the istiod says it that reads the same revision's values.
fn native_beside(cx: &Context<'_>, revision: &str) -> Native {
    let Known::Yes(version, _) = cx.around.istio_version(revision) else {
        return Native::Unknown("the version of istiod (--istio-version)");
    };
    let plane = cx.around.control_plane(revision);
    let setting = plane.value().map(|plane| &plane.native_sidecars);
    native(cx, version, setting.unwrap_or(&Setting::Unset))
}

fn native(cx: &Context<'_>, version: Version, setting: &Setting) -> Native {
    match NativeMode::of(version, setting) {
        NativeMode::On => Native::Yes,
        NativeMode::Missing | NativeMode::OffByDefault | NativeMode::Off(_) => Native::No,
        NativeMode::Unknown => Native::Unknown("`ENABLE_NATIVE_SIDECARS` of istiod"),
        NativeMode::ByNodes => match cx.around.oldest_of_all_nodes() {
            Some(node) if node.kubelet >= NATIVE_NODES => Native::Yes,
            Some(_) => Native::No,
            None => Native::Unknown("the Kubernetes version of the nodes (--kubernetes-version)"),
        },
    }
}

/// Status port 0, as a number or a text, takes readiness and startup probe away.
fn check_port(node: Option<Node<'_>>, out: &mut Findings) {
    let Some(node) = node.filter(|node| Traced::of_node(node).text() == "0") else {
        return;
    };
    let message = format!(
        "{} is 0, which takes the probes from every proxy of the mesh: the API server refuses Pods whose own \
         probes are rewritten to that port, and others are Ready before their proxy can take traffic",
        value_name(&node)
    );
    let port = if node.str().is_some() {
        json!("15020")
    } else {
        json!(15020)
    };
    let set = op::replace(&node, port);
    out.report(node.whole(), message).fix(Fix::safe(
        "set the status port to 15020, Istio's own",
        vec![set],
    ));
}

/// Without its startup probe nothing waits for a native sidecar.
fn check_startup(node: Option<Node<'_>>, native: &Native, out: &mut Findings) {
    let Some(node) = node.filter(|node| !Traced::of_node(node).is_true()) else {
        return;
    };
    let (severity, told) = match native {
        Native::Yes => (Severity::Error, String::new()),
        Native::No => return,
        Native::Unknown(missing) => {
            let told = format!("; whether this mesh has native sidecars depends on {missing}");
            (Severity::Info, told)
        }
    };
    let message = format!(
        "{} is {}: a native sidecar gets no startup probe, so no application waits for it, and hold does \
         nothing there{told}",
        value_name(&node),
        node.value()
    );
    let on = op::replace(&node, Value::Bool(true));
    out.report(node.whole(), message)
        .severity(severity)
        .fix(Fix::safe("switch the startup probe on", vec![on]));
}
