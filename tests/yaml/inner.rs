//! Documents inside of strings.

use meshcheck_rules::yaml::{Options, ProblemKind, value_of};
use meshcheck_rules::{Location, Part, Pointer};
use serde_json::json;

use super::read;

/// The text at `inner`, in the string at `pointer` of the last document.
fn found(text: &str, pointer: &str, inner: &str, part: Part) -> (usize, usize, String) {
    let stream = read(text);
    let document = stream.documents.last().expect("a document");
    let spans = document.spans(&stream.text, &Options::default());
    let located = spans.locate(&Location {
        pointer: Pointer::parse(pointer).expect("a pointer"),
        part,
        inner: Pointer::parse(inner),
    });
    let start = located.span.start;
    (
        start.line,
        start.column,
        stream.text[located.span.bytes].to_owned(),
    )
}

#[test]
fn a_literal_block_gives_the_exact_place() {
    let text = "x: 1\n---\ndata:\n  mesh: |-\n\n    # note\n    a:\n      b: yes\n    c: é\n";
    let is = |inner, part| found(text, "/data/mesh", inner, part);
    assert_eq!(is("/a/b", Part::Whole), (8, 7, "b: yes".to_owned()));
    assert_eq!(is("/a/b", Part::Key), (8, 7, "b".to_owned()));
    assert_eq!(is("/a/b", Part::Value), (8, 10, "yes".to_owned()));
    assert_eq!(is("/c", Part::Value), (9, 8, "é".to_owned()));
    assert_eq!(is("/a", Part::Whole), (7, 5, "a:\n      b: yes".to_owned()));
    assert_eq!(is("/a/missing", Part::Whole), (7, 5, "a".to_owned()));
}

#[test]
fn indentation_digits_and_line_ends_are_seen_through() {
    let text = "data: |2+ # header\r\n   a: 1\r\n     \r\n   b: 2\r\n\r\nafter: 1\r\n";
    assert_eq!(
        found(text, "/data", "/b", Part::Whole),
        (4, 4, "b: 2".to_owned())
    );
    let json = "- |\n  {\"a\": {\n    \"b\": [1, 2]}}\n";
    assert_eq!(
        found(json, "/0", "/a/b/1", Part::Value),
        (3, 14, "2".to_owned())
    );
}

#[test]
fn other_styles_give_the_whole_scalar() {
    let quoted = "data: '{a: 1}'\n";
    assert_eq!(
        found(quoted, "/data", "/a", Part::Value),
        (1, 7, "'{a: 1}'".to_owned())
    );
    let folded = "data: >\n  {a: 1}\n";
    assert_eq!(
        found(folded, "/data", "/a", Part::Value),
        (1, 7, ">\n  {a: 1}".to_owned())
    );
    let broken = "data: |\n  {a: 1\n";
    assert_eq!(
        found(broken, "/data", "/a", Part::Key),
        (1, 1, "data".to_owned())
    );
}

#[test]
fn strings_are_read_as_documents() {
    assert_eq!(value_of("a: yes\n"), Ok(json!({"a": true})));
    assert_eq!(value_of("{\"a\": [1]}"), Ok(json!({"a": [1]})));
    assert_eq!(value_of(""), Ok(json!(null)));
    assert_eq!(value_of("# nothing\n"), Ok(json!(null)));
    assert_eq!(value_of("a: 1\n---\nb: [\n"), Ok(json!({"a": 1})));
    assert_eq!(
        value_of("a: [\n").map_err(|p| p.kind),
        Err(ProblemKind::Syntax)
    );
    assert_eq!(
        value_of("a: {{ b }}\n").map_err(|p| p.kind),
        Err(ProblemKind::Template)
    );
}
