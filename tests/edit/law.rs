//! Random edits of real manifests: never a wrong text, hardly a refusal, no comment lost.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use json_patch::{Patch, PatchOperation};
use kubectl_meshcheck::edit::{DocumentEdit, Edited, apply};
use meshcheck_rules::finding::{Location, Part, Pointer, op};
use meshcheck_rules::yaml::{Document, Options, Stream};
use serde_json::{Value, json};

/// Refusals per hundred edits that are still good.
const MOST_REFUSED: f64 = 2.0;

/// A small generator of numbers that are the same on every machine (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What was edited so far.
#[derive(Default)]
struct Tally {
    edits: usize,
    refused: usize,
    report: String,
}

impl Tally {
    fn check(self, what: &str) {
        let share = 100.0 * self.refused as f64 / self.edits.max(1) as f64;
        println!(
            "{what}: {} edits, {} refused ({share:.2} %)",
            self.edits, self.refused
        );
        println!("{}", self.report);
        assert!(self.edits > 100, "{what}: hardly anything was edited");
        assert!(
            share < MOST_REFUSED,
            "{what}: {share:.2} % refused\n{}",
            self.report
        );
    }
}

#[test]
fn random_edits_of_fixtures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/edit");
    let mut tally = Tally::default();
    for seed in 1..=12 {
        edit_folder(&folder, seed, &mut tally);
    }
    tally.check("fixtures");
}

/// The whole corpus, where it was put beside the project or `MESHCHECK_CORPUS` names it.
#[test]
fn random_edits_of_corpus() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folder = std::env::var_os("MESHCHECK_CORPUS").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        println!("no corpus at {}", folder.display());
        return;
    }
    let rounds = std::env::var("MESHCHECK_ROUNDS").map_or(1, |rounds| rounds.parse().unwrap());
    let mut tally = Tally::default();
    for seed in 1..=rounds {
        edit_folder(&folder, seed, &mut tally);
    }
    tally.check("corpus");
}

fn edit_folder(folder: &Path, seed: u64, tally: &mut Tally) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (seed << 17));
    for path in manifests(folder) {
        let bytes = fs::read(&path).unwrap();
        // The larger ones are more of the same.
        if bytes.len() < 64 << 10 {
            edit_file(&path, &bytes, &mut random, tally);
        }
    }
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(manifests(&path));
        } else if !matches!(path.extension(), Some(kind) if kind == "md" || kind == "csv") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn edit_file(path: &Path, bytes: &[u8], random: &mut Random, tally: &mut Tally) {
    let options = Options::default();
    let stream = Stream::read(bytes, &options);
    for document in stream
        .documents
        .iter()
        .filter(|document| !document.is_null())
    {
        for _ in 0..2 {
            let Some(operations) = random_patch(&document.value, random) else {
                continue;
            };
            let patch = Patch(operations);
            let edit = DocumentEdit {
                document,
                patch: &patch,
            };
            let edited = apply(&stream, &[edit], &options);
            tally.edits += 1;
            if let Some(refusal) = edited.refused.first() {
                tally.refused += 1;
                let place = format!("{} document {}", path.display(), document.index);
                writeln!(tally.report, "{place}: {}\n    {patch}", refusal.reason).unwrap();
                assert_eq!(edited.text, stream.text, "a refusal changed the text");
            } else {
                let context = format!("{} document {}\n{patch}", path.display(), document.index);
                prove(&stream, document, &patch, &edited, &context);
                keeps_comments(&stream, document, &patch, &edited, &context);
            }
        }
    }
}

/// The law itself, checked apart from the module's own proof.
fn prove(stream: &Stream, document: &Document, patch: &Patch, edited: &Edited, context: &str) {
    let mut wanted = document.value.clone();
    json_patch::patch(&mut wanted, patch).unwrap();
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
fn keeps_comments(
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
        for comment in comments(line) {
            let found = kept.iter().position(|kept| *kept == comment);
            let Some(found) = found else {
                panic!("{context}: lost `{comment}`\n{}", edited.text);
            };
            kept.swap_remove(found);
        }
    }
}

