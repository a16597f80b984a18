//! Hold that is asked for a whole mesh, and does not come to the pods.

use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Fix, Related, RelatedPlace, Severity, op};
use crate::istio::config_map::Content;
use crate::istio::hold::FIELD;
use crate::istio::hold::mesh::{Mistake, in_injector, in_mesh_config, in_plane};
use crate::istio::install::{self, Mistake as Refused};
use crate::istio::keepalive::value_name;
use crate::object::Node;
use crate::rule::Findings;

/// What an installer's file and Istio's own ConfigMaps say of hold.
pub(super) fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    let refusals = subject.install.iter().flat_map(|install| &install.refusals);
    let refused: Vec<_> = refusals
        .filter(|refusal| refusal.mistake == Refused::Hold)
        .collect();
    for mistake in subject.planes().iter().flat_map(in_plane) {
        // What istioctl refuses never comes to istiod.
        let is_refused = |node: &Node<'_>| {
            let mut refused = refused.iter();
            refused.any(|refusal| std::ptr::eq(refusal.node.value(), node.value()))
        };
        let is_told = match &mistake {
            Mistake::WrongType(node) | Mistake::Unreadable(node) => is_refused(node),
            Mistake::Refused(field) => is_refused(&field.node),
            _ => false,
        };
        if !is_told {
            report(&mistake, out);
        }
    }
    for refusal in refused {
        check_refused(refusal, out);
    }
    let mistakes = match subject.config_map.as_ref().map(|map| &map.content) {
        Some(Content::Mesh(config)) => in_mesh_config(config),
        Some(Content::Injector(values)) => in_injector(values),
        None => Vec::new(),
    };
    for mistake in &mistakes {
        report(mistake, out);
    }
}

fn check_refused(refusal: &install::Refusal<'_>, out: &mut Findings) {
    let node = &refusal.node;
    let message = format!(
        "istioctl refuses {}, which is {} ({}), and nothing is installed",
        value_name(node),
        node.value(),
        refusal.why
    );
    let is_hold = node.path().last().is_some_and(|key| key == FIELD);
    out.report(node.as_value(), message)
        .severity(Severity::Error)
        .fix(unquoted(node).filter(|_| is_hold));
}

fn report(mistake: &Mistake<'_>, out: &mut Findings) {
    match mistake {
        Mistake::WrongType(node) => {
            let message = format!(
                "{} is {}, not a boolean: istiod refuses all of the mesh config, and runs without every \
                 setting in it, hold included",
                value_name(node),
                node.value()
            );
            out.report(node.as_value(), message)
                .severity(Severity::Error)
                .fix(unquoted(node));
        }
        Mistake::Unreadable(node) => {
            let message = format!(
                "{} is {}, not a boolean: the injector cannot read its values, an istiod that runs goes on \
                 with the last that it could, and one that starts ends at once",
                value_name(node),
                node.value()
            );
            out.report(node.as_value(), message)
                .severity(Severity::Error)
                .fix(unquoted(node));
        }
        Mistake::Refused(field) => {
            let node = &field.node;
            let message = format!(
                "{} is {}, not {}: istiod refuses all of the mesh config, and runs without every setting \
                 in it, hold included",
                value_name(node),
                node.value(),
                field.wanted
            );
            let quoted = field.quoted().map(|text| op::replace(node, text));
            let fix = quoted.and_then(|change| Fix::safe("write it in quotes", vec![change]));
            out.report(node.as_value(), message)
                .severity(Severity::Error)
                .fix(fix);
        }
        Mistake::Unread {
            node,
            why,
            is_by_version,
            changes,
        } => {
            let title = format!("write `{FIELD}: true` in `meshConfig.defaultConfig`");
            let severity = if *is_by_version {
                Severity::Info
            } else {
                Severity::Warning
            };
            out.report(node.key(), format!("{} {why}", value_name(node)))
                .severity(severity)
                .fix(Fix::needs_review(title, changes.clone()));
        }
        Mistake::Lifecycle { hold, lifecycle } => {
            let message = format!(
                "{} takes the place of the wait that hold needs: no application waits for its proxy \
                 (a postStart that runs `pilot-agent wait` has to be part of it)",
                value_name(lifecycle)
            );
            let asked = Related {
                message: "hold is asked for here".to_owned(),
                at: RelatedPlace::Here(hold.whole()),
            };
            out.report(lifecycle.key(), message)
                .related([asked])
                .fix(waiting(lifecycle));
        }
    }
}

/// A quoted `true` or `false` without its quotes: nothing else can have been meant.
fn unquoted(node: &Node<'_>) -> Option<Fix> {
    let on = match node.str()? {
        "true" => true,
        "false" => false,
        _ => return None,
    };
    let change = op::replace(node, Value::Bool(on));
    Fix::safe(format!("write `{on}` without quotes"), vec![change])
}

/// The wait as part of the lifecycle, where it has no start hook.
fn waiting(lifecycle: &Node<'_>) -> Option<Fix> {
    let is_free = lifecycle.value().is_object() && lifecycle.get_set("postStart").is_none();
    let command = serde_json::json!(["pilot-agent", "wait"]);
    let change = op::add_below(lifecycle, &["postStart", "exec", "command"], command);
    is_free
        .then(|| Fix::needs_review("wait for the proxy in `postStart`", vec![change]))
        .flatten()
}
