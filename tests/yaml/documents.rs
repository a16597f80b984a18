//! Which documents a text holds, and where.

use serde_json::json;

use super::{read, value};

/// Index and content of each document.
fn documents(text: &str) -> Vec<(usize, String)> {
    let stream = read(text);
    assert_eq!(stream.problems, [], "{text:?}");
    stream
        .documents
        .into_iter()
        .map(|document| (document.index, document.value.to_string()))
        .collect()
}

/// Counted as `PyYAML`'s `compose_all` counts.
#[test]
fn every_document_counts() {
    let cases: [(&str, &[&str]); 19] = [
        ("", &[]),
        ("\n# only a comment\n", &[]),
        ("...\n", &[]),
        ("---\n", &["null"]),
        ("---", &["null"]),
        ("--- # comment\n", &["null"]),
        ("--- # comment\na: 1\n", &[r#"{"a":1}"#]),
        ("# comment\n---\na: 1\n", &[r#"{"a":1}"#]),
        ("a: 1\n---\n", &[r#"{"a":1}"#, "null"]),
        ("---\n---\n---\n", &["null", "null", "null"]),
        ("a: 1\n...\n", &[r#"{"a":1}"#]),
        ("a: 1\n...\n# comment\n...\n", &[r#"{"a":1}"#]),
        ("a: 1\n...\nb: 2\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
        ("a: 1\n...\n---\nb: 2\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
        (
            "--- a\n--- 'b'\n--- |\n c\n",
            &[r#""a""#, r#""b""#, r#""c\n""#],
        ),
        ("--- {a: 1}\n--- [1]\n", &[r#"{"a":1}"#, "[1]"]),
        (
            "%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\n",
            &[r#"{"a":1}"#, "null"],
        ),
        (
            "a: |\n  ---\n  b\n---\nc: '---'\n",
            &[r#"{"a":"---\nb\n"}"#, r#"{"c":"---"}"#],
        ),
        ("---a: 1\n----\n", &[]),
    ];
    for (text, expected) in &cases[..18] {
        let found = documents(text);
        let expected: Vec<_> = expected
            .iter()
            .map(|v| (*v).to_owned())
            .enumerate()
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }
    let (not_a_marker, _) = cases[18];
    assert_eq!(
        read(not_a_marker).documents.len() + read(not_a_marker).problems.len(),
        1
    );
}

#[test]
fn a_document_knows_its_bytes() {
    let text = "# head\n--- # one\na: 1\n--- {b: 2}\n...\n---\n\nc: 3";
    let stream = read(text);
    let bodies: Vec<_> = stream
        .documents
        .iter()
        .map(|d| &stream.text[d.bytes.clone()])
        .collect();
    assert_eq!(bodies, ["a: 1\n", "{b: 2}\n", "\nc: 3"]);
}

#[test]
fn line_ends_do_not_matter() {
    let text = "a: 1\nb:\n  - x\n  - |\n    y\n    z\n---\nc: \"d\"\n";
    let expected = documents(text);
    assert_eq!(expected.len(), 2);
    for ending in ["\r\n", "\r"] {
        assert_eq!(
            documents(&text.replace('\n', ending)),
            expected,
            "{ending:?}"
        );
    }
    assert_eq!(documents(text.trim_end()), expected);
}

#[test]
fn json_is_read_as_kubectl_reads_it() {
    let text = "{\n\t\"a\": [1, 2.0, 1e2, true, null],\n\t\"b\"\n: \"\\ud83d\\ude00\\/\"\n}\n";
    assert_eq!(
        value(text),
        json!({"a": [1, 2, 100, true, null], "b": "😀/"})
    );
    assert_eq!(value("{\"a\": 1, \"a\": 2}"), json!({"a": 2}));
}

#[test]
fn json_objects_may_follow_each_other() {
    let text = "{\"a\": 1}\n\n{\"b\": 2} {\n \"c\": [}\n---\n{\"d\": 4}\n{\"e\": 5}\n";
    let stream = read(text);
    let found: Vec<_> = stream
        .documents
        .iter()
        .map(|d| (d.index, d.value.to_string()))
        .collect();
    let expected = [
        (0, r#"{"a":1}"#),
        (1, r#"{"b":2}"#),
        (3, r#"{"d":4}"#),
        (4, r#"{"e":5}"#),
    ];
    assert_eq!(
        found,
        expected.map(|(index, value)| (index, value.to_owned()))
    );
    assert_eq!(stream.problems.len(), 1);
    assert_eq!(stream.problems[0].document, Some(2));
    assert_eq!(stream.problems[0].at.expect("a place").line, 4);
    assert_eq!(
        stream.text[stream.documents[1].bytes.clone()].trim(),
        "{\"b\": 2}"
    );
}

#[test]
fn tabs_inside_of_values_are_text() {
    assert_eq!(value("a: |\n  x\ty\n  \tz\n"), json!({"a": "x\ty\n\tz\n"}));
    assert_eq!(value("a: x\ty\n"), json!({"a": "x\ty"}));
}

#[test]
fn an_address_in_a_list_stays_text() {
    assert_eq!(
        value("[1.2.3.4, 001:db8::]"),
        json!(["1.2.3.4", "001:db8::"])
    );
}

#[test]
fn long_lines_and_large_files_are_read() {
    let long = "x".repeat(100_000);
    assert_eq!(
        value(&format!("a: {long}\nb: '{long}'\n")),
        json!({"a": long, "b": long})
    );
    let many = "- name: object\n  text: some more text\n".repeat(60_000);
    assert!(many.len() > 2_000_000);
    assert_eq!(value(&many).as_array().map(Vec::len), Some(60_000));
}

/// As kubectl reads them: a line break that is not there is not added.
#[test]
fn a_block_at_the_end_of_a_file_ends_as_the_file_does() {
    for (text, expected) in [
        ("a: |\n  x", "x"),
        ("a: |\n  x\n", "x\n"),
        ("a: >+\n  x\n\n", "x\n\n"),
        ("a: |\n  x\n    ", "x\n  "),
        ("a: |-\n  x", "x"),
        ("a: |\n  x\n  ", "x\n"),
    ] {
        assert_eq!(value(text), json!({"a": expected}), "{text:?}");
    }
    assert_eq!(value("# c\n|\n\n  x\n"), json!("\nx\n"));
    let first = &read("a: |\n  x\n---\nb: 1").documents[0].value;
    assert_eq!(first, &json!({"a": "x\n"}));
}