/// The lines of a node, with the deeper comments right below it.
fn lines_of(stream: &Stream, document: &Document, pointer: &str) -> std::ops::Range<usize> {
    let spans = document.spans(&stream.text, &Options::default());
    let located = spans.locate(&Location {
        pointer: Pointer::parse(pointer).unwrap(),
        part: Part::Whole,
        inner: None,
    });
    let text = &stream.text;
    let bytes = located.span.bytes;
    let start = text[..bytes.start].rfind('\n').map_or(0, |at| at + 1);
    let column = bytes.start - start;
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
    let comment = |line: &'_ str| {
        let at = line
            .find('#')
            .filter(|at| *at == 0 || line[..*at].ends_with([' ', '\t']))?;
        Some(at)
    };
    text.lines()
        .filter_map(|line| comment(line).map(|at| line[at..].trim_end()))
        .collect()
}

/// One change somewhere in the value; two operations where an item moves.
fn random_patch(value: &Value, random: &mut Random) -> Option<Vec<PatchOperation>> {
    let (pointer, node) = random_node(value, random);
    let parent = pointer.split_last();
    Some(match (random.below(5), node) {
        (0 | 1, Value::Object(_)) => {
            let key = random.pick(&["added", "a.b/c", "on", "8080", "key with blanks", "x: y"]);
            vec![op::add(&pointer.join(key), random_value(random))]
        }
        (0, Value::Array(_)) => vec![op::add(&pointer.join("-"), random_value(random))],
        (1, Value::Array(items)) => {
            let at = random.below(items.len() + 1).to_string();
            vec![op::add(&pointer.join(&at), random_value(random))]
        }
        (2, Value::Array(items)) if items.len() > 1 => {
            let from = random.below(items.len());
            let to = random.below(items.len());
            vec![
                op::remove(&pointer.join(&from.to_string())),
                op::add(&pointer.join(&to.to_string()), items[from].clone()),
            ]
        }
        (0..=2, _) => vec![op::replace(&pointer, random_value(random))],
        _ if parent.is_none() => return None,
        (3, Value::Object(_) | Value::Array(_)) if random.below(2) == 0 => return None,
        (3, Value::String(text)) => {
            vec![op::replace(
                &pointer,
                json!(format!("{text}{}", random.pick(&["x", ": y", "\nz: 1\n"]))),
            )]
        }
        _ => vec![op::remove(&pointer)],
    })
}

fn random_node<'v>(value: &'v Value, random: &mut Random) -> (Pointer, &'v Value) {
    let mut pointer = Pointer::root();
    let mut node = value;
    loop {
        let children: Vec<(String, &Value)> = match node {
            Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
            Value::Array(items) => (0..).map(|i: usize| i.to_string()).zip(items).collect(),
            _ => Vec::new(),
        };
        let root = pointer.as_str().is_empty();
        if children.is_empty() || (!root && random.below(4) == 0) {
            return (pointer, node);
        }
        let (token, child) = random.pick(&children);
        pointer.push(token);
        node = child;
    }
}

fn random_value(random: &mut Random) -> Value {
    let text = random.pick(&[
        "plain",
        "on",
        "1",
        "0644",
        "true",
        "null",
        "~",
        "# x",
        "a # b",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "- a",
        "a: b",
        "a:",
        "10m",
        "1e3",
        "1_000",
        "1:30",
        "2020-01-01",
        "",
        " blank ",
        "'q'",
        "\"q\"",
        "it's",
        "tab\there",
        "ünïcode €",
        "\u{1F600}",
        "{a}",
        "[a]",
        "a, b",
        "|",
        ">",
        "--x=30m",
        "=",
        "<<",
        "---",
        "...",
        "back\\slash",
        "\u{7}",
        "\u{2028}",
    ]);
    let lines = random.pick(&[
        "a: 1\nb: 2\n",
        "a\nb",
        "a\n\nb\n",
        "# c\n",
        " indented\n",
        "\nlate\n",
        "kept\n\n",
        "\n",
        "trailing \n",
        "\ttab\n",
        "a: |\n  x\n",
    ]);
    match random.below(10) {
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
