//! JSON patches as edits of a file's text: law 7, and what people expect of an edited file.

#[path = "edit/brackets.rs"]
mod brackets;
#[path = "edit/embedded.rs"]
mod embedded;
#[path = "edit/files.rs"]
mod files;
#[path = "edit/fixes.rs"]
mod fixes;
#[path = "edit/items.rs"]
mod items;
#[path = "edit/law.rs"]
mod law;
#[path = "edit/members.rs"]
mod members;
#[path = "edit/refusals.rs"]
mod refusals;
#[path = "edit/scalars.rs"]
mod scalars;

use json_patch::Patch;
use meshcheck_rules::yaml::edit::{DocumentEdit, Edited, apply};
use meshcheck_rules::yaml::{Options, Stream};
use serde_json::{Value, json};

fn add(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "add", "path": path, "value": value.into()})
}

fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": path, "value": value.into()})
}

fn remove(path: &str) -> Value {
    json!({"op": "remove", "path": path})
}

/// Edits one document of a text.
fn edit(text: &str, document: usize, operations: &[Value]) -> Edited {
    let options = Options::default();
    let stream = Stream::read(text.as_bytes(), &options);
    assert_eq!(stream.problems, [], "{text}");
    let patch: Patch = serde_json::from_value(operations.into()).expect("a patch");
    let edit = DocumentEdit {
        document: &stream.documents[document],
        patch: &patch,
    };
    apply(&stream, &[edit], &options)
}

/// The first document of `before` becomes `after`; the line break after the opening quote does not
/// count.
#[track_caller]
fn check(before: &str, operations: &[Value], after: &str) {
    let before = before.strip_prefix('\n').unwrap_or(before);
    let after = after.strip_prefix('\n').unwrap_or(after);
    let edited = edit(before, 0, operations);
    assert!(edited.refused.is_empty(), "{:?}", edited.refused);
    assert!(
        edited.text == after,
        "expected:\n{after}\ngot:\n{}",
        edited.text
    );
}
