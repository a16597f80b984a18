//! Recognises templates among the documents that cannot be read.

use std::ops::Range;

use memchr::memmem;

use super::ProblemKind;
use super::event::{Fault, Kind, Scalar, Sink, Style};

/// What opens a template directive, and what it closes with.
const MARKS: [(&str, &str, &str); 3] = [
    (
        "{{",
        "}}",
        "render it first, with `helm template` for a Helm chart",
    ),
    ("{%", "%}", "render it first"),
    ("#@", "\n", "render it first, with `ytt`"),
];

/// Says "template" instead of `fault` where the document is one: it holds a directive outside of the
/// quoted and block scalars that could be read in front of the fault.
pub(super) fn explain(
    text: &str,
    chunk: Range<usize>,
    read: &[Range<usize>],
    fault: Fault,
) -> Fault {
    if fault.kind != ProblemKind::Syntax {
        return fault;
    }
    let found = MARKS.iter().find_map(|(open, close, advice)| {
        let at = directive(text, &chunk, read, fault.at, (open, close))?;
        Some((at, open, advice))
    });
    match found {
        Some((at, mark, advice)) => Fault {
            at,
            kind: ProblemKind::Template,
            message: format!("this is a template (`{mark}`), not YAML: {advice}"),
        },
        None => fault,
    }
}

/// The first directive that is not merely text.
fn directive(
    text: &str,
    chunk: &Range<usize>,
    read: &[Range<usize>],
    fault: usize,
    (open, close): (&str, &str),
) -> Option<usize> {
    let found = memmem::find_iter(&text.as_bytes()[chunk.clone()], open);
    let mut line = LineState::empty(text.as_bytes(), chunk.start);
    let mut closed = Closed::default();
    found.map(|at| chunk.start + at).find(|at| {
        line.advance(*at);
        let next = read.partition_point(|scalar| scalar.end <= *at);
        match read.get(next).filter(|scalar| scalar.contains(at)) {
            // `"{{ include "name" . }}"`: the quote inside the directive ended the scalar.
            Some(scalar) => closed
                .last(text, scalar, close)
                .is_none_or(|last| last < *at),
            None if open == "#@" => true,
            None => !(line.content == Content::Comment || (*at > fault && line.quoted())),
        }
    })
}

/// Where the last closing mark of a scalar is, looked for once.
#[derive(Default)]
struct Closed {
    scalar: Range<usize>,
    last: Option<usize>,
}

impl Closed {
    fn last(&mut self, text: &str, scalar: &Range<usize>, close: &str) -> Option<usize> {
        if self.scalar != *scalar {
            self.scalar = scalar.clone();
            self.last = text[scalar.clone()]
                .rfind(close)
                .map(|at| scalar.start + at);
        }
        self.last
    }
}

/// What stands in front of a place on its line.
struct LineState<'t> {
    bytes: &'t [u8],
    at: usize,
    content: Content,
    single: bool,
    double: bool,
}

/// What a line has held so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Blank,
    Comment,
    Something,
}

impl<'t> LineState<'t> {
    fn empty(bytes: &'t [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            content: Content::Blank,
            single: false,
            double: false,
        }
    }

    fn advance(&mut self, to: usize) {
        for byte in &self.bytes[self.at..to] {
            match byte {
                b'\n' | b'\r' => *self = Self::empty(self.bytes, to),
                b' ' | b'\t' => continue,
                b'\'' => self.single = !self.single,
                b'"' => self.double = !self.double,
                _ => {}
            }
            self.content = match (self.content, byte) {
                (Content::Blank, b'\n' | b'\r') => Content::Blank,
                (Content::Blank, b'#') => Content::Comment,
                (Content::Blank, _) => Content::Something,
                (known, _) => known,
            };
        }
        self.at = to;
    }

    fn quoted(&self) -> bool {
        self.single || self.double
    }
}

/// Passes events on, and remembers where quoted and block scalars stand.
pub(super) struct Remember<'s, S> {
    pub(super) sink: &'s mut S,
    pub(super) scalars: Vec<Range<usize>>,
}

impl<'t, S: Sink<'t>> Sink<'t> for Remember<'_, S> {
    fn scalar(&mut self, scalar: Scalar<'t>) -> Result<(), Fault> {
        if scalar.style != Style::Plain {
            self.scalars.push(scalar.at.clone());
        }
        self.sink.scalar(scalar)
    }

    fn open(&mut self, kind: Kind, anchor: usize, at: usize) -> Result<(), Fault> {
        self.sink.open(kind, anchor, at)
    }

    fn close(&mut self, at: usize) -> Result<(), Fault> {
        self.sink.close(at)
    }

    fn alias(&mut self, anchor: usize, at: Range<usize>) -> Result<(), Fault> {
        self.sink.alias(anchor, at)
    }
}
