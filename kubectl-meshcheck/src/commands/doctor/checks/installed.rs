//! That there are webhooks, each once.

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Hook, Kind, MUTATE, Snapshot, VALIDATE};

/// Both webhooks.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for (kind, name) in [(Kind::Mutating, MUTATE), (Kind::Validating, VALIDATE)] {
        let hooks = snapshot
            .mains()
            .filter(|hook| hook.configuration.kind == kind);
        let hooks: Vec<_> = hooks.collect();
        match hooks.as_slice() {
            [] => missing(snapshot, kind, name, notes),
            [hook] => notes.fine(format!("{} leads to {}", hook.place(), target(hook))),
            [first, others @ ..] => duplicates(first, others, notes),
        }
    }
}

/// Where a webhook leads to.
fn target(hook: &Hook<'_>) -> String {
    match hook.service() {
        Some(to) => format!("Service {}/{}", to.namespace, to.name),
        None => hook.url().unwrap_or("nowhere").to_owned(),
    }
}

fn missing(snapshot: &Snapshot, kind: Kind, name: &str, notes: &mut Notes) {
    if !snapshot.is_installed() {
        return notes.fine(format!("no {} has a webhook {name}", kind.name()));
    }
    if kind == Kind::Mutating {
        return notes.fine(format!(
            "no {} has a webhook {name}: nothing is mended, only judged",
            kind.name()
        ));
    }
    notes
        .error(kind.name(), format!("none has a webhook {name}"))
        .leads_to("nobody is asked about what is applied: everything passes")
        .help("install it again")
        .command("kubectl apply -k manifests/base");
}

fn duplicates(first: &Hook<'_>, others: &[Hook<'_>], notes: &mut Notes) {
    for other in others {
        let (one, two) = (target(first), target(other));
        notes
            .warning(
                other.place(),
                format!("is a second one beside {} ({two}, {one})", first.place()),
            )
            .leads_to(
                "each object is judged twice, by two versions or policies, and takes the time of both",
            )
            .help("keep the one of the installation that you want, and delete the other")
            .command(format!("kubectl delete {}", other.configuration.resource()));
    }
}
