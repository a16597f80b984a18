//! Plain and quoted scalars on several lines.

use super::super::event::{Scalar, Sink, Style};
use super::scalar::{double_quoted, is_pair, may_start_plain, scalar};
use super::{Line, Scanner};

impl<'t, S: Sink<'t>> Scanner<'_, 't, S> {
    /// Adds the lines on which a plain scalar goes on; `end` is that of its first line.
    pub(super) fn folded_plain(&mut self, first: Scalar<'t>, end: usize) -> Option<Scalar<'t>> {
        let mut scalar = first;
        let mut joined = Joined::default();
        // Behind a comment a scalar cannot go on.
        let commented = self.skip_spaces(scalar.at.end, end) < end;
        while !commented && let Some((line, blank)) = self.continuation() {
            let content = self.text[line.at..line.end].trim_end_matches(' ');
            let bytes = content.as_bytes();
            let simple = may_start_plain(bytes[0]) && !content.contains(" #") && !is_pair(bytes);
            simple.then_some(())?;
            joined.start(&scalar.text);
            joined.push(blank, content);
            scalar.at.end = line.at + content.len();
        }
        Some(joined.finish(scalar))
    }

    /// A quoted scalar that does not end on its first line; gives the end of its last one too.
    pub(super) fn folded_quoted(&mut self, at: usize, end: usize) -> Option<(Scalar<'t>, usize)> {
        let quote = self.bytes[at];
        let mut joined = Joined::default();
        let first = self.text[at + 1..end].trim_end_matches(' ');
        (!first.is_empty()).then_some(())?;
        joined.start(&unquote(first, quote)?);
        loop {
            let (line, blank) = self.continuation()?;
            let content = &self.text[line.at..line.end];
            if let Some(closing) = closing(content.as_bytes(), quote) {
                (closing > 0).then_some(())?;
                joined.push(blank, &unquote(&content[..closing], quote)?);
                let place = at..line.at + closing + 1;
                let scalar = scalar(joined.text.into(), Style::Quoted, place);
                return Some((scalar, line.end));
            }
            joined.push(blank, &unquote(content.trim_end_matches(' '), quote)?);
        }
    }

    /// The next line, if it is deeper than the collection that is open; and how many blank ones
    /// there are in front of it.
    fn continuation(&mut self) -> Option<(Line, usize)> {
        let parent = self.levels.last()?.indent;
        let before = self.rest.start;
        let mut blank = 0;
        while !self.rest.is_empty() {
            let line = self.take_line();
            if line.at == line.end {
                blank += 1;
            } else if line.indent() > parent && self.bytes[line.at] != b'#' {
                return Some((line, blank));
            } else {
                break;
            }
        }
        self.rest.start = before;
        None
    }
}

/// Lines that are folded into one text.
#[derive(Default)]
struct Joined {
    text: String,
    several: bool,
}

impl Joined {
    fn start(&mut self, first: &str) {
        if !self.several {
            self.text.push_str(first);
            self.several = true;
        }
    }

    fn push(&mut self, blank: usize, line: &str) {
        match blank {
            0 => self.text.push(' '),
            _ => self.text.extend(std::iter::repeat_n('\n', blank)),
        }
        self.text.push_str(line);
    }

    fn finish(self, scalar: Scalar<'_>) -> Scalar<'_> {
        if !self.several {
            return scalar;
        }
        Scalar {
            text: self.text.into(),
            ..scalar
        }
    }
}

/// Where the quote that ends a scalar is.
fn closing(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes[at..]
            .iter()
            .position(|byte| *byte == quote || *byte == b'\\')?;
        match (quote, bytes[at]) {
            (b'"', b'\\') => at += 2,
            (b'\'', b'\\') => at += 1,
            (b'\'', _) if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            _ => return Some(at),
        }
        (at <= bytes.len()).then_some(())?;
    }
}

/// The text of one line of a quoted scalar, which holds no closing quote.
fn unquote(line: &str, quote: u8) -> Option<String> {
    if quote == b'\'' {
        return Some(line.replace("''", "'"));
    }
    if !line.contains('\\') {
        return Some(line.to_owned());
    }
    let quoted = format!("\"{line}\"");
    let (text, after) = double_quoted(&quoted, 0, quoted.len())?;
    (after == quoted.len()).then(|| text.into_owned())
}
