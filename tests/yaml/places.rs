//! Where nodes stand.

use meshcheck_rules::Part;
use meshcheck_rules::yaml::Options;
use serde_json::Value;

use super::{files, location, pointers, read, value};

/// The text at a location, and where it is defined if that is elsewhere.
fn found(text: &str, pointer: &str, part: Part) -> (String, Option<String>) {
    let stream = read(text);
    assert_eq!(stream.problems, [], "{text}");
    let spans = stream.documents[0].spans(&stream.text, &Options::default());
    let located = spans.locate(&location(pointer, part));
    let slice = |span: meshcheck_rules::yaml::Span| stream.text[span.bytes].to_owned();
    (slice(located.span), located.defined_at.map(slice))
}

fn here(text: &str, pointer: &str, part: Part) -> String {
    let (text, elsewhere) = found(text, pointer, part);
    assert_eq!(elsewhere, None);
    text
}

const MANIFEST: &str = "\
a:
- b   # c
-   k: |

     x
     y

  # c

    f: >-

      z
flow: [1,
 {m: 'n'}]
none:
explicit: !!str
? long
: value
é: \"q\"  # c

# the end
";

#[test]
fn key_value_and_both() {
    let is = |pointer, part, expected: &str| assert_eq!(here(MANIFEST, pointer, part), expected);
    is("/a/0", Part::Whole, "b");
    is("/a/0", Part::Key, "b");
    is("/a/1/k", Part::Key, "k");
    is("/a/1/k", Part::Value, "|\n\n     x\n     y");
    is("/a/1/f", Part::Whole, "f: >-\n\n      z");
    is(
        "/a/1",
        Part::Whole,
        "k: |\n\n     x\n     y\n\n  # c\n\n    f: >-\n\n      z",
    );
    is("/flow", Part::Value, "[1,\n {m: 'n'}]");
    is("/flow/1/m", Part::Whole, "m: 'n'");
    is("/none", Part::Whole, "none:");
    is("/none", Part::Value, "");
    is("/explicit", Part::Whole, "explicit: !!str");
    is("/long", Part::Key, "long");
    is("/long", Part::Value, "value");
    is("/é", Part::Whole, "é: \"q\"");
}

#[test]
fn a_block_sequence_begins_at_its_dash() {
    assert!(here(MANIFEST, "/a", Part::Value).starts_with("- b   # c\n-   k: |"));
    assert_eq!(
        here("- - a\n  - b\n- c\n", "", Part::Value),
        "- - a\n  - b\n- c"
    );
    assert_eq!(here("- - a\n  - b\n- c\n", "/0", Part::Value), "- a\n  - b");
    assert_eq!(
        here("a: # c\n# -\n- # -\n  b\n", "/a", Part::Value),
        "- # -\n  b"
    );
}

#[test]
fn a_pointer_that_leads_nowhere_gives_the_key_above() {
    assert_eq!(here(MANIFEST, "/a/1/k/x/y", Part::Whole), "k");
    assert_eq!(here(MANIFEST, "/a/7", Part::Value), "a");
    assert_eq!(here(MANIFEST, "/flow/x", Part::Whole), "flow");
    assert_eq!(here(MANIFEST, "/missing/deeper", Part::Value), "a");
    assert_eq!(here("---\n", "/missing", Part::Whole), "");
}

#[test]
fn positions_count_characters() {
    let stream = read("x: 1\n---\n\"é😀\": [ü, b]\n");
    let spans = stream.documents[1].spans(&stream.text, &Options::default());
    let span = spans.locate(&location("/é😀/1", Part::Value)).span;
    assert_eq!((span.start.line, span.start.column), (3, 11));
    assert_eq!((span.end.line, span.end.column), (3, 12));
    assert_eq!(&stream.text[span.bytes], "b");
}

#[test]
fn an_alias_is_the_place_and_the_anchor_the_definition() {
    let text = "a: &x\n  b: 1\nc: *x\nd:\n  e: 2\n  <<: *x\n";
    let some = |text: &str| Some(text.to_owned());
    let is = |pointer, part| found(text, pointer, part);
    assert_eq!(is("/c", Part::Whole), ("c: *x".to_owned(), some("b: 1")));
    assert_eq!(is("/c", Part::Value), ("*x".to_owned(), some("b: 1")));
    assert_eq!(is("/c", Part::Key), ("c".to_owned(), None));
    assert_eq!(is("/c/b", Part::Value), ("*x".to_owned(), some("1")));
    assert_eq!(is("/d/b", Part::Whole), ("<<: *x".to_owned(), some("b: 1")));
    assert_eq!(is("/d/b", Part::Key), ("<<".to_owned(), some("b")));
    assert_eq!(is("/d/e", Part::Whole), ("e: 2".to_owned(), None));
}

#[test]
fn of_equal_keys_the_one_that_counts_is_found() {
    assert_eq!(here("a: 1\na: 2\n", "/a", Part::Value), "2");
    let merged = found("x: &x {a: 1}\nz:\n  a: 2\n  <<: *x\n", "/z/a", Part::Value);
    assert_eq!(merged, ("*x".to_owned(), Some("1".to_owned())));
    assert_eq!(
        here("x: &x {a: 1}\nz:\n  <<: *x\n  a: 2\n", "/z/a", Part::Value),
        "2"
    );
}

/// For every scalar of every manifest: what stands at its place, read alone, is its value again.
#[test]
fn a_place_holds_its_value() {
    let mut checked = 0;
    for (path, bytes) in files::manifests() {
        let text = String::from_utf8(bytes).expect("the corpus is UTF-8");
        let stream = read(&text);
        for document in &stream.documents {
            let spans = document.spans(&stream.text, &Options::default());
            for pointer in pointers(&document.value) {
                let node = document
                    .value
                    .pointer(pointer.as_str())
                    .expect("it is there");
                let located = spans.locate(&location(pointer.as_str(), Part::Value));
                let span = located.defined_at.unwrap_or(located.span);
                let written = &stream.text[span.bytes.clone()];
                let single =
                    !written.contains('\n') && !matches!(node, Value::Object(_) | Value::Array(_));
                if single {
                    checked += 1;
                    // Some texts are scalars only inside brackets: `[001:db8::]`.
                    let holds = &value(&format!("- {written}\n"))[0] == node
                        || &value(&format!("[{written}]\n"))[0] == node;
                    assert!(holds, "{}: {pointer}: {written}", path.display());
                }
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
}
