//! That the webhooks do what they are there for, shown by two objects that are tried.

use meshcheck_rules::Severity;

use super::while_away;
use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::outcome::Outcome;
use crate::commands::doctor::snapshot::{Hook, Install, Seen, Snapshot, Tried, Unseen, Way};

/// What is tried on a webhook.
struct Attempt<'s> {
    hook: Hook<'s>,
    tried: &'s Seen<Tried>,
    outcome: fn(&Tried) -> Outcome,
    /// What it did.
    done: &'static str,
    /// What it did not do.
    undone: &'static str,
}

/// Each webhook that is asked about workloads.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    // That it is asked about no namespace at all is told of the namespaces.
    let Some(namespace) = &snapshot.probes.namespace else {
        return;
    };
    for hook in snapshot.mains() {
        let attempt = attempt(snapshot, hook);
        match attempt.tried {
            Err(why) => notes.unknown(why),
            Ok(tried) => tell(snapshot, &attempt, tried, namespace, notes),
        }
    }
}

fn attempt<'s>(snapshot: &'s Snapshot, hook: Hook<'s>) -> Attempt<'s> {
    if hook.mutates() {
        Attempt {
            hook,
            tried: &snapshot.probes.patched,
            outcome: Outcome::of_patch,
            done: "mended an istiod whose connections live for a year",
            undone: "did not mend an istiod whose connections live for a year",
        }
    } else {
        Attempt {
            hook,
            tried: &snapshot.probes.refused,
            outcome: Outcome::of_refusal,
            done: "refused an istiod of 1.7.4",
            undone: "did not refuse an istiod of 1.7.4",
        }
    }
}

fn tell(
    snapshot: &Snapshot,
    attempt: &Attempt<'_>,
    tried: &Tried,
    namespace: &str,
    notes: &mut Notes,
) {
    let (hook, Attempt { done, undone, .. }) = (&attempt.hook, attempt);
    let tried_there = format!("tried in namespace {namespace}");
    match (attempt.outcome)(tried) {
        Outcome::Works => notes.fine(format!("{}: {done}, {tried_there}", hook.place())),
        Outcome::Warned => {
            let message = format!("was reached, warned, and {undone}, {tried_there}");
            let problem = notes.problem(Severity::Info, hook.place(), message);
            problem
                .leads_to("what is applied there is told, and not stopped")
                .help(
                    "it is what the policy says: raise the mode of the rules when you trust them",
                );
        }
        Outcome::Unchecked(why) => {
            let problem = notes.error(
                hook.place(),
                format!("answered an object {tried_there}: {why}"),
            );
            problem
                .leads_to("what it does not get to in its time passes")
                .help("give it more CPU, or more replicas; see what it logs");
            problem.command = snapshot.install(hook).map(Install::logs);
        }
        Outcome::Idle => {
            let message = format!("was reached, and {undone}, {tried_there}");
            let problem = notes.warning(hook.place(), message);
            problem
                .leads_to("what a policy turns off there is not stopped")
                .help("see whether the policy means that; else see what the webhook logs");
            problem.command = snapshot.install(hook).map(Install::logs);
        }
        Outcome::Unreached(why) => unreached(snapshot, hook, why.as_deref(), notes),
        Outcome::Silent => silent(snapshot, hook, tried, &tried_there, notes),
        Outcome::Hidden => notes.skipped(format!(
            "{}: not to be seen while the other webhook refuses everything",
            hook.place()
        )),
        Outcome::Elsewhere(message) => {
            let why = format!("an object could not be {tried_there}: {message}");
            notes.unknown(&Unseen(why));
        }
    }
}

/// The API server called, and got no answer.
fn unreached(snapshot: &Snapshot, hook: &Hook<'_>, why: Option<&str>, notes: &mut Notes) {
    let because = why.map_or_else(String::new, |why| format!(": {why}"));
    let message = format!("the API server gets no answer from it{because}");
    let problem = notes.error(hook.place(), message);
    problem.leads_to(while_away(hook.fails_closed()));
    problem.help(way_out(snapshot));
    problem.command = snapshot.install(hook).map(Install::logs);
}

fn way_out(snapshot: &Snapshot) -> String {
    match &snapshot.probes.way {
        Some(Way::Closed(reason)) => format!(
            "open the way from the API server to the Pods (endpoints, firewall, NetworkPolicy; port \
             8443): asked as a proxy, it says: {reason}"
        ),
        Some(Way::Open) => {
            "look at certificate, names and `caBundle`: the Service itself answers".to_owned()
        }
        Some(Way::Unknown(why)) => {
            format!(
                "look at the way to it, and at the certificate; the Service cannot be asked: {why}"
            )
        }
        None => "look at the way from the API server to it, and at the certificate".to_owned(),
    }
}

/// The object came back as if there were no webhook, and nothing counted tells why.
fn silent(
    snapshot: &Snapshot,
    hook: &Hook<'_>,
    tried: &Tried,
    tried_there: &str,
    notes: &mut Notes,
) {
    let (message, help) = if tried.counts.is_some() {
        (
            format!("was not asked about an object {tried_there}"),
            "see whether namespaceSelector, objectSelector and matchConditions let it through; a \
             configuration that is new takes a few seconds"
                .to_owned(),
        )
    } else {
        (
            format!("was not reached by an object {tried_there}, which came back untouched"),
            way_out(snapshot),
        )
    };
    notes
        .error(hook.place(), message)
        .leads_to(while_away(hook.fails_closed()))
        .help(help)
        .command(format!(
            "kubectl get {} -o yaml",
            hook.configuration.resource()
        ));
}
