//! Random edits of real manifests: never a wrong text, hardly a refusal, no comment lost.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use json_patch::{Patch, PatchOperation};
use meshcheck_rules::finding::{Location, Part, Pointer};
use meshcheck_rules::yaml::edit::{DocumentEdit, Edited, Refusal, RefusalReason, apply};
use meshcheck_rules::yaml::{Document, Options, Stream};
use serde_json::{Value, json};

/// Refusals per thousand edits that are still good; there are about five.
const MOST_REFUSED: usize = 20;

/// Larger files are more of the same.
const LARGEST: usize = 24 << 10;

const KEYS: [&str; 6] = ["added", "a.b/c", "on", "8080", "with blanks", "x: y"];

/// Texts that tempt an editor to forget their quotes.
#[rustfmt::skip]
const TEXTS: [&str; 43] = [
    "plain", "on", "1", "0644", "true", "null", "~", "# x", "a # b", "*a", "&a", "!a", "%a", "@a",
    "- a", "a: b", "a:", "10m", "1e3", "1_000", "1:30", "2020-01-01", "", " blank ", "'q'",
    "\"q\"", "it's", "tab\there", "ünïcode €", "\u{1F600}", "{a}", "[a]", "a, b", "|", ">",
    "--x=30m", "=", "<<", "---", "...", "back\\slash", "\u{7}", "\u{2028}",
];

/// Texts that tempt an editor to write a block that reads as something else.
#[rustfmt::skip]
const LINES: [&str; 11] = [
    "a: 1\nb: 2\n", "a\nb", "a\n\nb\n", "# c\n", " indented\n", "\nlate\n", "kept\n\n", "\n",
    "trailing \n", "\ttab\n", "a: |\n  x\n",
];

/// What was edited so far.
#[derive(Default)]
struct Tally {
    edits: usize,
    refused: usize,
    report: String,
}

impl Tally {
    #[expect(clippy::print_stdout, reason = "the rate is worth seeing")]
    fn check(&self, what: &str) {
        let Self {
            edits,
            refused,
            report,
        } = self;
        println!("{what}: {edits} edits, {refused} refused\n{report}");
        assert!(*edits > 500, "{what}: hardly anything was edited");
        assert!(refused * 1000 < edits * MOST_REFUSED, "{what}: {report}");
    }
}

/// Files with all that makes edits hard: anchors, merges, tabs, comments everywhere.
#[test]
fn random_edits_of_odd_files() {
    let mut tally = Tally::default();
    for seed in 0..180 {
        edit_folder(&fixtures("edit"), seed, &mut tally);
    }
    tally.check("odd files");
}

/// Real manifests: those of the project, or a folder of one's own; and for longer if one wishes.
#[test]
fn random_edits_of_corpus() {
    let folder = std::env::var_os("MESHCHECK_CORPUS");
    let folder = folder.map_or_else(|| fixtures("corpus"), PathBuf::from);
    let rounds = std::env::var("MESHCHECK_ROUNDS").map_or(12, |rounds| {
        rounds.parse().expect("MESHCHECK_ROUNDS is a number")
    });
    let mut tally = Tally::default();
    for seed in 0..rounds {
        edit_folder(&folder, seed, &mut tally);
    }
    tally.check("corpus");
}

pub(crate) fn fixtures(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    tests.join("fixtures").join(name)
}

fn edit_folder(folder: &Path, seed: u64, tally: &mut Tally) {
    let mut rng = Rng::with_seed(seed);
    for path in manifests(folder) {
        let bytes = fs::read(&path).expect("a file that was just listed");
        if bytes.len() < LARGEST {
            let (form, bytes) = disguised(&bytes, seed);
            let name = format!("{} {form}", path.display());
            edit_file(&name, &bytes, &mut rng, tally);
        }
    }
}

/// The same documents as another system or tool might have written them.
fn disguised(bytes: &[u8], seed: u64) -> (&'static str, Vec<u8>) {
    let text = String::from_utf8_lossy(bytes);
    let stream = Stream::read(bytes, &Options::default());
    let first = stream.documents.first().map(|document| &document.value);
    let unix = text.replace("\r\n", "\n");
    let (form, text) = match seed % 6 {
        1 => ("with carriage returns", unix.replace('\n', "\r\n")),
        2 => ("unfinished", unix.trim_end().to_owned()),
        3 => ("as JSON", format!("{:#}\n", first.unwrap_or(&Value::Null))),
        4 => ("on one line", first.unwrap_or(&Value::Null).to_string()),
        _ => ("as it is", text.into_owned()),
    };
    (form, text.into_bytes())
}

