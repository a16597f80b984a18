use serde_json::Value;

use crate::engine::Context;
use crate::object::Object;
use crate::rule::{Findings, declare_rule};
use crate::rules::{self, EVERY_KIND};
use crate::suppress::{ANNOTATION, Entry, Standing, Stray};
use crate::words;

declare_rule! {
    id: "ignore-unused",
    summary: "an ignore ignores nothing",
    severity: Warning,
    since: "0.1.0",
    kinds: EVERY_KIND,
    fix: None,
    check: check,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    let ignores = cx.ignores();
    for entry in &ignores.entries {
        if let Some(why) = why_unused(entry, cx) {
            let message = format!("{} ignores nothing: {why}", entry.shown());
            out.report(entry.node.key(), message);
        }
    }
    for stray in &ignores.strays {
        out.report(stray.node.key(), stray_message(stray));
    }
}

/// Why an entry does nothing, where no other rule says it.
fn why_unused(entry: &Entry<'_>, cx: &Context<'_>) -> Option<String> {
    let why = match entry.standing {
        Standing::Over(_) | Standing::NoReason(_) => return None,
        Standing::Active { rule, .. } => return why_not_needed(entry, rule, cx),
        Standing::NoRule("") => "it names no rule".to_owned(),
        Standing::NoRule(name) => rules::no_such(name),
        Standing::NoDate(day) => format!("`{day}` is no date such as 2027-01-31"),
        Standing::Unreadable => {
            "between the rule and the colon there can be `until DATE` and nothing else".to_owned()
        }
        Standing::Unignorable(rule) => format!("`{rule}` cannot be ignored"),
        Standing::Forbidden(rule) => format!("the policy forbids to ignore `{rule}`"),
    };
    Some(why)
}

fn why_not_needed(entry: &Entry<'_>, rule: &str, cx: &Context<'_>) -> Option<String> {
    // A rule that did not run says nothing about who needs an ignore; neither does a Pod of an
    // annotation that it has from its Deployment.
    if entry.used.get() || !cx.runs(rule) || is_made(cx.object) {
        return None;
    }
    let looks = rules::find(rule).is_some_and(|rule| rule.looks_at(cx.object));
    if looks {
        return Some(format!("`{rule}` finds nothing here"));
    }
    Some(format!(
        "`{rule}` does not look at a {}",
        cx.object.kind_name()
    ))
}

/// Whether a controller made the object from another one.
fn is_made(object: &Object<'_>) -> bool {
    let metadata = object.root.get("metadata");
    let mut owners = metadata
        .iter()
        .flat_map(|metadata| metadata.items("ownerReferences"));
    owners.any(|owner| owner.value().get("controller") == Some(&Value::Bool(true)))
}

fn stray_message(stray: &Stray<'_>) -> String {
    if stray.is_misplaced {
        return format!(
            "`{ANNOTATION}` ignores nothing here: it belongs into the annotations of the object or \
             of its pod template"
        );
    }
    let name = words::quoted(stray.name);
    format!("annotation {name} ignores nothing: the name is `{ANNOTATION}`")
}
