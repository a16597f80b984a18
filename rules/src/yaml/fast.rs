//! The everyday subset of YAML as a source of events, several times as fast as the full parser.
//!
//! It knows block mappings and sequences, scalars of every style as far as they are simple, and flow
//! collections on one line. At the first thing that it is not certain about it gives up, and the
//! full parser reads the document: so it never decides that something is wrong, and never reads what
//! the full parser would refuse. Tests hold the two against each other, events and places.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::event::{Kind, Scalar, Sink, Style};
use super::split::Chunk;

mod block;
mod flow;
mod folded;
mod scalar;

pub(super) use scalar::double_quoted;

/// Reads the document into the sink; `None` if that is for the full parser to do. The sink is then
/// in no useful state.
pub(super) fn read<'t>(text: &'t str, chunk: &Chunk, sink: &mut impl Sink<'t>) -> Option<()> {
    let (body, closed) = (&chunk.body, chunk.body.end..chunk.whole.end);
    if !matches!(&text[closed], "" | "..." | "...\n" | "...\r\n")
        || !is_simple_text(&text[chunk.whole.clone()])
    {
        return None;
    }
    let first = simple_prefix(text, chunk)?;
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        rest: body.clone(),
        levels: Vec::with_capacity(16),
        awaited: Some(first),
        end: first,
        sink,
    };
    while let Some(line) = scanner.next_line() {
        scanner.line(&line)?;
    }
    scanner.finish()
}

/// Whether every character is one that both parsers see alike: no tabs, no carriage returns alone,
/// no control characters, none of the line breaks and marks of Unicode.
fn is_simple_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut returns = memchr_iter(b'\r', bytes);
    let plain = |byte: &u8| (0x20..0x7F).contains(byte) || matches!(byte, b'\n' | b'\r');
    returns.all(|at| bytes.get(at + 1) == Some(&b'\n'))
        && (bytes.iter().all(plain)
            || text.chars().all(|c| match c {
                '\n' | '\r' | ' '..='~' => true,
                '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => false,
                c => c >= '\u{A0}',
            }))
}

/// Where an absent root stands: behind the `---`, or where the text begins. `None` if anything else
/// than comments and a bare `---` comes in front of the content.
fn simple_prefix(text: &str, chunk: &Chunk) -> Option<usize> {
    let Some(marker) = &chunk.marker else {
        return Some(chunk.body.start);
    };
    let starts_line = text.as_bytes()[..chunk.body.start].last() == Some(&b'\n');
    let empty_rest = chunk.body.start == text.len();
    let has_directive = text[chunk.whole.start..marker.start]
        .lines()
        .any(|line| line.starts_with('%'));
    ((starts_line || empty_rest) && !has_directive).then_some(marker.end)
}

struct Scanner<'s, 't, S> {
    text: &'t str,
    bytes: &'t [u8],
    /// The lines that were not read yet.
    rest: Range<usize>,
    levels: Vec<Level>,
    /// A value is due; this is its place if it turns out to be absent.
    awaited: Option<usize>,
    /// Behind the last token.
    end: usize,
    sink: &'s mut S,
}

/// A block collection that is open.
struct Level {
    kind: Kind,
    indent: usize,
}

/// A line with content.
struct Line {
    /// Where it begins.
    start: usize,
    /// Where its content begins: not a blank, not a comment.
    at: usize,
    /// Behind its last character.
    end: usize,
}

/// What a line is to the collections that are open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    /// An entry of the innermost one.
    Entry,
    /// The value that was due.
    Scalar,
}

/// What a line of a sequence holds.
enum Item {
    /// A collection that begins here, on the same line.
    Nested(usize),
    /// A scalar or nothing: it was read.
    Read,
}

impl Line {
    fn indent(&self) -> usize {
        self.at - self.start
    }
}

impl<'t, S: Sink<'t>> Scanner<'_, 't, S> {
    /// The next line that is more than a comment.
    fn next_line(&mut self) -> Option<Line> {
        while !self.rest.is_empty() {
            let line = self.take_line();
            if !self.is_over(line.at, line.end) {
                return Some(line);
            }
        }
        None
    }

    fn take_line(&mut self) -> Line {
        let start = self.rest.start;
        let rest = &self.bytes[self.rest.clone()];
        let end = memchr(b'\n', rest).map_or(self.rest.end, |at| start + at);
        self.rest.start = (end + 1).min(self.rest.end);
        let end = end - usize::from(self.bytes[start..end].last() == Some(&b'\r'));
        Line {
            start,
            at: self.skip_spaces(start, end),
            end,
        }
    }

    fn skip_spaces(&self, mut at: usize, end: usize) -> usize {
        while at < end && self.bytes[at] == b' ' {
            at += 1;
        }
        at
    }

    /// Whether the line holds nothing more, or a comment. `at` is behind a blank or at its start.
    fn is_over(&self, at: usize, end: usize) -> bool {
        at >= end || self.bytes[at] == b'#'
    }

