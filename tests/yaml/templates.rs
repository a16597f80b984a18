//! Templates are named as such.

use meshcheck_rules::yaml::ProblemKind;
use serde_json::json;

use super::{files, place, problem, read, value};

#[test]
fn a_template_is_told_with_its_first_directive() {
    let cases = [
        ("{{- if .Values.on }}\na: 1\n{{- end }}\n", 1, 1),
        ("a: 1\nb: {{ .Values.b }}\n", 2, 4),
        ("a: {{ .Values.b }}-c\n", 1, 4),
        ("# {{ no }}\na: '{{ no }}'\n{{- toYaml .x }}\nb: 1\n", 3, 1),
        ("a: \"{{ include \"b\" . }}\"\n", 1, 5),
        ("a:\n{% if x %}\n  b: 1\n{% endif %}\n", 2, 1),
        ("#@ if x:\na: [\n", 1, 1),
        ("- {{ range .list }}\n- {{ . }}\n", 1, 3),
    ];
    for (text, line, column) in cases {
        assert_eq!(
            place(&problem(text)),
            (ProblemKind::Template, line, column),
            "{text:?}"
        );
    }
}

#[test]
fn the_advice_names_the_renderer() {
    assert!(problem("a: {{ .b }}\n").message.contains("helm template"));
    assert!(problem("#@ if x:\na: [\n").message.contains("ytt"));
}

#[test]
fn what_only_holds_a_directive_as_text_is_no_template() {
    assert_eq!(value("a: '{{ b }}'\n"), json!({"a": "{{ b }}"}));
    assert_eq!(value("a: x-{{ b }}\n"), json!({"a": "x-{{ b }}"}));
    assert_eq!(value("a: |\n  {{ b }}\n"), json!({"a": "{{ b }}\n"}));
    assert_eq!(value("#@ if x:\na: 1\n#@ end\n"), json!({"a": 1}));
    assert_eq!(value("a: {b: {c: 1}}\n"), json!({"a": {"b": {"c": 1}}}));
}

#[test]
fn a_fault_beside_quoted_directives_is_a_fault() {
    let found = problem("a: '{{ b }}'\nc: |\n  {{ d }}\ne: [1\n");
    assert_eq!(place(&found), (ProblemKind::Syntax, 4, 4));
}

#[test]
fn a_template_hides_no_other_document() {
    let stream = read("a: 1\n---\n{{ b }}: 2\n---\nc: 3\n");
    assert_eq!(stream.documents.len(), 2);
    assert_eq!(stream.problems[0].document, Some(1));
}

/// Every manifest of the corpus that cannot be read is a template.
#[test]
fn real_manifests_are_read_or_are_templates() {
    for (path, bytes) in files::manifests() {
        let text = String::from_utf8(bytes).expect("the corpus is UTF-8");
        for problem in read(&text).problems {
            let (path, kind) = (path.display(), problem.kind);
            assert_eq!(kind, ProblemKind::Template, "{path}: {problem:?}");
        }
    }
}
