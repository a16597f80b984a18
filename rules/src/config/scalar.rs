//! Single values of a policy: each is read here and nowhere else.

use jiff::civil::Date;
use serde_json::Value;

use super::{Level, MendAt, Mode};
use crate::finding::Severity;
use crate::istio::duration::GoDuration;
use crate::words;

/// The word that has something not happen at all.
pub(super) const OFF: &str = "off";

/// The levels by name, as a policy writes them.
pub(super) const LEVELS: [&str; 4] = [OFF, "info", "warning", "error"];

/// The modes of the webhook by name.
pub(super) const MODES: [&str; 4] = ["enforce", "warn", "audit", OFF];

/// Where the webhook mends, by name.
pub(super) const MEND_AT: [&str; 3] = ["auto", "workload", "pod"];

/// One of some words. In YAML 1.1, which Kubernetes reads, a bare `off` is false.
pub(super) fn one_of(value: &Value, words: &[&'static str]) -> Option<&'static str> {
    let text = match value {
        Value::Bool(false) => OFF,
        other => other.as_str()?,
    };
    words.iter().copied().find(|word| *word == text)
}

/// A level.
pub(super) fn level(value: &Value) -> Option<Level> {
    Some(match one_of(value, &LEVELS)? {
        OFF => Level::Off,
        "info" => Level::At(Severity::Info),
        "warning" => Level::At(Severity::Warning),
        _ => Level::At(Severity::Error),
    })
}

/// A mode of the webhook.
pub(super) fn mode(value: &Value) -> Option<Mode> {
    Some(match one_of(value, &MODES)? {
        OFF => Mode::Off,
        "warn" => Mode::Warn,
        "audit" => Mode::Audit,
        _ => Mode::Enforce,
    })
}

/// Where the webhook mends.
pub(super) fn mend_at(value: &Value) -> Option<MendAt> {
    Some(match one_of(value, &MEND_AT)? {
        "workload" => MendAt::Workload,
        "pod" => MendAt::Pod,
        _ => MendAt::Auto,
    })
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
