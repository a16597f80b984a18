//! That the webhook may do what it was told to do.

use meshcheck_rules::Severity;

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::needs::Purpose;
use crate::commands::doctor::rbac::{Asked, Permissions};
use crate::commands::doctor::snapshot::Snapshot;

/// The account of each installation.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        if snapshot.hooks_to(install).next().is_none() {
            continue;
        }
        if let Some(Some(permissions)) = notes.seen(&install.permissions) {
            tell(permissions, notes);
        }
    }
}

fn tell(permissions: &Permissions, notes: &mut Notes) {
    let place = permissions.account.place();
    let mut granted = Vec::new();
    for purpose in Purpose::ALL {
        let asked = permissions.asked.iter();
        let asked: Vec<_> = asked.filter(|one| one.need.purpose == purpose).collect();
        if asked.iter().all(|one| one.missing.is_empty()) {
            granted.extend(asked.first().map(|_| purpose.option()));
        } else if !asked.iter().any(|one| one.missing.is_empty()) {
            nothing(&place, purpose, notes);
        } else {
            some(&place, purpose, &asked, notes);
        }
    }
    if permissions.asked.is_empty() {
        notes.fine(format!("{place}: no argument of it needs a permission"));
    } else if !granted.is_empty() {
        notes.fine(format!(
            "{place}: may do all that {} needs",
            granted.join(", ")
        ));
    }
}

fn nothing(place: &str, purpose: Purpose, notes: &mut Notes) {
    let message = format!("may do nothing of what {} needs", purpose.option());
    notes
        .error(place, message)
        .leads_to(purpose.lost())
        .help("give back the roles and their bindings, or take the argument from the Deployment")
        .command(format!("kubectl apply -f {}", purpose.manifest()));
}

/// What leads to the same is told together.
fn some(place: &str, purpose: Purpose, asked: &[&Asked], notes: &mut Notes) {
    let mut denied: Vec<_> = asked.iter().filter(|one| !one.missing.is_empty()).collect();
    while let Some(first) = denied.first() {
        let (leads_to, is_vital) = (first.need.leads_to, first.need.is_vital);
        let (same, others): (Vec<_>, Vec<_>) = denied
            .into_iter()
            .partition(|one| one.need.leads_to == leads_to);
        denied = others;
        let titles: Vec<_> = same.into_iter().map(|one| one.title()).collect();
        let severity = if is_vital {
            Severity::Error
        } else {
            Severity::Warning
        };
        let message = format!("may not {}", titles.join(", "));
        notes
            .problem(severity, place.to_owned(), message)
            .leads_to(leads_to)
            .help("grant it, as the manifests do")
            .command(format!("kubectl apply -f {}", purpose.manifest()));
    }
}
