use crate::engine::Context;
use crate::rule::{Findings, declare_rule};
use crate::rules::EVERY_KIND;
use crate::suppress::{Standing, over_since};

declare_rule! {
    id: "ignore-expired",
    summary: "an ignore is past its last day and does nothing any more",
    severity: Warning,
    since: "0.1.0",
    kinds: EVERY_KIND,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for entry in &cx.ignores().entries {
        if let Standing::Over(last) = entry.standing {
            let message = format!("{} {}", entry.shown(), over_since(last, cx.as_of));
            out.report(entry.node.key(), message);
        }
    }
}
