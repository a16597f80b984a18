//! Flow collections on one line.

use super::super::event::{Kind, Scalar, Sink, Style};
use super::Scanner;
use super::scalar::{is_word, scalar};

/// Deeper ones are for the full parser.
const DEEPEST: usize = 16;

impl<'t, S: Sink<'t>> Scanner<'_, 't, S> {
    /// Reads the collection that begins at `at`; gives what is behind it.
    pub(super) fn flow(&mut self, at: usize, end: usize, depth: usize) -> Option<usize> {
        let (kind, closing) = match self.bytes[at] {
            b'[' => (Kind::Sequence, b']'),
            _ => (Kind::Mapping, b'}'),
        };
        if depth > DEEPEST {
            return None;
        }
        self.sink.open(kind, 0, at).ok()?;
        let mut here = self.skip_spaces(at + 1, end);
        while self.peek(here, end)? != closing {
            if kind == Kind::Mapping {
                here = self.flow_key(here, end)?;
            }
            here = self.flow_value(here, end, depth)?;
            here = self.skip_spaces(here, end);
            if self.peek(here, end)? == b',' {
                here = self.skip_spaces(here + 1, end);
                // Whether a comma may stand in front of the bracket is for the full parser to say.
                (self.peek(here, end)? != closing).then_some(())?;
            } else {
                (self.peek(here, end)? == closing).then_some(())?;
            }
        }
        self.end = here + 1;
        self.sink.close(here + 1).ok()?;
        Some(here + 1)
    }

    fn peek(&self, at: usize, end: usize) -> Option<u8> {
        self.bytes[..end].get(at).copied()
    }

    /// Reads a key; gives where its value begins.
    fn flow_key(&mut self, at: usize, end: usize) -> Option<usize> {
        let key = self.flow_scalar(at, end)?;
        let colon = key.at.end;
        self.bytes[colon..end].starts_with(b": ").then_some(())?;
        self.scalar(key)?;
        Some(self.skip_spaces(colon + 2, end))
    }

    fn flow_value(&mut self, at: usize, end: usize, depth: usize) -> Option<usize> {
        if matches!(self.peek(at, end)?, b'[' | b'{') {
            return self.flow(at, end, depth + 1);
        }
        let value = self.flow_scalar(at, end)?;
        let after = value.at.end;
        self.scalar(value)?;
        Some(after)
    }

    fn flow_scalar(&self, at: usize, end: usize) -> Option<Scalar<'t>> {
        if matches!(self.peek(at, end)?, b'"' | b'\'') {
            return self.quoted(at, end);
        }
        let word = |byte: &u8| is_word(*byte) || matches!(*byte, b'-' | b'+' | b'=' | b'$' | b'@');
        let length = self.bytes[at..end]
            .iter()
            .take_while(|byte| word(byte))
            .count();
        let starts_word = is_word(self.bytes[at]);
        let place = at..at + length;
        starts_word.then(|| scalar(self.text[place.clone()].into(), Style::Plain, place))
    }
}
