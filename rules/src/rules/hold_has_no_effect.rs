use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Severity, op};
use crate::istio::gate::{Gate, Meshed, has_application, is_proxyless};
use crate::istio::hold::{CONFIG_ANNOTATION, FIELD, Hold, with_hold};
use crate::istio::proxy::Proxy;
use crate::istio::workload::{List, PodTemplate, WORKLOADS};
use crate::mesh::{Enrolment, Native};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::hold_of;

declare_rule! {
    id: "hold-has-no-effect",
    summary: "hold is asked for and does not hold",
    severity: Warning,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Safe),
    check: check,
}

/// The name in Istio's release notes, which nothing reads.
const MISSPELT_NATIVE: &str = "sidecar.istio.io/native-side";
/// The name that is read.
const NATIVE: &str = "sidecar.istio.io/nativeSidecar";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let Some(template) = subject.application() else {
        return;
    };
    if let Some((template, proxy)) = subject.sidecar() {
        check_rendered(template, proxy, out);
        return;
    }
    let enrolment = cx.enrolment();
    let is_rendered = subject.proxy.as_ref().is_some_and(Proxy::is_rendered);
    if *enrolment == Enrolment::Out || is_rendered || is_proxyless(template) {
        return;
    }
    let meshed = subject.meshed(cx);
    let would_help = meshed
        .as_ref()
        .is_none_or(|meshed| meshed.hold_would_help(cx));
    check_annotation(template, enrolment, would_help, out);
    check_misplaced(cx, template, would_help, out);
    check_misspelt_native(template, out);
    if let Some(meshed) = meshed {
        check_lost(cx, &meshed, out);
    }
    check_init_containers(cx, template, enrolment, out);
}

