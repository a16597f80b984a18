//! Durations as Go's `time.ParseDuration` reads them, which is what istiod does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A duration in nanoseconds, as Go keeps it (64 bits, signed: up to 292 years).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GoDuration(i64);

impl From<GoDuration> for String {
    fn from(duration: GoDuration) -> Self {
        duration.to_string()
    }
}

impl TryFrom<String> for GoDuration {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, DurationError> {
        Self::parse(&text)
    }
}

/// Why a text is no duration, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number with a unit at all, or out of range.
    #[error("time: invalid duration {}", quote(.0))]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {}", quote(.0))]
    MissingUnit(String),
    /// A unit that Go does not have.
    #[error("time: unknown unit {} in duration {}", quote(unit), quote(text))]
    UnknownUnit {
        /// The unit as written.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// As Go's package `time` quotes: bytes that are no printable ASCII as `\xc2`.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..0x80 => quoted.push(char::from(byte)),
            _ => quoted.extend(['\\', 'x', hex(byte >> 4), hex(byte & 0xf)]),
        }
    }
    quoted + "\""
}

fn hex(digit: u8) -> char {
    char::from_digit(digit.into(), 16).expect("four bits are a digit")
}

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl GoDuration {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// Whole minutes.
    pub const fn from_minutes(minutes: i64) -> Self {
        Self(minutes * MINUTE)
    }

    /// Whole seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * SECOND)
    }

    /// Nanoseconds.
    pub const fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Seconds with their fraction.
    #[expect(clippy::cast_precision_loss, reason = "for messages only")]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// This duration times `numerator / denominator`, saturating.
    #[must_use]
    pub fn scaled(self, numerator: i64, denominator: i64) -> Self {
        let wide = i128::from(self.0) * i128::from(numerator) / i128::from(denominator);
        Self(i64::try_from(wide).unwrap_or(i64::MAX))
    }

    /// The sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Reads a text as Go does: signed decimal numbers with the units `ns us µs ms s m h`, or `0`.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let invalid = || DurationError::Invalid(text.to_owned());
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(invalid());
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (amount, behind) = term(rest, text)?;
            total = total.checked_add(amount).ok_or_else(invalid)?;
            if total > 1 << 63 {
                return Err(invalid());
            }
            rest = behind;
        }
        let signed = if negative {
            0i64.checked_sub_unsigned(total)
        } else {
            i64::try_from(total).ok()
        };
        signed.map(Self).ok_or_else(invalid)
    }
}

/// One number with its unit, in nanoseconds, and what stands behind it.
fn term<'t>(rest: &'t str, text: &str) -> Result<(u64, &'t str), DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (whole, behind) = digits(rest);
    // The first thing that Go looks at is whether the number is too large.
    let number = if whole.is_empty() {
        0
    } else {
        let number: u64 = whole.parse().map_err(|_| invalid())?;
        if number > 1 << 63 {
            return Err(invalid());
        }
        number
    };
    let (fraction, behind) = match behind.strip_prefix('.') {
        Some(behind) => digits(behind),
        None => ("", behind),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let end = behind
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(behind.len());
    let (unit, behind) = behind.split_at(end);
    let scale: u64 = match unit {
        "" => return Err(DurationError::MissingUnit(text.to_owned())),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND.unsigned_abs(),
        "m" => MINUTE.unsigned_abs(),
        "h" => HOUR.unsigned_abs(),
        unit => {
            return Err(DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        }
    };
    let mut amount = number.checked_mul(scale).ok_or_else(invalid)?;
    amount = amount
        .checked_add(fraction_of(fraction, scale))
        .ok_or_else(invalid)?;
    Ok((amount, behind))
}

/// The fraction's digits as a share of the unit; digits beyond what a number holds do not count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "Go computes the fraction in floating point too"
)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1f64);
    for digit in digits.bytes().map(|b| u64::from(b - b'0')) {
        if value > i64::MAX.unsigned_abs() / 10 {
            break;
        }
        value = value * 10 + digit;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// `33m10s`, `1h30m`, `45s`, `1.5s`: shorter than Go's own `1h30m0s`, and read back the same.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let all = self.0.unsigned_abs();
        let (hour, minute, second) = (
            HOUR.unsigned_abs(),
            MINUTE.unsigned_abs(),
            SECOND.unsigned_abs(),
        );
        let (hours, minutes, rest) = (all / hour, all % hour / minute, all % minute);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        match rest {
            0 => Ok(()),
            rest if rest % second == 0 => write!(f, "{}s", rest / second),
            rest if all < 1_000 => write!(f, "{rest}ns"),
            rest if all < 1_000_000 => write!(f, "{}us", decimal(rest, 1_000)),
            rest if all < second => write!(f, "{}ms", decimal(rest, 1_000_000)),
            rest => write!(f, "{}s", decimal(rest, second)),
        }
    }
}

fn decimal(amount: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", amount / unit, amount % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepted and refused forms, from Go's own tests and from what istiod answered.
    #[test]
    fn reads_what_go_reads() {
        let accepted = [
            ("0", 0),
            ("0s", 0),
            ("-0", 0),
            ("30m", 30 * MINUTE),
            ("+10m", 10 * MINUTE),
            ("-10m", -10 * MINUTE),
            ("1h30m15s", HOUR + 30 * MINUTE + 15 * SECOND),
            ("1.5h", HOUR + 30 * MINUTE),
            (".5s", SECOND / 2),
            ("1.s", SECOND),
            ("1us", 1_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("0.3333333333333333333h", 20 * MINUTE),
            ("876000h", 876_000 * HOUR),
        ];
        for (text, nanoseconds) in accepted {
            assert_eq!(
                GoDuration::parse(text),
                Ok(GoDuration(nanoseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_go_refuses_in_its_words() {
        let refused = [
            ("", "time: invalid duration \"\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1800", "time: missing unit in duration \"1800\""),
            ("-", "time: invalid duration \"-\""),
            ("s", "time: invalid duration \"s\""),
            (".", "time: invalid duration \".\""),
            ("-.", "time: invalid duration \"-.\""),
            (".s", "time: invalid duration \".s\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            ("10M", "time: unknown unit \"M\" in duration \"10M\""),
            ("10 m", "time: unknown unit \" m\" in duration \"10 m\""),
            ("\"10m\"", "time: invalid duration \"\\\"10m\\\"\""),
            (
                "9223372036854775808ns",
                "time: invalid duration \"9223372036854775808ns\"",
            ),
            ("3000000h", "time: invalid duration \"3000000h\""),
        ];
        for (text, message) in refused {
            let error = GoDuration::parse(text).expect_err(text);
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn prints_short_and_reads_back() {
        for text in [
            "33m10s", "1h30m", "45s", "1.5s", "10m", "20ns", "1.5us", "250ms", "-5m", "0s",
        ] {
            let duration = GoDuration::parse(text).expect("a duration");
            assert_eq!(duration.to_string(), text);
        }
    }
}
