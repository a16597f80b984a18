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
    let body = &text[chunk.clone()];
    memmem::find_iter(body.as_bytes(), open)
        .map(|at| chunk.start + at)
        .find(|at| {
            let in_scalar = read.partition_point(|scalar| scalar.end <= *at);
            let scalar = read.get(in_scalar).filter(|scalar| scalar.contains(at));
            match scalar {
                // `"{{ include "name" . }}"`: the quote inside the directive ended the scalar.
                Some(scalar) => !text[*at..scalar.end].contains(close),
                None if *at < fault => open == "#@" || !in_comment(text, *at),
                None => open == "#@" || !(in_comment(text, *at) || in_quotes(text, *at)),
            }
        })
}

fn line_before(text: &str, at: usize) -> &str {
    let start = text[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    &text[start..at]
}

fn in_comment(text: &str, at: usize) -> bool {
    line_before(text, at).trim_start().starts_with('#')
}

fn in_quotes(text: &str, at: usize) -> bool {
    let before = line_before(text, at);
    let odd = |quote| before.matches(quote).count() % 2 == 1;
    odd('"') || odd('\'')
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