/// In a rendered pod hold is: the proxy first, and a start hook that waits for it.
fn check_rendered(template: &PodTemplate<'_>, proxy: &Proxy<'_>, out: &mut Findings) {
    if proxy.list == List::InitContainers || !has_application(template) {
        return;
    }
    let name = proxy
        .container
        .get("name")
        .unwrap_or_else(|| proxy.container.clone())
        .whole();
    match proxy.wait_hook() {
        Some(_) if proxy.index > 0 => {
            let message = "`istio-proxy` waits for itself behind another container: the application \
                           before it has started by then (the proxy must be first)";
            let from = proxy.container.pointer();
            let first = from.split_last().map(|(list, _)| list.join("0"));
            let ops = first.map(|first| {
                vec![
                    op::remove(&from),
                    op::add(&first, proxy.container.value().clone()),
                ]
            });
            let fix = ops.map(|ops| Fix::safe("move `istio-proxy` to the front", ops));
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

/// What the annotation says and Istio does not take.
fn check_annotation(
    template: &PodTemplate<'_>,
    enrolment: &Enrolment,
    would_help: bool,
    out: &mut Findings,
) {
    let Some(node) = template.annotation(CONFIG_ANNOTATION) else {
        return;
    };
    // Without injection nothing reads it.
    let refused = match enrolment {
        Enrolment::In { .. } => Severity::Error,
        Enrolment::Out | Enrolment::Unknown => Severity::Warning,
    };
    let text = node.str().unwrap_or_default();
    match Hold::read(text) {
        Hold::WrongType(value) => {
            let message = format!(
                "`{FIELD}` in {CONFIG_ANNOTATION} is {value}, not a boolean: the injector refuses the \
                 Pod, and none starts"
            );
            let is_quoted = value == "\"true\"";
            let fix = with_hold(text).filter(|_| is_quoted).map(|held| {
                let change = op::replace(&node.pointer(), Value::String(held));
                Fix::safe(
                    format!("write `{FIELD}: true` without quotes"),
                    vec![change],
                )
            });
            out.report(node.whole().inside(FIELD), message)
                .severity(refused)
                .fix(fix);
        }
        Hold::Broken(why) => {
            let message = format!(
                "annotation {CONFIG_ANNOTATION} cannot be read ({why}): the injector refuses the Pod, \
                 and none starts"
            );
            out.report(node.whole(), message).severity(refused);
        }
        Hold::Misspelt(key) => {
            let message =
                format!("`{key}` in {CONFIG_ANNOTATION} is not `{FIELD}` and does nothing");
            out.report(node.whole().inside(&key), message)
                .fix(respelt(&node, text).filter(|_| would_help));
        }
        Hold::Absent | Hold::Set(_) => {}
    }
}

/// The right key beside the wrong one: what else the author meant by it, a person must say.
fn respelt(node: &Node<'_>, text: &str) -> Option<Fix> {
    let held = with_hold(text)?;
    let change = op::replace(&node.pointer(), Value::String(held));
    Some(Fix::needs_review(
        format!("add `{FIELD}: true`"),
        vec![change],
    ))
}

/// The annotation on the workload's own metadata, where only the pod template's counts.
fn check_misplaced(
    cx: &Context<'_>,
    template: &PodTemplate<'_>,
    would_help: bool,
    out: &mut Findings,
) {
    let root = &cx.object.root;
    if template.annotation(CONFIG_ANNOTATION).is_some() {
        return;
    }
    let owners = [&["metadata"][..], &["spec", "jobTemplate", "metadata"][..]];
    for owner in owners {
        let Some(node) = root
            .at(owner)
            .and_then(|m| m.at(&["annotations", CONFIG_ANNOTATION]))
        else {
            continue;
        };
        let is_template = root.at(owner).map(|n| n.pointer())
            == template.node.get("metadata").map(|n| n.pointer());
        if is_template || !matches!(node.str().map(Hold::read), Some(Hold::Set(true))) {
            continue;
        }
        let message = format!(
            "annotation {CONFIG_ANNOTATION} with hold stands on `{}`: only the pod template's is read",
            owner.join(".")
        );
        let copy = op::add_below(
            &template.node,
            &["metadata", "annotations", CONFIG_ANNOTATION],
            node.value().clone(),
        );
        let fix = Fix::safe(
            "move the annotation to the pod template",
            vec![copy, op::remove(&node.pointer())],
        );
        let fix = would_help.then_some(fix);
        out.report(node.whole(), message).fix(fix);
        return;
    }
}

fn check_misspelt_native(template: &PodTemplate<'_>, out: &mut Findings) {
    let Some(node) = template.annotation(MISSPELT_NATIVE) else {
        return;
    };
    let message = format!(
        "annotation {MISSPELT_NATIVE} does nothing (Istio's release notes misspell it); the name is \
         {NATIVE}"
    );
    let add = op::add_below(
        &template.node,
        &["metadata", "annotations", NATIVE],
        node.value().clone(),
    );
    let ops = vec![op::remove(&node.pointer()), add];
    // A no would take the gate away that the mesh may have, and what is there already was meant.
    let is_plain = node.str() == Some("true") && template.annotation(NATIVE).is_none();
    let fix = is_plain.then(|| Fix::needs_review(format!("write {NATIVE}"), ops));
    out.report(node.whole(), message).fix(fix);
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
    let metadata = || {
        template
            .node
            .get("metadata")
            .unwrap_or_else(|| template.node.clone())
            .key()
    };
    let at = meshed
        .own_start_hook()
        .map(|hook| hook.key())
        .or(asked)
        .unwrap_or_else(metadata);
    let message = format!(
        "hold is asked for and its wait is lost: {how}, so the application does not wait for the proxy"
    );
    out.report(at, message);
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
    let first = template
        .containers(List::InitContainers)
        .find(|container| container.str_at("restartPolicy") != Some("Always"));
    if let Some(first) = first {
        let name = first.str_at("name").unwrap_or("?");
        let message = format!(
            "init container `{name}` runs before the proxy, which hold does not change: if it needs \
             the network, it needs a native sidecar"
        );
        let at = first.get("name").unwrap_or(first).whole();
        out.report(at, message).severity(Severity::Info);
    }
}
