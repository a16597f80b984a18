//! Whole files: line ends, encodings, several documents, differences.

use std::io::Write as _;
use std::process::{Command, Stdio};

use json_patch::Patch;
use kubectl_meshcheck::diff::unified_diff;
use meshcheck_rules::yaml::edit::{DocumentEdit, apply, encode};
use meshcheck_rules::yaml::{Encoding, Options, Stream};
use serde_json::json;

use crate::{add, check, edit, remove, replace};

#[test]
fn carriage_returns_stay() {
    check(
        "a:\r\n  b: 1 # x\r\n  c:\r\n  - x\r\n  d: |\r\n    one\r\n    two\r\n",
        &[
            add("/a/e", json!({"f": ["g\nh\n"]})),
            replace("/a/b", 2),
            add("/a/c/-", "y"),
            replace("/a/d", "one\nthree\n"),
        ],
        "a:\r\n  b: 2 # x\r\n  c:\r\n  - x\r\n  - \"y\"\r\n  d: |\r\n    one\r\n    three\r\n  e:\r\n    \
         f:\r\n    - |\r\n      g\r\n      h\r\n",
    );
    check(
        "{\r\n  \"a\": 1\r\n}\r\n",
        &[add("/b", json!({"c": 1}))],
        "{\r\n  \"a\": 1,\r\n  \"b\": {\r\n    \"c\": 1\r\n  }\r\n}\r\n",
    );
}

#[test]
fn file_without_final_line_break() {
    let before = "a:\n  b: 1\n  c:\n  - x";
    check(
        before,
        &[add("/a/c/-", "z")],
        "a:\n  b: 1\n  c:\n  - x\n  - z",
    );
    check(
        before,
        &[add("/a/d", json!([1]))],
        "a:\n  b: 1\n  c:\n  - x\n  d:\n  - 1",
    );
    check(before, &[remove("/a/c/0")], "a:\n  b: 1\n  c: []");
    check(before, &[remove("/a/c")], "a:\n  b: 1");
    check(before, &[replace("/a/c/0", "z")], "a:\n  b: 1\n  c:\n  - z");
    // Here the line break is part of the value.
    check(
        "a:\n  b: 1",
        &[add("/a/c", "x\n")],
        "a:\n  b: 1\n  c: |\n    x\n",
    );
}

const THREE: &str = "# first\n\n---\na: 1 # one\n---\n# second\nb:   [1,  2]\n...\n---\nc: 3";

#[test]
fn other_documents_are_untouched() {
    let edited = edit(THREE, 0, &[replace("/a", 2)]);
    assert_eq!(edited.text, THREE.replace("a: 1", "a: 2"));
    let edited = edit(THREE, 2, &[add("/d", 2)]);
    assert_eq!(edited.text, THREE.replace("c: 3", "c: 3\nd: 2"));
}

#[test]
fn several_documents_at_once() {
    let options = Options::default();
    let stream = Stream::read(THREE.as_bytes(), &options);
    let patches: Vec<Patch> = [
        json!([replace("/a", 2)]),
        json!([replace("/gone", 2)]),
        json!([remove("/c"), add("/d", "e")]),
    ]
    .into_iter()
    .map(|patch| serde_json::from_value(patch).unwrap())
    .collect();
    let edits: Vec<DocumentEdit<'_>> = stream
        .documents
        .iter()
        .zip(&patches)
        .map(|(document, patch)| DocumentEdit { document, patch })
        .collect();
    let edited = apply(&stream, &edits, &options);
    let expected = THREE.replace("a: 1", "a: 2").replace("c: 3", "d: e");
    assert_eq!(edited.text, expected);
    let refused: Vec<usize> = edited
        .refused
        .iter()
        .map(|refusal| refusal.document)
        .collect();
    assert_eq!(refused, [1]);
}

#[test]
fn encodings_survive() {
    let encodings = [
        Encoding::Utf8 { bom: false },
        Encoding::Utf8 { bom: true },
        Encoding::Utf16Le,
        Encoding::Utf16Be,
    ];
    let options = Options::default();
    for encoding in encodings {
        let bytes = encode("a: ü\nb: 1 # \u{1F600}\n", encoding);
        let stream = Stream::read(&bytes, &options);
        assert_eq!(stream.encoding, encoding);
        assert_eq!(encode(&stream.text, encoding), bytes);
        let patch: Patch = serde_json::from_value(json!([replace("/b", "ö")])).unwrap();
        let document = &stream.documents[0];
        let edited = apply(
            &stream,
            &[DocumentEdit {
                document,
                patch: &patch,
            }],
            &options,
        );
        assert_eq!(edited.text, "a: ü\nb: ö # \u{1F600}\n");
    }
}

#[test]
fn difference_as_text() {
    let before = "1\n2\n3\n4\n5\n6\n7\n8\n9";
    let after = "1\n2\n3\n4\nfive\n6\n7\n8\nnine";
    assert_eq!(unified_diff("./a/b.yaml", before, before), "");
    assert_eq!(
        unified_diff("./a/b.yaml", before, after),
        "--- a/a/b.yaml\n+++ b/a/b.yaml\n@@ -2,8 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n-9\n\
         \\ No newline at end of file\n+nine\n\\ No newline at end of file\n",
    );
}

/// The difference is for `git apply`, whatever the file is called and however its lines end.
#[test]
fn difference_can_be_applied() {
    let texts = [
        ("a: 1\n", "a: 2\n"),
        ("a: 1", "a: 2\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\r\nb: 3"),
        ("", "a: 1\n"),
        ("a\rb: 1\nc\n", "a\rb: 2\nc\n"),
    ];
    for name in [
        "plain.yaml",
        "with blank.yaml",
        "quo\"te.yaml",
        "ü.yaml",
        "sub/x.yaml",
    ] {
        for (before, after) in texts {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, before).unwrap();
            let mut git = Command::new("git")
                .args(["apply", "-"])
                .current_dir(folder.path())
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let diff = unified_diff(name, before, after);
            git.stdin
                .take()
                .unwrap()
                .write_all(diff.as_bytes())
                .unwrap();
            assert!(git.wait().unwrap().success(), "{name}\n{diff}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
        }
    }
}
