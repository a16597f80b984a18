//! Hold that is asked for in a way that Istio does not take.

use crate::engine::Context;
use crate::finding::{Fix, Severity, op};
use crate::istio::hold::{CONFIG_ANNOTATION, FIELD, Hold, with_hold};
use crate::istio::proxy_config;
use crate::istio::workload::PodTemplate;
use crate::mesh::Enrolment;
use crate::object::Node;
use crate::rule::Findings;

/// The name in Istio's release notes, which nothing reads.
const MISSPELT_NATIVE: &str = "sidecar.istio.io/native-side";
/// The name that is read.
const NATIVE: &str = "sidecar.istio.io/nativeSidecar";

/// What the annotation says and Istio does not take.
pub(super) fn check_value<'a>(
    cx: &Context<'a>,
    template: &PodTemplate<'a>,
    would_help: bool,
    out: &mut Findings,
) {
    let Some(node) = template.annotation(CONFIG_ANNOTATION) else {
        return;
    };
    // Without injection nothing reads it.
    let refused = match cx.enrolment() {
        Enrolment::In { .. } => Severity::Error,
        Enrolment::Out | Enrolment::Unknown => Severity::Warning,
    };
    check_fields(cx, &node, refused, out);
    let text = node.str().unwrap_or_default();
    match Hold::read(text) {
        Hold::WrongType(value) => {
            let message = format!(
                "`{FIELD}` in {CONFIG_ANNOTATION} is {value}, not a boolean: the injector refuses the \
                 Pod, and none starts"
            );
            let is_quoted = value == "\"true\"";
            let fix = with_hold(&node, cx.strings)
                .filter(|_| is_quoted)
                .and_then(|change| {
                    let title = format!("write `{FIELD}: true` without quotes");
                    Fix::safe(title, vec![change])
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
                .fix(respelt(&node, cx).filter(|_| would_help));
        }
        Hold::Absent | Hold::Set(_) => {}
    }
}

/// Fields beside hold that have a wrong type: with one of them hold is lost too, and the Pod with it.
fn check_fields<'a>(cx: &Context<'a>, node: &Node<'a>, severity: Severity, out: &mut Findings) {
    let Some(Ok(config)) = node.document(cx.strings) else {
        return;
    };
    for field in proxy_config::refused(&config) {
        let (name, wanted) = (&field.name, field.wanted);
        let message = format!(
            "`{name}` in {CONFIG_ANNOTATION} is {}, not {wanted}: the injector refuses the Pod, and none \
             starts",
            field.node.value()
        );
        let fix = field.quoted().and_then(|text| {
            let title = format!("write `{name}` in quotes");
            Fix::safe(title, vec![op::replace(&field.node, text)])
        });
        out.report(field.node.whole(), message)
            .severity(severity)
            .fix(fix);
    }
}

/// The right key beside the wrong one: what else the author meant by it, a person must say.
fn respelt<'a>(node: &Node<'a>, cx: &Context<'a>) -> Option<Fix> {
    let change = with_hold(node, cx.strings)?;
    Fix::needs_review(format!("add `{FIELD}: true`"), vec![change])
}

/// The annotation on the workload's own metadata, where only the pod template's counts.
pub(super) fn check_place(
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
            vec![copy, op::remove(&node)],
        );
        let fix = fix.filter(|_| would_help);
        out.report(node.whole(), message).fix(fix);
        return;
    }
}

/// A wish for a native sidecar under a name that nothing reads.
pub(super) fn check_native(template: &PodTemplate<'_>, out: &mut Findings) {
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
    let ops = vec![op::remove(&node), add];
    // A no would take the gate away that the mesh may have, and what is there already was meant.
    let is_plain = node.str() == Some("true") && template.annotation(NATIVE).is_none();
    let fix = Fix::needs_review(format!("write {NATIVE}"), ops).filter(|_| is_plain);
    out.report(node.whole(), message).fix(fix);
}
