//! Scalars as kubectl reads them.
//!
//! kubectl reads YAML through `sigs.k8s.io/yaml`, which resolves scalars with go-yaml v2
//! (`go.yaml.in/yaml/v2`, `resolve.go`): YAML 1.1 with Go's number syntax, whose corners are kept
//! here because another reading would judge another object than the cluster gets. The result is
//! converted to JSON, where a float without a fraction is an integer.

use std::borrow::Cow;

use serde_json::{Number, Value};

use super::tags::Tag;

/// What a scalar means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resolved<'t> {
    Null,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    Uint(u64),
    Float(f64),
    Text(Cow<'t, str>),
}

/// Resolves a plain scalar without a tag.
pub(super) fn plain(text: Cow<'_, str>) -> Resolved<'_> {
    plain_value(&text).unwrap_or(Resolved::Text(text))
}

/// What a plain scalar is, unless it is text.
pub(super) fn plain_value(text: &str) -> Option<Resolved<'static>> {
    match text.as_bytes().first() {
        None => Some(Resolved::Null),
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            word(text)
        }
        Some(b'.') => dotted(text),
        Some(b'+' | b'-' | b'0'..=b'9') => signed_infinity(text).or_else(|| number(text)),
        _ => None,
    }
}

/// Resolves a scalar with an explicit tag; the style does not matter then.
pub(super) fn tagged(tag: Tag, text: Cow<'_, str>) -> Result<Resolved<'_>, String> {
    let found = match tag {
        Tag::Text | Tag::Merge | Tag::Other => return Ok(Resolved::Text(text)),
        Tag::Binary => return super::tags::binary(&text).map(|s| Resolved::Text(s.into())),
        Tag::Timestamp if super::tags::is_timestamp(&text) => return Ok(Resolved::Text(text)),
        _ => plain_value(&text),
    };
    match (tag, found) {
        (Tag::Null, Some(Resolved::Null)) => Ok(Resolved::Null),
        (Tag::Bool, Some(value @ Resolved::Bool(_)))
        | (Tag::Int, Some(value @ (Resolved::Int(_) | Resolved::Uint(_))))
        | (Tag::Float, Some(value @ Resolved::Float(_))) => Ok(value),
        #[expect(clippy::cast_precision_loss, reason = "what go-yaml does")]
        (Tag::Float, Some(Resolved::Int(value))) => Ok(Resolved::Float(value as f64)),
        _ => Err(format!("`{text}` is not a {tag}")),
    }
}

fn word(text: &str) -> Option<Resolved<'static>> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Resolved::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Resolved::Bool(false))
        }
        "~" | "null" | "Null" | "NULL" => Some(Resolved::Null),
        _ => None,
    }
}

fn dotted(text: &str) -> Option<Resolved<'static>> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(Resolved::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" => Some(Resolved::Float(f64::INFINITY)),
        // Here Go's own float syntax applies, in which `_` may stand between two digits only.
        _ if !underscores_separate_digits(text) => None,
        _ => float(&text.replace('_', "")),
    }
}

fn underscores_separate_digits(text: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    (0..bytes.len())
        .filter(|at| bytes[*at] == b'_')
        .all(|at| digit(at.checked_sub(1).map(|before| &bytes[before])) && digit(bytes.get(at + 1)))
}

fn signed_infinity(text: &str) -> Option<Resolved<'static>> {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => Some(Resolved::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(Resolved::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Resolved<'static>> {
    let digits: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    integer(&digits)
        .or_else(|| float(&digits))
        .or_else(|| odd_binary(&digits))
}

/// Go's `strconv.ParseInt(s, 0, 64)`, then `ParseUint`.
fn integer(text: &str) -> Option<Resolved<'static>> {
    let (negative, unsigned) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = magnitude(unsigned)?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Resolved::Int(value)),
        (true, Ok(value)) => Some(Resolved::Int(-value)),
        (true, Err(_)) if magnitude == 1 << 63 => Some(Resolved::Int(i64::MIN)),
        // `ParseUint` takes no sign.
        (false, Err(_)) if !text.starts_with('+') => Some(Resolved::Uint(magnitude)),
        _ => None,
    }
}

fn magnitude(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (radix, digits) = match bytes {
        [b'0', b'x' | b'X', _, ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &text[2..]),
        [b'0'] => return Some(0),
        [b'0', ..] => (8, &text[1..]),
        _ => (10, text),
    };
    // Rust's parser would take a sign.
    let unsigned = digits.as_bytes().first()?.is_ascii_alphanumeric();
    unsigned.then(|| u64::from_str_radix(digits, radix).ok())?
}

/// A decimal float; one too large for 64 bits stays text.
fn float(text: &str) -> Option<Resolved<'static>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |s: &str| s.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_mantissa =
        all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let has_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !has_mantissa || !has_exponent {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(Resolved::Float(value))
}

/// go-yaml tries `0b` once more with a parser that takes a sign behind it.
fn odd_binary(text: &str) -> Option<Resolved<'static>> {
    let digits = text.strip_prefix("0b")?;
    i64::from_str_radix(digits, 2).ok().map(Resolved::Int)
}

impl Resolved<'_> {
    /// The JSON value; infinities and NaN have none.
    pub(super) fn into_value(self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => value.into(),
            Self::Uint(value) => value.into(),
            Self::Float(value) => float_value(value)?,
            Self::Text(text) => Value::String(text.into_owned()),
        })
    }

    /// The member name that this scalar is as a mapping key.
    pub(super) fn into_key(self) -> Result<String, String> {
        Ok(match self {
            Self::Text(text) => text.into_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => float_key(value),
            Self::Null => return Err("null cannot be a key".to_owned()),
            Self::Uint(value) => return Err(format!("{value} is too large for a key")),
        })
    }
}

/// As Go's JSON encoder writes it and the API server reads it: without a fraction it is an integer.
fn float_value(value: f64) -> Result<Value, String> {
    if value.fract() == 0.0 && value.abs() < 1e21 {
        let digits = value.to_string();
        if let Ok(integer) = digits.parse::<i64>() {
            return Ok(integer.into());
        }
        if let Ok(integer) = digits.parse::<u64>() {
            return Ok(integer.into());
        }
    }
    Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| "infinity and NaN have no form in JSON, kubectl refuses them".to_owned())
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 32)`, which `sigs.k8s.io/yaml` uses for keys.
fn float_key(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "Go formats keys in 32 bits"
    )]
    let value = value as f32;
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}.inf");
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    value.to_string()
}
