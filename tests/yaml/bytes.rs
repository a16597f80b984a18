//! Encodings, and bytes that are no text.

use meshcheck_rules::yaml::{Encoding, Options, ProblemKind, Stream};
use serde_json::json;

use super::{place, problem};

fn read(bytes: &[u8]) -> Stream {
    Stream::read(bytes, &Options::default())
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let marked = format!("\u{feff}{text}");
    marked.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn every_encoding_of_kubectl_is_read() {
    let text = "a: é😀\n---\nb: 1\n";
    let with_bom = format!("\u{feff}{text}").into_bytes();
    let cases = [
        (text.as_bytes().to_vec(), Encoding::Utf8 { bom: false }),
        (with_bom, Encoding::Utf8 { bom: true }),
        (utf16(text, u16::to_le_bytes), Encoding::Utf16Le),
        (utf16(text, u16::to_be_bytes), Encoding::Utf16Be),
    ];
    for (bytes, encoding) in cases {
        let stream = read(&bytes);
        assert_eq!(stream.encoding, encoding);
        assert_eq!(stream.text, text);
        assert_eq!(stream.problems, []);
        let values: Vec<_> = stream.documents.iter().map(|d| &d.value).collect();
        assert_eq!(values, [&json!({"a": "é😀"}), &json!({"b": 1})]);
    }
}

#[test]
fn bytes_that_are_no_text_have_a_place() {
    let cases: [(&[u8], usize, usize); 6] = [
        (b"a: 1\nb: \xc3\xa9\xff\n", 2, 5),
        (b"a: 1\nb: \xe2\x82", 2, 4),
        (b"\xff\xfea\0:\0 \0\x00\xd8b\0", 1, 4),
        (b"\xff\xfea\0:\0 \0b", 1, 4),
        (b"a\0:\0 \0b\0", 1, 1),
        (b"\xff\xfe\0\0a\0\0\0", 1, 1),
    ];
    for (bytes, line, column) in cases {
        let stream = read(bytes);
        assert!(stream.documents.is_empty());
        assert_eq!(stream.problems.len(), 1, "{bytes:?}");
        assert_eq!(stream.problems[0].document, None);
        assert_eq!(
            place(&stream.problems[0]),
            (ProblemKind::Encoding, line, column)
        );
    }
}

#[test]
fn control_characters_are_named() {
    let found = problem("a: 1\nb: é\0c\n");
    assert_eq!(place(&found), (ProblemKind::Syntax, 2, 5));
    assert_eq!(found.message, "control character U+0000 is not allowed");
    let found = problem("a: \"\u{7}\"\n");
    assert_eq!(place(&found), (ProblemKind::Syntax, 1, 5));
}

#[test]
fn control_characters_spoil_one_document_only() {
    let stream = read(b"a: 1\n---\nb: \0\n---\nc: 3\n");
    let indexes: Vec<_> = stream.documents.iter().map(|d| d.index).collect();
    assert_eq!(indexes, [0, 2]);
    assert_eq!(stream.problems[0].document, Some(1));
}
