//! The text of a refusal: what the person at `kubectl apply` reads, so every error with its place,
//! its mend and the page that explains it.

use std::fmt::Write as _;

use meshcheck_rules::{Finding, Location};
use serde_json::Value;

use crate::decide::Subject;
use crate::glass::{ANNOTATION, Glass};
use crate::text;

/// Of the message of one error.
const MESSAGE_CHARS: usize = 1000;
/// What is beyond these is counted.
const MOST_ERRORS: usize = 40;

/// All errors in one text.
pub(super) fn text(subject: &Subject<'_>, errors: &[&Finding], glass: &Glass<'_>) -> String {
    let noun = if errors.len() == 1 { "error" } else { "errors" };
    let mut text = format!(
        "{} has {} {noun}:",
        text::clean(&subject.title),
        errors.len()
    );
    for finding in errors.iter().take(MOST_ERRORS) {
        text.push_str(&one(subject.object, finding));
    }
    if let Some(rest @ 1..) = errors.len().checked_sub(MOST_ERRORS) {
        write!(text, "\n- {rest} more").expect("a string takes every write");
    }
    if let Some(way_out) = way_out(errors, glass) {
        write!(text, "\n{ANNOTATION} {way_out}").expect("a string takes every write");
    }
    text
}

/// What there is to say of the annotation for emergencies.
fn way_out(errors: &[&Finding], glass: &Glass<'_>) -> Option<String> {
    match glass {
        Glass::None => None,
        Glass::Void(why) => Some(format!("does not count: {}", text::clean(why))),
        // What is left of the errors are those that it does not cover.
        Glass::Broken(_) => {
            let text = "counts, but the policy forbids it for what is refused here";
            Some(text.to_owned())
        }
        Glass::Offered(forbid) => {
            let covers = !errors.iter().any(|error| forbid.contains(error.rule));
            let text = "with a reason lets it pass in an emergency: it is told, counted and logged";
            covers.then(|| text.to_owned())
        }
    }
}

fn one(object: &Value, finding: &Finding) -> String {
    let message = text::cut(&text::clean(&finding.message), MESSAGE_CHARS);
    let mut text = format!(
        "\n- {message}\n  at {}\n",
        text::clean(&place(object, &finding.at))
    );
    if let Some(fix) = &finding.fix {
        let title = text::clean(&fix.title);
        writeln!(text, "  fix: {title}").expect("a string takes every write");
    }
    write!(text, "  more: kubectl meshcheck explain {}", finding.rule)
        .expect("a string takes every write");
    text
}

/// The pointer, and the container that it leads into: nobody counts containers.
fn place(object: &Value, at: &Location) -> String {
    let mut place = match at.pointer.as_str() {
        "" => "the object itself".to_owned(),
        pointer => pointer.to_owned(),
    };
    if let Some(inner) = &at.inner {
        write!(place, ", inside the text: {inner}").expect("a string takes every write");
    }
    if let Some(name) = container(object, at) {
        write!(place, " (container {name})").expect("a string takes every write");
    }
    place
}

fn container<'a>(object: &'a Value, at: &Location) -> Option<&'a str> {
    let mut node = object;
    let mut list = String::new();
    for token in at.pointer.tokens() {
        node = match node {
            Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
            other => other.get(&token)?,
        };
        if matches!(list.as_str(), "containers" | "initContainers") {
            return node.get("name")?.as_str();
        }
        list = token;
    }
    None
}
