use crate::engine::Context;
use crate::rule::{Findings, declare_rule};
use crate::rules::EVERY_KIND;
use crate::suppress::Standing;

declare_rule! {
    id: "ignore-without-reason",
    summary: "an ignore does not say why, and so does nothing",
    severity: Warning,
    since: "0.1.0",
    kinds: EVERY_KIND,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for entry in &cx.ignores().entries {
        if let Standing::NoReason(rule) = entry.standing {
            let message = format!(
                "{} gives no reason, so it ignores nothing: write `{rule}: REASON`",
                entry.shown()
            );
            out.report(entry.node.key(), message);
        }
    }
}
