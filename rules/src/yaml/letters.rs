//! Characters that YAML forbids.

use std::ops::Range;

use super::event::Fault;

/// Refuses control characters: kubectl does, and a zero byte is a damaged file.
pub(super) fn check(text: &str, range: Range<usize>) -> Result<(), Fault> {
    let start = range.start;
    let text = &text[range];
    if text
        .bytes()
        .all(|byte| (0x20..0x7F).contains(&byte) || matches!(byte, b'\n' | b'\t' | b'\r'))
    {
        return Ok(());
    }
    let found = text.char_indices().find(|(_, c)| is_forbidden(*c));
    match found {
        None => Ok(()),
        Some((at, c)) => Err(Fault::syntax(
            start + at,
            format!("control character U+{:04X} is not allowed", u32::from(c)),
        )),
    }
}

/// Outside of what YAML 1.1 and 1.2 call printable.
fn is_forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{FFFE}' | '\u{FFFF}' => true,
        c => c.is_control(),
    }
}