pub(crate) fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if !matches!(kind, Some("md" | "csv")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn edit_file(name: &str, bytes: &[u8], rng: &mut Rng, tally: &mut Tally) {
    let options = Options::default();
    let stream = Stream::read(bytes, &options);
    for document in &stream.documents {
        let Some(operations) = random_patch(&document.value, rng) else {
            continue;
        };
        let patch = &Patch(operations);
        let edited = apply(&stream, &[DocumentEdit { document, patch }], &options);
        tally.edits += 1;
        let context = format!("{name} document {}\n{patch}", document.index);
        if let Some(Refusal { reason, .. }) = edited.refused.first() {
            assert_eq!(edited.text, stream.text, "a refusal changed the text");
            assert!(!matches!(reason, RefusalReason::Defect), "{context}");
            // What is used in several places cannot be edited in one.
            if !matches!(reason, RefusalReason::Shared { .. }) {
                tally.refused += 1;
                writeln!(tally.report, "{context}\n{reason}").expect("a String");
            }
        } else {
            prove(&stream, document, patch, &edited, &context);
            keeps_comments(&stream, document, patch, &edited, &context);
        }
    }
}

/// The law itself, checked apart from the module's own proof.
fn prove(stream: &Stream, document: &Document, patch: &Patch, edited: &Edited, context: &str) {
    let mut wanted = document.value.clone();
    json_patch::patch(&mut wanted, patch).expect("a patch for this value");
    let after = Stream::read(edited.text.as_bytes(), &Options::default());
    assert_eq!(after.documents.len(), stream.documents.len(), "{context}");
    for (before, after_document) in stream.documents.iter().zip(&after.documents) {
        if before.index == document.index {
            assert_eq!(after_document.value, wanted, "{context}\n{}", edited.text);
        } else {
            let old = &stream.text[before.bytes.clone()];
            let new = &after.text[after_document.bytes.clone()];
            assert_eq!(old, new, "{context}: another document changed");
        }
    }
}

/// Every comment outside of what was taken out is still there.
pub(crate) fn keeps_comments(
    stream: &Stream,
    document: &Document,
    patch: &Patch,
    edited: &Edited,
    context: &str,
) {
    let mut gone = Vec::new();
    for operation in patch.iter() {
        if matches!(
            operation,
            PatchOperation::Remove(_) | PatchOperation::Replace(_)
        ) {
            gone.push(lines_of(stream, document, operation.path().as_str()));
        }
    }
    let moved = patch.len() > 1;
    let mut at = 0;
    let mut kept = comments(&edited.text);
    for line in stream.text.split_inclusive('\n') {
        let here = at;
        at += line.len();
        if !moved && gone.iter().any(|gone| gone.contains(&here)) {
            continue;
        }
        // What looks like a comment in JSON is none.
        let json = stream.text.starts_with('{');
        for comment in comments(line).into_iter().filter(|_| !json) {
            let found = kept.iter().position(|kept| *kept == comment);
            let Some(found) = found else {
                panic!("{context}: lost `{comment}`\n{}", edited.text);
            };
            kept.swap_remove(found);
        }
    }
}

/// The lines of a node, with the deeper comments right below it.
fn lines_of(stream: &Stream, document: &Document, pointer: &str) -> Range<usize> {
    let spans = document.spans(&stream.text, &Options::default());
    let located = spans.locate(&Location {
        pointer: Pointer::parse(pointer).expect("a pointer"),
        part: Part::Whole,
        inner: None,
    });
    let text = &stream.text;
    let bytes = located.span.bytes;
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |at| at + 1);
    let mut start = line_start(bytes.start);
    let column = bytes.start - start;
    // An item may stand below its dash.
    let item = pointer.ends_with(|c: char| c.is_ascii_digit());
    while item && start > 0 && text[start..bytes.start].trim().is_empty() {
        start = line_start(start - 1);
        if text[start..].trim_start().starts_with('-') {
            break;
        }
    }
    let mut end = bytes.end;
    loop {
        let next = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
        let line = text[next..].lines().next().unwrap_or_default();
        let comment = line.trim_start();
        end = next;
        if !comment.starts_with('#') || line.len() - comment.len() <= column.saturating_sub(2) {
            return start..end;
        }
    }
}