    /// Whether a `-` with a blank behind it stands here.
    fn is_dash(&self, at: usize, end: usize) -> bool {
        self.bytes[at] == b'-' && (at + 1 == end || self.bytes[at + 1] == b' ')
    }

    fn line(&mut self, line: &Line) -> Option<()> {
        let dash = self.is_dash(line.at, line.end);
        if self.settle(line, dash)? == Settled::Scalar {
            return self.value(line.at, line.end);
        }
        let mut at = line.at;
        while self.levels.last()?.kind == Kind::Sequence {
            match self.item(line, at)? {
                Item::Nested(inside) => at = inside,
                Item::Read => return Some(()),
            }
        }
        self.pair(line, at)
    }

    /// Opens the collection that this line begins, or closes those that it is not part of.
    fn settle(&mut self, line: &Line, dash: bool) -> Option<Settled> {
        let indent = line.indent();
        if let Some(at) = self.awaited.take() {
            let level = self.levels.last();
            let deeper = level.is_none_or(|level| indent > level.indent);
            let beside = |level: &Level| indent == level.indent && level.kind == Kind::Mapping;
            if deeper && !dash && self.key(line.at, line.end).is_none() {
                let simple = level.is_some() && !matches!(self.bytes[line.at], b'|' | b'>');
                return simple.then_some(Settled::Scalar);
            }
            if deeper || (dash && level.is_some_and(beside)) {
                let kind = if dash { Kind::Sequence } else { Kind::Mapping };
                self.open(kind, line, line.at)?;
                return Some(Settled::Entry);
            }
            self.absent(at)?;
        }
        while let Some(level) = self.levels.last() {
            let ended = level.indent > indent
                || (level.indent == indent && level.kind == Kind::Sequence && !dash);
            if !ended {
                let entry = level.indent == indent && (level.kind == Kind::Sequence) == dash;
                return entry.then_some(Settled::Entry);
            }
            self.close()?;
        }
        None
    }

    fn item(&mut self, line: &Line, dash: usize) -> Option<Item> {
        let at = self.skip_spaces(dash + 1, line.end);
        if self.is_over(at, line.end) {
            self.awaited = Some(dash + 1);
            return Some(Item::Read);
        }
        if self.is_dash(at, line.end) {
            self.open(Kind::Sequence, line, at)?;
            return Some(Item::Nested(at));
        }
        if self.key(at, line.end).is_some() {
            self.open(Kind::Mapping, line, at)?;
            return Some(Item::Nested(at));
        }
        self.value(at, line.end)?;
        Some(Item::Read)
    }

    fn pair(&mut self, line: &Line, at: usize) -> Option<()> {
        let key = self.key(at, line.end)?;
        let colon = key.at.end;
        self.scalar(key)?;
        let at = self.skip_spaces(colon + 1, line.end);
        if self.is_over(at, line.end) {
            self.awaited = Some(colon + 1);
            return Some(());
        }
        self.value(at, line.end)
    }

    fn value(&mut self, at: usize, end: usize) -> Option<()> {
        match self.bytes[at] {
            b'|' | b'>' => self.block(at, end),
            b'[' | b'{' => {
                let after = self.flow(at, end, 0)?;
                self.nothing_follows(after, end)
            }
            b'"' | b'\'' => {
                let (scalar, end) = match self.quoted(at, end) {
                    Some(scalar) => (scalar, end),
                    None => self.folded_quoted(at, end)?,
                };
                self.nothing_follows(scalar.at.end, end)?;
                self.scalar(scalar)
            }
            _ => {
                let scalar = self.plain(at, end)?;
                let scalar = self.folded_plain(scalar, end)?;
                self.scalar(scalar)
            }
        }
    }

    fn nothing_follows(&self, after: usize, end: usize) -> Option<()> {
        let at = self.skip_spaces(after, end);
        (at == end || (at > after && self.bytes[at] == b'#')).then_some(())
    }

    fn scalar(&mut self, scalar: Scalar<'t>) -> Option<()> {
        self.end = scalar.at.end;
        self.sink.scalar(scalar).ok()
    }

    fn absent(&mut self, at: usize) -> Option<()> {
        self.scalar(Scalar {
            text: "".into(),
            style: Style::Plain,
            tag: None,
            anchor: 0,
            at: at..at,
        })
    }

    fn open(&mut self, kind: Kind, line: &Line, at: usize) -> Option<()> {
        let indent = at - line.start;
        self.levels.push(Level { kind, indent });
        self.end = at;
        self.sink.open(kind, 0, at).ok()
    }

    fn close(&mut self) -> Option<()> {
        self.levels.pop();
        self.sink.close(self.end).ok()
    }

    fn finish(mut self) -> Option<()> {
        if let Some(at) = self.awaited.take() {
            self.absent(at)?;
        }
        while !self.levels.is_empty() {
            self.close()?;
        }
        Some(())
    }
}
