//! What happens while the webhook cannot be reached, and how it is called.

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Hook, Snapshot, alike};

const EQUIVALENT: &str = "Equivalent";

/// Each webhook.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for hook in alike(snapshot.hooks(), Hook::fails_closed) {
        policy(&hook, notes);
    }
    let closed = snapshot
        .hooks()
        .filter(|hook| !hook.mutates() && hook.fails_closed());
    let unconditional = closed.filter(|hook| !lets_go(hook));
    for hook in alike(unconditional, |hook| {
        hook.webhook.match_conditions.is_none()
    }) {
        held(&hook, notes);
    }
    for hook in alike(snapshot.hooks(), |hook| hook.webhook.match_policy.clone()) {
        match_policy(&hook, notes);
    }
}

fn policy(hook: &Hook<'_>, notes: &mut Notes) {
    let place = hook.place();
    match (hook.mutates(), hook.fails_closed()) {
        (_, false) => notes.fine(format!(
            "{place}: Ignore, so a cluster goes on without the webhook"
        )),
        (false, true) => notes.fine(format!(
            "{place}: Fail, so nothing passes unseen, and nothing at all while the webhook is away"
        )),
        (true, true) => {
            notes
                .warning(place, "failurePolicy is Fail")
                .leads_to(
                    "while the webhook is away nothing can be applied, although what is not mended \
                     would still be judged",
                )
                .help("let it pass: mending is a service, and the validating webhook is the gate")
                .command(hook.set("failurePolicy", "\"Ignore\""));
        }
    }
}

/// Whether a condition leaves alone what is being deleted.
fn lets_go(hook: &Hook<'_>) -> bool {
    let mut conditions = hook.webhook.match_conditions.iter().flatten();
    conditions.any(|condition| condition.expression.contains("deletionTimestamp"))
}

fn held(hook: &Hook<'_>, notes: &mut Notes) {
    let condition = r#"{"name": "is-not-being-deleted", "expression": "!has(object.metadata.deletionTimestamp)"}"#;
    let command = match hook.webhook.match_conditions {
        Some(_) => hook.set("matchConditions/-", condition),
        None => hook.set("matchConditions", &format!("[{condition}]")),
    };
    notes
        .warning(
            hook.place(),
            "failurePolicy is Fail, and no condition of matchConditions is on deletionTimestamp",
        )
        .leads_to(
            "while the webhook is away, what is being deleted keeps its finalizers, and stays",
        )
        .help("leave alone what is being deleted, as components/fail-closed and the chart do")
        .command(command);
}

fn match_policy(hook: &Hook<'_>, notes: &mut Notes) {
    // Equivalent where nothing is said.
    let Some(policy) = hook.webhook.match_policy.as_deref() else {
        return;
    };
    if policy != EQUIVALENT {
        notes
            .warning(hook.place(), format!("matchPolicy is {policy}"))
            .leads_to("an object that is sent at another version of its group is not looked at")
            .help("match equivalent requests")
            .command(hook.set("matchPolicy", "\"Equivalent\""));
    }
}
