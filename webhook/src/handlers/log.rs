//! What the log says of a review: never an object, and never what a rule says of one.

use std::time::Instant;

use super::{Decided, list};
use crate::decide::Excuse;
use crate::judge::Webhook;
use crate::review::Request;
use crate::text::plain;
use crate::trace;

/// One line for each request; quiet where there was nothing to say.
pub(super) fn review(webhook: Webhook, request: &Request, decided: &Decided, started: Instant) {
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                webhook = webhook.as_str(),
                uid = plain(&request.uid),
                kind = plain(&request.kind.kind),
                namespace = plain(&request.namespace),
                name = plain(&request.name),
                operation = request.operation.as_str(),
                dry_run = request.dry_run,
                outcome = decided.outcome,
                reason = decided.reason,
                rules = decided.rules,
                suppressed = decided.suppressed,
                crashed = decided.crashed,
                seconds = started.elapsed().as_secs_f64(),
                trace_id = trace::id(),
                $message
            )
        };
    }
    match decided.outcome {
        "crashed" | "late" => line!(error, "let pass unchecked"),
        _ if decided.crashed.is_some() => line!(error, "checked, but not by all rules"),
        _ if decided.glass.is_some() => told_of_broken_glass(request, decided),
        "denied" | "patched" | "warned" | "advised" | "audited" => line!(info, "checked"),
        _ => line!(debug, "checked"),
    }
}

/// Whoever answers for the cluster is to see it: who, on what, and why.
fn told_of_broken_glass(request: &Request, decided: &Decided) {
    let by_glass = decided.decision.excused.iter();
    let by_glass = by_glass.filter(|(_, excuse)| *excuse == Excuse::BrokenGlass);
    let mut rules: Vec<_> = by_glass.map(|(rule, _)| *rule).collect();
    rules.dedup();
    tracing::warn!(
        uid = plain(&request.uid),
        kind = plain(&request.kind.kind),
        namespace = plain(&request.namespace),
        name = plain(&request.name),
        operation = request.operation.as_str(),
        dry_run = request.dry_run,
        outcome = decided.outcome,
        rules = list(&rules),
        user = plain(&request.user_info.username),
        reason = decided.glass.as_deref().map(plain),
        trace_id = trace::id(),
        "the glass was broken: errors pass"
    );
}
