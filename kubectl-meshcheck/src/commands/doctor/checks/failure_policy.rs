//! What happens while the webhook cannot be reached, and how it is called.

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Hook, Snapshot};

const EQUIVALENT: &str = "Equivalent";

/// Each webhook.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for hook in snapshot.hooks() {
        policy(&hook, notes);
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
