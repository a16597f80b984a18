//! Documents that cannot be read.

use meshcheck_rules::yaml::ProblemKind;
use serde_json::json;

use super::{place, problem, read};

#[test]
fn the_fault_has_its_place() {
    let cases = [
        ("a: b: c\n", 1, 5),
        ("é: [1, {b: ü\n", 1, 8),
        ("a: 1\n b: 2\n", 2, 3),
        ("a: @x\n", 1, 4),
        ("a: *unknown\n", 1, 4),
        ("a: &x [1, *x]\n", 1, 11),
        ("a:\n  - 1\n  b: 2\n", 3, 3),
        ("a: 1\n{b: 2}: 3\n", 2, 1),
        ("a: 1\n~: 2\n", 2, 1),
        ("a: 1\n<<: 2\n", 2, 5),
        ("a: .inf\n", 1, 4),
        ("a: !!int x\n", 1, 10),
        ("\u{1F600}: [}\n", 1, 4),
    ];
    for (text, line, column) in cases {
        assert_eq!(
            place(&problem(text)),
            (ProblemKind::Syntax, line, column),
            "{text:?}"
        );
    }
}

#[test]
fn a_broken_document_hides_no_other() {
    let broken = [
        "a: [1, 2\n",
        "a: 'b\n",
        "a: \"b\n",
        "a: b: c\n",
        "a: {\n",
        "\tx\n- a\nb: 1\n",
        "%NO\n",
        "a: |\n    x\n  y\n",
    ];
    for middle in broken {
        let text = format!("first: 1\n---\n{middle}---\n---\nlast: é\n");
        let stream = read(&text);
        let found: Vec<_> = stream
            .documents
            .iter()
            .map(|d| (d.index, &d.value))
            .collect();
        let expected = [
            (0, &json!({"first": 1})),
            (2, &json!(null)),
            (3, &json!({"last": "é"})),
        ];
        assert_eq!(found, expected, "{middle:?}");
        assert_eq!(stream.problems.len(), 1, "{middle:?}");
        assert_eq!(stream.problems[0].document, Some(1), "{middle:?}");
        let at = stream.problems[0].at.expect("a place");
        assert!((3..=6).contains(&at.line), "{middle:?}: {at:?}");
    }
}

#[test]
fn messages_are_lower_case_without_full_stop() {
    for text in [
        "a: [1", "a: 'b", "a: b: c", "a: *x", "a: \0", "{{ a }}", "a: .inf",
    ] {
        let message = problem(text).message;
        let first = message.chars().next().expect("a message");
        assert!(
            !first.is_uppercase() && !message.ends_with('.'),
            "{message}"
        );
    }
}
