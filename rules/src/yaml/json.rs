//! JSON as a source of events, for files that are JSON whatever their name says.
//!
//! kubectl reads a text that begins with `{` as JSON first. Where the full YAML parser takes such a
//! text too, both give the same events; but JSON may hold what YAML refuses, tabs for example.

use std::ops::Range;

use super::Limits;
use super::event::{Fault, Kind, Scalar, Sink, Style};
use super::fast::double_quoted;

/// Reads the one JSON value in `body` into the sink; `None` if it is no JSON. The sink is then in no
/// useful state.
pub(super) fn read<'t>(
    text: &'t str,
    body: Range<usize>,
    limits: &Limits,
    sink: &mut impl Sink<'t>,
) -> Option<()> {
    let end = read_one(text, body.clone(), limits, sink)?;
    text[end..body.end]
        .trim_matches(BLANKS)
        .is_empty()
        .then_some(())
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Where to cut `body` into objects that follow each other without a `---`, as kubectl allows in
/// JSON; nowhere if there is only one.
pub(super) fn cuts(text: &str, body: Range<usize>, limits: &Limits) -> Vec<usize> {
    let mut cuts = Vec::new();
    let mut rest = body;
    while text[rest.clone()]
        .trim_start_matches(BLANKS)
        .starts_with('{')
    {
        let Some(end) = read_one(text, rest.clone(), limits, &mut Nothing) else {
            break;
        };
        cuts.push(end);
        rest.start = end;
    }
    // The last object takes what is behind it: nothing, or what then is its fault.
    if !text[rest].trim_start_matches(BLANKS).starts_with('{') {
        cuts.pop();
    }
    cuts
}

/// Reads the first JSON value; gives where it ends.
fn read_one<'t>(
    text: &'t str,
    body: Range<usize>,
    limits: &Limits,
    sink: &mut impl Sink<'t>,
) -> Option<usize> {
    let mut scanner = Scanner {
        text,
        bytes: &text.as_bytes()[..body.end],
        at: body.start,
        open: Vec::new(),
        sink,
    };
    scanner.skip_blank();
    matches!(scanner.peek()?, b'{' | b'[').then_some(())?;
    scanner.value()?;
    while let Some(kind) = scanner.open.last().copied() {
        if scanner.open.len() > limits.depth {
            return None;
        }
        scanner.next(kind)?;
    }
    Some(scanner.at)
}

/// Takes events for their places only.
struct Nothing;

impl<'t> Sink<'t> for Nothing {
    fn scalar(&mut self, _: Scalar<'t>) -> Result<(), Fault> {
        Ok(())
    }

    fn open(&mut self, _: Kind, _: usize, _: usize) -> Result<(), Fault> {
        Ok(())
    }

    fn close(&mut self, _: usize) -> Result<(), Fault> {
        Ok(())
    }

    fn alias(&mut self, _: usize, _: Range<usize>) -> Result<(), Fault> {
        Ok(())
    }
}

struct Scanner<'s, 't, S> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    open: Vec<Kind>,
    sink: &'s mut S,
}

impl<'t, S: Sink<'t>> Scanner<'_, 't, S> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        self.skip_blank();
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    /// What comes after a value or an opening bracket: the end, or one more entry.
    fn next(&mut self, kind: Kind) -> Option<()> {
        self.skip_blank();
        let closing = if kind == Kind::Mapping { b'}' } else { b']' };
        if self.peek()? == closing {
            self.at += 1;
            self.open.pop();
            return self.sink.close(self.at).ok();
        }
        let first = matches!(
            self.bytes[..self.at].trim_ascii_end().last(),
            Some(b'{' | b'[')
        );
        if !first {
            self.take(b',')?;
        }
        self.entry(kind)
    }

    fn entry(&mut self, kind: Kind) -> Option<()> {
        self.skip_blank();
        if kind == Kind::Mapping {
            (self.peek()? == b'"').then_some(())?;
            self.string()?;
            self.take(b':')?;
            self.skip_blank();
        }
        self.value()
    }

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'{' => self.start(Kind::Mapping),
            b'[' => self.start(Kind::Sequence),
            b'"' => self.string(),
            _ => self.literal(),
        }
    }

    fn start(&mut self, kind: Kind) -> Option<()> {
        self.sink.open(kind, 0, self.at).ok()?;
        self.open.push(kind);
        self.at += 1;
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        let (text, after) = double_quoted(self.text, start, self.bytes.len())?;
        let raw = &self.bytes[start..after];
        raw.iter().all(|byte| *byte >= 0x20).then_some(())?;
        self.at = after;
        self.scalar(text, Style::Quoted, start)
    }

    fn literal(&mut self) -> Option<()> {
        let start = self.at;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        self.at += self.bytes[start..]
            .iter()
            .take_while(|byte| word(byte))
            .count();
        let text = &self.text[start..self.at];
        let known = matches!(text, "true" | "false" | "null") || is_number(text);
        known.then_some(())?;
        self.scalar(text.into(), Style::Plain, start)
    }

    fn scalar(
        &mut self,
        text: std::borrow::Cow<'t, str>,
        style: Style,
        start: usize,
    ) -> Option<()> {
        let scalar = Scalar {
            text,
            style,
            tag: None,
            anchor: 0,
            at: start..self.at,
        };
        self.sink.scalar(scalar).ok()
    }
}

/// The number syntax of JSON, which has no leading zeros.
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
