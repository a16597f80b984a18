//! The YAML reader against what kubectl makes of the same text, and against itself.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]

#[path = "yaml/broken.rs"]
mod broken;
#[path = "yaml/bytes.rs"]
mod bytes;
#[path = "yaml/documents.rs"]
mod documents;
#[path = "yaml/files.rs"]
mod files;
#[path = "yaml/inner.rs"]
mod inner;
#[path = "yaml/limits.rs"]
mod limits;
#[path = "yaml/places.rs"]
mod places;
#[path = "yaml/recorded.rs"]
mod recorded;
#[path = "yaml/shortcuts.rs"]
mod shortcuts;
#[path = "yaml/templates.rs"]
mod templates;

use meshcheck_rules::yaml::{Options, Problem, ProblemKind, Stream};
use meshcheck_rules::{Location, Part, Pointer};
use serde_json::Value;

fn read(text: &str) -> Stream {
    Stream::read(text.as_bytes(), &Options::default())
}

/// The only document of a text that holds nothing else.
fn value(text: &str) -> Value {
    let mut stream = read(text);
    assert_eq!(stream.problems, [], "{text}");
    assert_eq!(stream.documents.len(), 1, "{text}");
    stream.documents.remove(0).value
}

/// The only problem of a text without a document.
fn problem(text: &str) -> Problem {
    let mut stream = read(text);
    assert!(
        stream.documents.is_empty(),
        "{text}: {:?}",
        stream.documents
    );
    assert_eq!(stream.problems.len(), 1, "{text}: {:?}", stream.problems);
    stream.problems.remove(0)
}

/// A problem in short: kind, line, column.
fn place(problem: &Problem) -> (ProblemKind, usize, usize) {
    let at = problem.at.expect("a place");
    (problem.kind, at.line, at.column)
}

fn location(pointer: &str, part: Part) -> Location {
    Location {
        pointer: Pointer::parse(pointer).expect("a pointer"),
        part,
        inner: None,
    }
}

/// Every pointer of a value, the root first.
fn pointers(value: &Value) -> Vec<Pointer> {
    let mut found = Vec::new();
    collect(value, Pointer::root(), &mut found);
    found
}

fn collect(value: &Value, at: Pointer, found: &mut Vec<Pointer>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                collect(value, at.join(key), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, at.join(&index.to_string()), found);
            }
        }
        _ => {}
    }
    found.push(at);
}
