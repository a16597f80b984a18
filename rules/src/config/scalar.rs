//! Single values of a policy: each is read here and nowhere else.

use jiff::civil::Date;
use serde_json::Value;

use super::Level;
use crate::finding::Severity;
use crate::istio::duration::GoDuration;
use crate::words;

/// The levels by name, as a policy writes them.
pub(super) const LEVELS: [&str; 4] = ["off", "info", "warning", "error"];

/// A level. In YAML 1.1, which Kubernetes reads, a bare `off` is false.
pub(super) fn level(value: &Value) -> Option<Level> {
    match value {
        Value::Bool(false) => Some(Level::Off),
        Value::String(text) => match text.as_str() {
            "off" => Some(Level::Off),
            "info" => Some(Level::At(Severity::Info)),
            "warning" => Some(Level::At(Severity::Warning)),
            "error" => Some(Level::At(Severity::Error)),
            _ => None,
        },
        _ => None,
    }
}

/// A duration above zero, as Go writes it; else what is wrong with it.
pub(super) fn duration(value: &Value) -> Result<GoDuration, &'static str> {
    const EXPECTED: &str = "expected a duration such as 10m";
    match value {
        Value::Number(_) => Err("a duration needs its unit, such as 10m"),
        Value::String(text) => match GoDuration::parse(text) {
            Ok(duration) if duration > GoDuration::ZERO => Ok(duration),
            Ok(_) => Err("expected a duration above zero"),
            Err(_) => Err(EXPECTED),
        },
        _ => Err(EXPECTED),
    }
}

/// A day, `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<Date> {
    let is_plain = text.len() == "YYYY-MM-DD".len();
    text.parse().ok().filter(|_| is_plain)
}

/// Text that says something.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

/// A value in a message, short and in one line.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) => words::quoted(text),
        other => format!("`{other}`"),
    }
}
