//! A text to the stretches of its documents.
//!
//! A line that starts with `---` or `...` ends a document wherever it stands: YAML forbids such
//! lines inside scalars of every style. So documents can be found without parsing them, and a broken
//! one cannot hide the next.

use std::ops::Range;

use memchr::memmem;

use super::lines::count_lines;

/// Where one document stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// All of it: directives and comments in front, its `---`, its `...`.
    pub(super) whole: Range<usize>,
    /// Its `---`.
    pub(super) marker: Option<Range<usize>>,
    /// The content: behind the `---`, in front of the `...`.
    pub(super) body: Range<usize>,
    /// Number of the line on which `whole` starts.
    pub(super) line: usize,
}

impl Chunk {
    /// This document in several parts.
    pub(super) fn parts(&self, text: &str, cuts: &[usize]) -> Vec<Self> {
        let mut parts = Vec::with_capacity(cuts.len() + 1);
        let mut rest = self.clone();
        for cut in cuts {
            let mut part = rest.clone();
            (part.whole.end, part.body.end) = (*cut, *cut);
            rest.line += count_lines(&text.as_bytes()[rest.whole.start..*cut]);
            (rest.whole.start, rest.body.start) = (*cut, *cut);
            rest.marker = None;
            parts.push(part);
        }
        parts.push(rest);
        parts
    }
}

/// Finds the documents of a text, counted as YAML counts them: text in front of the first `---` is
/// a document if there is more than comments, and every `---` opens one, empty or not.
pub(super) fn split(text: &str) -> Vec<Chunk> {
    let mut splitter = Splitter::default();
    for marker in markers(text.as_bytes()) {
        splitter.marker(text, marker);
    }
    splitter.close(text, text.len(), text.len());
    splitter.chunks
}

#[derive(Default)]
struct Splitter {
    chunks: Vec<Chunk>,
    start: usize,
    /// The `---` of the open document, and where the content behind it begins.
    opened: Option<(Range<usize>, usize)>,
    line: usize,
    counted: usize,
}

impl Splitter {
    fn marker(&mut self, text: &str, at: usize) {
        let after = at + 3;
        if text.as_bytes()[at] == b'-' {
            self.close(text, at, at);
            self.opened = Some((at..after, content_start(text, after)));
        } else {
            let end = line_end(text, after);
            if !self.close(text, at, end) {
                self.start = end;
            }
        }
    }

    /// Ends the document that is open, if one is; `body_end` is in front of its `...`.
    fn close(&mut self, text: &str, body_end: usize, end: usize) -> bool {
        let opened = self.opened.take();
        let before_marker = end == body_end && body_end < text.len();
        if opened.is_none() && !has_content(&text[self.start..body_end], before_marker) {
            return false;
        }
        let (marker, body) = opened.unzip();
        self.line += count_lines(&text.as_bytes()[self.counted..self.start]);
        self.counted = self.start;
        self.chunks.push(Chunk {
            whole: self.start..end,
            marker,
            body: body.unwrap_or(self.start).min(body_end)..body_end,
            line: self.line + 1,
        });
        self.start = end;
        true
    }
}

/// Offsets of the `---` and `...` that start a line and are followed by white space, in order.
fn markers(bytes: &[u8]) -> Vec<usize> {
    let is_marker = |at: &usize| {
        let starts_line = *at == 0 || matches!(bytes[at - 1], b'\n' | b'\r');
        starts_line && matches!(bytes.get(at + 3), None | Some(b' ' | b'\t' | b'\n' | b'\r'))
    };
    let mut found: Vec<_> = line_starts_with(bytes, b"\n---")
        .chain(line_starts_with(bytes, b"\n..."))
        .collect();
    if memchr::memchr(b'\r', bytes).is_some() {
        found.extend(line_starts_with(bytes, b"\r---"));
        found.extend(line_starts_with(bytes, b"\r..."));
    }
    if bytes.starts_with(b"---") || bytes.starts_with(b"...") {
        found.push(0);
    }
    found.retain(is_marker);
    found.sort_unstable();
    found
}

fn line_starts_with<'b>(bytes: &'b [u8], needle: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    memmem::find_iter(bytes, needle).map(|at| at + 1)
}

/// Whether there is more than blank lines and comments (and directives, where a `---` follows).
fn has_content(text: &str, before_marker: bool) -> bool {
    text.split(['\n', '\r']).any(|line| {
        let directive = before_marker && line.starts_with('%');
        let line = line.trim_start_matches([' ', '\t', '\u{feff}']);
        !(line.is_empty() || line.starts_with('#') || directive)
    })
}

/// Where the content behind a `---` begins: on the next line, if only a comment follows on this one.
fn content_start(text: &str, after: usize) -> usize {
    let end = line_end(text, after);
    let rest = text[after..end].trim_start_matches([' ', '\t']);
    if rest.trim_end().is_empty() || rest.starts_with('#') {
        return end;
    }
    end - rest.len()
}

/// Behind the line break of the line at `from`.
fn line_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let Some(at) = memchr::memchr2(b'\n', b'\r', &bytes[from..]).map(|at| from + at) else {
        return text.len();
    };
    let is_crlf = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
    at + 1 + usize::from(is_crlf)
}
