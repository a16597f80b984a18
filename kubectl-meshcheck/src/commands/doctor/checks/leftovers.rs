//! What belongs to no webhook that is called.

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Belonging, Snapshot, Stored};

/// Deployments and Secrets of ours.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for seen in &snapshot.belongings {
        let Some(belongings) = notes.seen(seen) else {
            continue;
        };
        for belonging in belongings.iter().filter(|one| !is_used(snapshot, one)) {
            tell(belonging, notes);
        }
    }
    if notes.is_clean() && snapshot.is_installed() {
        notes.fine("no Deployment and no Secret without a webhook that needs it");
    }
}

fn is_used(snapshot: &Snapshot, belonging: &Belonging) -> bool {
    let mut installs = snapshot.installs.iter().filter(|install| {
        install.namespace == belonging.namespace && snapshot.hooks_to(install).next().is_some()
    });
    installs.any(|install| match belonging.kind {
        // Where no name is known, nothing says that it is not this one.
        "Secret" => match install.secret.as_ref().map(Stored::name) {
            Ok(Some(name)) => name == belonging.name,
            Ok(None) | Err(_) => true,
        },
        _ => true,
    })
}

fn tell(belonging: &Belonging, notes: &mut Notes) {
    let Belonging {
        kind,
        namespace,
        name,
    } = belonging;
    let (message, leads_to) = match *kind {
        "Secret" => (
            "holds a certificate and its keys, and no webhook uses it",
            "keys lie around, and the next installation goes on with them",
        ),
        _ => (
            "runs a webhook that no configuration leads to",
            "it looks as if the cluster were guarded",
        ),
    };
    notes
        .warning(format!("{kind} {namespace}/{name}"), message)
        .leads_to(leads_to)
        .help("delete it, or install the configurations again")
        .command(format!(
            "kubectl -n {namespace} delete {} {name}",
            kind.to_lowercase()
        ));
}
