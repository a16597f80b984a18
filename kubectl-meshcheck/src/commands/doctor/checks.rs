//! What is looked at, in the order in which it is told.

use super::diagnosis::{Check, Notes};
use super::snapshot::Snapshot;

mod ca_bundle;
mod certificate;
mod endpoints;
mod failure_policy;
mod installed;
mod kinds;
mod leftovers;
mod namespaces;
mod order;
mod permissions;
mod pods;
mod reachability;
mod replicas;
mod service;
mod timeouts;
mod versions;

/// All of it.
pub(super) const CHECKS: &[Check] = &[
    check("installed", installed::check),
    check("service", service::check),
    check("endpoints", endpoints::check),
    check("replicas", replicas::check),
    check("pods", pods::check),
    check("permissions", permissions::check),
    check("certificate", certificate::check),
    check("ca-bundle", ca_bundle::check),
    check("reachability", reachability::check),
    check("timeouts", timeouts::check),
    check("failure-policy", failure_policy::check),
    check("namespaces", namespaces::check),
    check("order", order::check),
    check("kinds", kinds::check),
    check("versions", versions::check),
    check("leftovers", leftovers::check),
];

const fn check(id: &'static str, run: fn(&Snapshot, &mut Notes)) -> Check {
    Check { id, run }
}

/// What becomes of objects while the webhook cannot be reached.
const fn while_away(fails_closed: bool) -> &'static str {
    if fails_closed {
        "with failurePolicy Fail, everything that it is asked about is refused"
    } else {
        "with failurePolicy Ignore, everything passes, and nobody is told"
    }
}
