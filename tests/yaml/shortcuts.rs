//! The fast way equals the plain way: documents, problems and places.

use std::time::{Duration, Instant};

use meshcheck_rules::Part;
use meshcheck_rules::yaml::{Options, Stream};

use super::{files, location, pointers};

fn assert_equal(bytes: &[u8]) {
    let fast = Options::default();
    let plain = Options {
        plain: true,
        ..fast
    };
    let (one, other) = (Stream::read(bytes, &fast), Stream::read(bytes, &plain));
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(one.problems, other.problems, "{text:?}");
    assert_eq!(one.documents.len(), other.documents.len(), "{text:?}");
    for (one_document, document) in one.documents.iter().zip(&other.documents) {
        assert_eq!(one_document.index, document.index);
        assert_eq!(one_document.bytes, document.bytes);
        assert_eq!(one_document.value, document.value, "{text:?}");
        let spans = document.spans(&other.text, &plain);
        let one_spans = one_document.spans(&one.text, &fast);
        for pointer in pointers(&document.value) {
            for part in [Part::Whole, Part::Key, Part::Value] {
                let at = location(pointer.as_str(), part);
                assert_eq!(
                    one_spans.locate(&at),
                    spans.locate(&at),
                    "{text:?} {pointer}"
                );
            }
        }
    }
}

#[test]
fn on_real_manifests() {
    for (_, bytes) in files::manifests() {
        assert_equal(&bytes);
    }
}

/// What one finds in YAML where it is no longer simple.
const PIECES: [&str; 86] = [
    "\t",
    "\r",
    "&a ",
    "*a",
    "!!str ",
    "!x",
    "? ",
    "- ",
    "-",
    ": ",
    ":",
    " :",
    " #",
    "#",
    "|",
    "|-",
    "|+",
    ">",
    ">-",
    "|2",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "\\",
    "\n",
    "\n\n",
    " ",
    "  ",
    "    ",
    "---\n",
    "\n---\n",
    "\n...\n",
    "%YAML 1.2\n",
    "<<: ",
    "~",
    "é",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\0",
    "\u{7f}",
    "@",
    "`",
    "{{",
    "{{ x }}",
    "''",
    "\"\"",
    "[]",
    "{}",
    "[a, b]",
    "{a: b}",
    "[a,]",
    "[a:]",
    "{a}",
    "\\n",
    "\\u0041",
    "\\x41",
    "- - ",
    "  - a",
    "a: ",
    "a:",
    "a: b\n",
    "- a\n",
    "  # c\n",
    "# c\n",
    "0400",
    "=",
    "...",
    "--- |\n",
    "key: |\n",
    "key: >\n",
    "\n\n  x\n",
    "*",
    "!",
    "%",
    "\"a\": ",
    "-1",
    "::",
    "a: b: c",
    " - ",
    "{\"a\": 1}",
];

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }
}

/// A few lines of a file, moved to the left, with a few changes.
fn mutated(text: &str, random: &mut Random) -> String {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let first = random.below(lines.len());
    let count = 1 + random.below(25);
    let lines = &lines[first.min(lines.len())..(first + count).min(lines.len())];
    let indent = |line: &&&str| line.len() - line.trim_start_matches(' ').len();
    let left = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| indent(&line))
        .min();
    let left = left.unwrap_or(0);
    let mut text: String = lines
        .iter()
        .map(|line| line.get(left..).unwrap_or("\n"))
        .collect();
    for _ in 0..random.below(5) {
        change(&mut text, random);
    }
    text
}

fn change(text: &mut String, random: &mut Random) {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let piece = PIECES[random.below(PIECES.len())];
    match random.below(6) {
        0 => text.insert_str(line, "  "),
        1 if text[line..].starts_with("  ") => text.replace_range(line..line + 2, ""),
        2 if at < text.len() => drop(text.remove(at)),
        3 => {
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
            text.replace_range(line..end, "");
        }
        4 => text.insert_str(line, piece),
        _ => text.insert_str(at, piece),
    }
}

#[test]
fn on_changed_manifests() {
    let manifests = files::manifests();
    let texts: Vec<_> = manifests
        .iter()
        .filter_map(|(_, bytes)| str::from_utf8(bytes).ok())
        .collect();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < 50_000 && start.elapsed() < Duration::from_secs(3) {
        let text = texts[random.below(texts.len())];
        assert_equal(mutated(text, &mut random).as_bytes());
        rounds += 1;
    }
    assert!(rounds > 500, "{rounds}");
}

/// No bytes make the reader panic, and both ways agree on those that are no text as well.
#[test]
fn on_any_bytes() {
    let mut random = Random(7);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        let length = random.below(60);
        let alphabet = b"\xEF\xBB\xBF\xFF\xFE\0\x80\xC3 \n\r\t-:?,[]{}#&*!|>'\"%@`~<=.0aZ\\";
        let bytes: Vec<_> = (0..length)
            .map(|_| alphabet[random.below(alphabet.len())])
            .collect();
        assert_equal(&bytes);
    }
}
