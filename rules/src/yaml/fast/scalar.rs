//! Scalars on one line.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

use super::super::event::{Scalar, Sink, Style};
use super::Scanner;

/// Well below the length at which the full parser stops to look for a key's `:`.
const LONGEST_KEY: usize = 900;

impl<'t, S: Sink<'t>> Scanner<'_, 't, S> {
    /// The key that begins here, if one does: its `at` ends at the `:`.
    pub(super) fn key(&self, at: usize, end: usize) -> Option<Scalar<'t>> {
        let scalar = match self.bytes[at] {
            b'"' | b'\'' => self.quoted(at, end)?,
            _ => self.plain_key(at, end)?,
        };
        let colon = scalar.at.end;
        let separated =
            self.bytes[colon..end].starts_with(b": ") || &self.bytes[colon..end] == b":";
        (separated && colon - at < LONGEST_KEY).then_some(scalar)
    }

    fn plain_key(&self, at: usize, end: usize) -> Option<Scalar<'t>> {
        let mut here = at;
        loop {
            match *self.bytes[..end].get(here)? {
                b':' if here + 1 == end || self.bytes[here + 1] == b' ' => break,
                b' ' | b'-' | b'+' | b'=' | b'%' | b'@' | b'^' | b'*' | b')' | b':'
                    if here > at => {}
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'_'
                | b'.'
                | b'/'
                | b'$'
                | b'('
                | b'~' => {}
                _ => return None,
            }
            here += 1;
        }
        let is_clean = here > at && self.bytes[here - 1] != b' ';
        is_clean.then(|| scalar(self.text[at..here].into(), Style::Plain, at..here))
    }

    /// A plain scalar up to the end of the line.
    pub(super) fn plain(&self, at: usize, end: usize) -> Option<Scalar<'t>> {
        let starts_plain = match self.bytes[at] {
            b'-' => self.bytes[..end]
                .get(at + 1)
                .is_some_and(|next| is_word(*next) || *next == b'-'),
            first => may_start_plain(first),
        };
        starts_plain.then_some(())?;
        let stretch = &self.bytes[at..end];
        let comment = memchr_iter(b'#', stretch).find(|hash| stretch[hash - 1] == b' ');
        let stretch = stretch[..comment.unwrap_or(stretch.len())].trim_ascii_end();
        (!is_pair(stretch)).then_some(())?;
        let place = at..at + stretch.len();
        Some(scalar(self.text[place.clone()].into(), Style::Plain, place))
    }

    /// A quoted scalar that ends on this line.
    pub(super) fn quoted(&self, at: usize, end: usize) -> Option<Scalar<'t>> {
        let (text, after) = match self.bytes[at] {
            b'"' => double_quoted(self.text, at, end)?,
            _ => self.single_quoted(at, end)?,
        };
        Some(scalar(text, Style::Quoted, at..after))
    }

    fn single_quoted(&self, at: usize, end: usize) -> Option<(Cow<'t, str>, usize)> {
        let mut here = at + 1;
        let mut doubled = false;
        loop {
            here += memchr(b'\'', &self.bytes[here..end])?;
            if self.bytes[..end].get(here + 1) != Some(&b'\'') {
                break;
            }
            doubled = true;
            here += 2;
        }
        let inner = &self.text[at + 1..here];
        let text = if doubled {
            inner.replace("''", "'").into()
        } else {
            inner.into()
        };
        Some((text, here + 1))
    }
}

pub(super) fn scalar(text: Cow<'_, str>, style: Style, at: Range<usize>) -> Scalar<'_> {
    Scalar {
        text,
        style,
        tag: None,
        anchor: 0,
        at,
    }
}

/// Whether a `:` in a plain scalar makes it a key.
pub(super) fn is_pair(line: &[u8]) -> bool {
    memchr_iter(b':', line).any(|colon| matches!(line.get(colon + 1), None | Some(b' ')))
}

/// Letters, digits and what is as harmless behind a dash.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/')
}

/// Not an indicator.
pub(super) fn may_start_plain(byte: u8) -> bool {
    is_word(byte)
        || matches!(
            byte,
            b'$' | b'(' | b'+' | b'=' | b'<' | b'~' | b'^' | b';' | b'\\'
        )
        || byte >= 0x80
}

/// A double-quoted scalar with the escapes that YAML and JSON share, as far as `end`; gives its text
/// and what is behind its closing quote.
pub(in super::super) fn double_quoted(
    text: &str,
    at: usize,
    end: usize,
) -> Option<(Cow<'_, str>, usize)> {
    let bytes = text.as_bytes();
    let mut here = at + 1;
    let mut owned = String::new();
    let mut from = here;
    loop {
        here += memchr2(b'"', b'\\', &bytes[here..end])?;
        if bytes[here] == b'"' {
            break;
        }
        owned.push_str(&text[from..here]);
        let (c, after) = unescape(bytes, here + 1, end)?;
        owned.push(c);
        (here, from) = (after, after);
    }
    let last = &text[from..here];
    let content = if from == at + 1 {
        last.into()
    } else {
        owned.push_str(last);
        owned.into()
    };
    Some((content, here + 1))
}

fn unescape(bytes: &[u8], at: usize, end: usize) -> Option<(char, usize)> {
    let c = match *bytes[..end].get(at)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        quoted @ (b'"' | b'\\' | b'/') => char::from(quoted),
        b'u' => return unicode(bytes, at + 1, end),
        _ => return None,
    };
    Some((c, at + 1))
}

/// Four hexadecimal digits, or twice four for a surrogate pair.
fn unicode(bytes: &[u8], at: usize, end: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = bytes[..end].get(at..at + 4)?;
        digits.iter().try_fold(0_u16, |unit, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    };
    let first = unit(at)?;
    if let Some(c) = char::from_u32(first.into()) {
        return Some((c, at + 4));
    }
    if bytes[..end].get(at + 4..at + 6)? != b"\\u" {
        return None;
    }
    let pair = [first, unit(at + 6)?];
    let mut decoded = char::decode_utf16(pair);
    let c = decoded.next()?.ok()?;
    decoded.next().is_none().then_some((c, at + 10))
}
