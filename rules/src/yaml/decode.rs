//! Bytes to text: UTF-8 with or without a byte order mark, UTF-16 with one.

use super::{Encoding, Position, Problem, ProblemKind};

/// Decodes a file; the byte order mark is not part of the text.
pub(super) fn decode(bytes: &[u8]) -> Result<(String, Encoding), Problem> {
    match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Err(foreign("UTF-32")),
        [0xFF, 0xFE, rest @ ..] => Ok((utf16(rest, u16::from_le_bytes)?, Encoding::Utf16Le)),
        [0xFE, 0xFF, rest @ ..] => Ok((utf16(rest, u16::from_be_bytes)?, Encoding::Utf16Be)),
        [0xEF, 0xBB, 0xBF, rest @ ..] => Ok((utf8(rest)?, Encoding::Utf8 { bom: true })),
        // Every YAML or JSON text starts with an ASCII character, so a zero beside it is half of one.
        [0, 1..=0x7F, ..] | [1..=0x7F, 0, ..] => Err(foreign("UTF-16 without a byte order mark")),
        _ => Ok((utf8(bytes)?, Encoding::Utf8 { bom: false })),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, Problem> {
    let error = match str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    let (good, bad) = bytes.split_at(error.valid_up_to());
    let good = str::from_utf8(good).expect("valid up to here, as the error says");
    let message = match error.error_len() {
        Some(_) => format!("byte 0x{:02x} is not valid UTF-8", bad[0]),
        None => format!("the file ends inside a character (byte 0x{:02x})", bad[0]),
    };
    Err(problem(Some(end_of(good)), message))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Problem> {
    let mut text = String::with_capacity(bytes.len() / 2);
    let (units, rest) = bytes.as_chunks::<2>();
    for decoded in char::decode_utf16(units.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(c) => text.push(c),
            Err(error) => {
                let half = error.unpaired_surrogate();
                let message = format!("half a character (0x{half:04x}) is not valid UTF-16");
                return Err(problem(Some(end_of(&text)), message));
            }
        }
    }
    if rest.is_empty() {
        return Ok(text);
    }
    let message = "the file ends inside a character (odd number of bytes in UTF-16)".to_owned();
    Err(problem(Some(end_of(&text)), message))
}

fn foreign(name: &str) -> Problem {
    let start = Position { line: 1, column: 1 };
    problem(
        Some(start),
        format!("the file is {name}; kubectl reads UTF-8, or UTF-16 with a byte order mark"),
    )
}

fn problem(at: Option<Position>, message: String) -> Problem {
    Problem {
        document: None,
        at,
        kind: ProblemKind::Encoding,
        message,
    }
}

fn end_of(text: &str) -> Position {
    super::lines::Lines::new(text, 0..text.len(), 1).position(text.len())
}
