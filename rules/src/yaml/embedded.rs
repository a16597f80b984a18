//! Documents inside of strings.

use std::ops::Range;

use serde_json::Value;

use super::split::split;
use super::{Options, Problem, document, stream};
use crate::finding::{Location, Part, Pointer};

/// Reads a string that holds YAML or JSON (a `ConfigMap` entry, an annotation) as Istio does: its
/// first document. A string without one is null.
pub fn value_of(text: &str) -> Result<Value, Problem> {
    let options = Options::default();
    if let Some(problem) = stream::too_large(text.len(), &options) {
        return Err(problem);
    }
    let Some(chunk) = split(text).into_iter().next() else {
        return Ok(Value::Null);
    };
    document::value(text, &chunk, &options).map_err(|fault| stream::problem(text, 0, &chunk, fault))
}

/// Where the node at `inner` stands, for a literal block that starts at `header` and holds
/// `content`; `None` if the content cannot be read.
pub(super) fn locate(
    text: &str,
    header: usize,
    content: &str,
    inner: &Pointer,
    part: Part,
) -> Option<Range<usize>> {
    let chunk = split(content).into_iter().next()?;
    let spans = document::spans(content, &chunk, &Options::default()).ok()?;
    let found = spans.written(&Location {
        pointer: inner.clone(),
        part,
        inner: None,
    });
    let block = Block::new(text, header, content)?;
    Some(block.outer(found.start)..block.outer(found.end))
}

/// A literal block: which line of the text holds which line of its content.
struct Block<'t> {
    content: &'t str,
    /// Start of each line of the block, and its length without the line break.
    lines: Vec<Range<usize>>,
    indent: usize,
}

impl<'t> Block<'t> {
    fn new(text: &str, header: usize, content: &'t str) -> Option<Self> {
        let count = content.split('\n').count();
        let lines: Vec<_> = lines_after(text, header).take(count).collect();
        let indent = content
            .split('\n')
            .zip(&lines)
            .find(|(inner, _)| !inner.is_empty())
            .and_then(|(inner, outer)| outer.len().checked_sub(inner.len()))?;
        Some(Self {
            content,
            lines,
            indent,
        })
    }

    /// The place in the text of a place in the content.
    fn outer(&self, at: usize) -> usize {
        let before = &self.content[..at];
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        match self.lines.get(line) {
            Some(outer) => (outer.start + self.indent + column).min(outer.end),
            None => self.lines.last().map_or(0, |outer| outer.end),
        }
    }
}

/// The lines behind the one that `at` is in, without their breaks.
fn lines_after(text: &str, at: usize) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let line_end = |from: usize| {
        let found = memchr::memchr2(b'\n', b'\r', &bytes[from..]);
        found.map_or(bytes.len(), |at| from + at)
    };
    let mut end = line_end(at);
    std::iter::from_fn(move || {
        let start = match bytes.get(end..)? {
            [b'\r', b'\n', ..] => end + 2,
            [_, ..] => end + 1,
            [] => return None,
        };
        end = line_end(start);
        Some(start..end)
    })
}
