//! Byte offsets to lines and columns.

use std::ops::Range;

use memchr::memchr_iter;

use super::{Position, Span};

/// Bytes between two stored counts of characters, so that a column in a line of any length costs the
/// same.
const STRIDE: usize = 1024;

/// The lines of a stretch of text.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Where each line of the stretch starts, the first included.
    starts: Vec<usize>,
    /// Number of the first line.
    first: usize,
    from: usize,
    /// Characters in front of each multiple of [`STRIDE`]; empty where every byte is a character.
    characters: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// `range` starts at the beginning of line `first`.
    pub(super) fn new(text: &'t str, range: Range<usize>, first: usize) -> Self {
        let bytes = &text.as_bytes()[range.clone()];
        let mut starts = vec![range.start];
        let breaks = line_ends(bytes).map(|end| range.start + end);
        starts.extend(breaks);
        let characters = if bytes.is_ascii() {
            Vec::new()
        } else {
            running_counts(bytes)
        };
        Self {
            text,
            starts,
            first,
            from: range.start,
            characters,
        }
    }

    /// Line and column of a byte offset into the whole text.
    pub(super) fn position(&self, at: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= at).max(1) - 1;
        let start = self.starts[line];
        Position {
            line: self.first + line,
            column: self.count(at) - self.count(start) + 1,
        }
    }

    pub(super) fn span(&self, bytes: Range<usize>) -> Span {
        Span {
            start: self.position(bytes.start),
            end: self.position(bytes.end),
            bytes,
        }
    }

    /// Characters between the beginning of the stretch and `at`.
    fn count(&self, at: usize) -> usize {
        let offset = at - self.from;
        let Some(before) = self.characters.get(offset / STRIDE) else {
            return offset;
        };
        let stride = self.from + offset / STRIDE * STRIDE;
        before + characters(&self.text.as_bytes()[stride..at])
    }
}

fn running_counts(bytes: &[u8]) -> Vec<usize> {
    let mut total = 0;
    let mut counts = vec![0];
    for stride in bytes.chunks(STRIDE) {
        total += characters(stride);
        counts.push(total);
    }
    counts
}

/// Characters that begin in these bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// Offsets behind each line break: `\n`, `\r\n`, or `\r` alone.
fn line_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let lone_returns = memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'));
    let breaks: Box<dyn Iterator<Item = usize>> = if lone_returns {
        Box::new(
            memchr::memchr2_iter(b'\n', b'\r', bytes)
                .filter(|at| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n')),
        )
    } else {
        Box::new(memchr_iter(b'\n', bytes))
    };
    breaks.map(|at| at + 1)
}

/// How many lines end in these bytes.
pub(super) fn count_lines(bytes: &[u8]) -> usize {
    let newlines = memchr_iter(b'\n', bytes).count();
    let lone_returns = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n'));
    newlines + lone_returns.count()
}