/// What looks like a comment.
fn comments(text: &str) -> Vec<&str> {
    let comment = |line: &str| {
        let at = line.find('#')?;
        (at == 0 || line[..at].ends_with([' ', '\t'])).then_some(at)
    };
    text.lines()
        .filter_map(|line| comment(line).map(|at| line[at..].trim_end()))
        .collect()
}

/// One change somewhere in the value; two operations where an item moves.
fn random_patch(value: &Value, rng: &mut Rng) -> Option<Vec<PatchOperation>> {
    let (pointer, node) = random_node(value, rng);
    let root = pointer.as_str().is_empty();
    // A document that is nothing but a scalar is no object.
    if root && !(node.is_object() || node.is_array()) {
        return None;
    }
    Some(match (rng.usize(..5), node) {
        (0 | 1, Value::Object(_)) => {
            let key = pick(rng, &KEYS);
            vec![op::add(&pointer.join(key), random_value(rng))]
        }
        (0, Value::Array(_)) => vec![op::add(&pointer.join("-"), random_value(rng))],
        (1, Value::Array(items)) => {
            let at = rng.usize(..=items.len()).to_string();
            vec![op::add(&pointer.join(&at), random_value(rng))]
        }
        (2, Value::Array(items)) if items.len() > 1 => {
            let from = rng.usize(..items.len());
            let to = rng.usize(..items.len());
            vec![
                op::remove(&pointer.join(&from.to_string())),
                op::add(&pointer.join(&to.to_string()), items[from].clone()),
            ]
        }
        (0..=2, _) if !root => vec![op::replace(&pointer, random_value(rng))],
        _ if root => return None,
        (3, Value::Object(_) | Value::Array(_)) if rng.usize(..2) == 0 => return None,
        (3, Value::String(text)) => {
            vec![op::replace(
                &pointer,
                json!(format!("{text}{}", pick(rng, &["x", ": y", "\nz: 1\n"]))),
            )]
        }
        _ => vec![op::remove(&pointer)],
    })
}

/// The operations of patches at any pointer, where the engine's own are made of nodes.
mod op {
    use json_patch::PatchOperation;
    use meshcheck_rules::finding::Pointer;
    use serde_json::{Value, json};

    pub(super) fn add(path: &Pointer, value: impl Into<Value>) -> PatchOperation {
        operation(json!({"op": "add", "path": path.as_str(), "value": value.into()}))
    }

    pub(super) fn replace(path: &Pointer, value: impl Into<Value>) -> PatchOperation {
        operation(json!({"op": "replace", "path": path.as_str(), "value": value.into()}))
    }

    pub(super) fn remove(path: &Pointer) -> PatchOperation {
        operation(json!({"op": "remove", "path": path.as_str()}))
    }

    fn operation(fields: Value) -> PatchOperation {
        serde_json::from_value(fields).expect("an operation")
    }
}

fn random_node<'v>(value: &'v Value, rng: &mut Rng) -> (Pointer, &'v Value) {
    let mut pointer = Pointer::root();
    let mut node = value;
    loop {
        let children: Vec<(String, &Value)> = match node {
            Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Value::Array(items) => (0..).map(|i: usize| i.to_string()).zip(items).collect(),
            _ => Vec::new(),
        };
        let root = pointer.as_str().is_empty();
        if children.is_empty() || (!root && rng.usize(..4) == 0) {
            return (pointer, node);
        }
        let (token, child) = pick(rng, &children);
        pointer.push(token);
        node = child;
    }
}

fn random_value(rng: &mut Rng) -> Value {
    let (text, lines) = (pick(rng, &TEXTS), pick(rng, &LINES));
    match rng.usize(..10) {
        0 => json!(true),
        1 => json!(15021),
        2 => json!(null),
        3 => json!({"name": text, "on": [1, {"x": lines}], "empty": {}}),
        4 => json!([text, lines, [], {"deep": {"er": text}}]),
        5 => json!(lines),
        6 => json!({}),
        7 => json!([[text, 1], [[]]]),
        _ => json!(text),
    }
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(..from.len())]
}
