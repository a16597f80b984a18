//! Explicit tags.

use std::fmt;

/// The tags that go-yaml v2 gives a meaning for scalars; tags on mappings and sequences mean
/// nothing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Text,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// Any other tag: the scalar is text.
    Other,
}

impl Tag {
    /// From the full form, `tag:yaml.org,2002:int`.
    pub(super) fn parse(handle: &str, suffix: &str) -> Self {
        let full = format!("{handle}{suffix}");
        match full.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Self::Text,
            Some("bool") => Self::Bool,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("binary") => Self::Binary,
            Some("merge") => Self::Merge,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "!!str",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
            Self::Merge => "!!merge",
            Self::Other => "!",
        })
    }
}

/// `!!binary` is decoded, and what is no UTF-8 in it replaced byte by byte, as Go's JSON encoder does.
pub(super) fn binary(text: &str) -> Result<String, String> {
    let bytes = base64(text).ok_or("!!binary holds no valid base64")?;
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Ok(out)
}

/// Standard base64 with padding; line breaks do not count.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !matches!(b, b'\n' | b'\r'))
        .collect();
    let (groups, rest) = digits.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    for (index, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < groups.len()) {
            return None;
        }
        let mut bits = 0_u32;
        for digit in &group[..4 - padding] {
            bits = bits << 6 | sextet(*digit)?;
        }
        bits <<= 6 * padding;
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(&bytes[..3 - padding]);
    }
    Some(out)
}

fn sextet(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// The forms that go-yaml takes: `2006-1-2`, alone, with a time behind a blank, or behind `T` with a
/// time and a zone.
pub(super) fn is_timestamp(text: &str) -> bool {
    let date_end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, rest) = text.split_at(date_end);
    let mut parts = date.split('-');
    let year = parts
        .next()
        .is_some_and(|year| year.len() == 4 && numeric(year));
    let day = matches!(
        (parts.next(), parts.next(), parts.next()),
        (Some(month), Some(day), None) if in_range(month, 1, 12) && in_range(day, 1, 31)
    );
    let time = match rest.as_bytes().first() {
        None => true,
        Some(b' ') => is_clock(&rest[1..]),
        Some(_) => zoned(&rest[1..]),
    };
    year && day && time
}

fn zoned(text: &str) -> bool {
    if let Some(clock) = text.strip_suffix('Z') {
        return is_clock(clock);
    }
    let Some(at) = text.rfind(['+', '-']) else {
        return false;
    };
    let zone = text[at + 1..].split_once(':');
    is_clock(&text[..at])
        && zone.is_some_and(|(h, m)| {
            h.len() == 2 && m.len() == 2 && in_range(h, 0, 24) && in_range(m, 0, 60)
        })
}

fn is_clock(text: &str) -> bool {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let whole = matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (Some(h), Some(m), Some(s), None)
            if in_range(h, 0, 23) && in_range(m, 0, 59) && in_range(s, 0, 59)
    );
    whole && numeric(fraction)
}

fn in_range(text: &str, low: u8, high: u8) -> bool {
    let short = text.len() <= 2 && numeric(text);
    short && text.parse().is_ok_and(|n: u8| (low..=high).contains(&n))
}

fn numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
