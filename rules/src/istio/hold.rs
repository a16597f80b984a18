//! `holdApplicationUntilProxyStarts`, where people write it and what Istio makes of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::istio::resembles;
use crate::yaml;

/// Annotation of the pod that is laid over the mesh's `defaultConfig`.
pub const CONFIG_ANNOTATION: &str = "proxy.istio.io/config";
/// The field.
pub const FIELD: &str = "holdApplicationUntilProxyStarts";
/// The same field as protobuf names it; Istio reads both.
const PROTO_FIELD: &str = "hold_application_until_proxy_starts";

/// What a proxy config says of hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hold {
    /// Nothing.
    Absent,
    /// A boolean.
    Set(bool),
    /// Something else than a boolean, shown as JSON: Istio refuses all of the config.
    WrongType(String),
    /// A key that was meant to be the field and is not read.
    Misspelt(String),
    /// The text is no YAML mapping: Istio refuses all of the config.
    Broken(String),
}

impl Hold {
    /// Reads a proxy config: the text of the annotation.
    pub fn read(text: &str) -> Self {
        match yaml::value_of(text) {
            Ok(Value::Null) => Self::Absent,
            Ok(config @ Value::Object(_)) => Self::in_config(&config),
            Ok(_) => Self::Broken("it is no mapping".to_owned()),
            Err(problem) => Self::Broken(problem.message),
        }
    }

    /// Reads a proxy config that was parsed already.
    pub fn in_config(config: &Value) -> Self {
        let Some(members) = config.as_object() else {
            return Self::Absent;
        };
        match members.get(FIELD).or_else(|| members.get(PROTO_FIELD)) {
            Some(Value::Bool(on)) => Self::Set(*on),
            Some(Value::Null) => Self::Absent,
            Some(other) => Self::WrongType(other.to_string()),
            None => misspelt(config).map_or(Self::Absent, Self::Misspelt),
        }
    }
}

/// A key that looks like the field: wrong case, up to three letters off, or one level too deep.
fn misspelt(config: &Value) -> Option<String> {
    let members = config.as_object()?;
    if let Some(key) = members.keys().find(|key| resembles(key, FIELD)) {
        return Some(key.clone());
    }
    let nested = members.get("defaultConfig")?.as_object()?;
    nested
        .contains_key(FIELD)
        .then(|| format!("defaultConfig.{FIELD}"))
}

/// The text of a proxy config with hold set to true, everything else as it was; `None` where it
/// cannot be done without rewriting the text.
pub fn with_hold(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some(format!("{FIELD}: true\n"));
    }
    let Ok(before) = yaml::value_of(text) else {
        return None;
    };
    let mut wanted = match before {
        Value::Null => Value::Object(serde_json::Map::new()),
        Value::Object(_) => before,
        _ => return None,
    };
    wanted
        .as_object_mut()?
        .insert(FIELD.to_owned(), Value::Bool(true));
    let line = format!("{FIELD}: true\n");
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let candidates = [
        // The field is there: another value.
        replaced_value(text).unwrap_or_default(),
        // A block mapping: one more line.
        format!("{text}{newline}{line}"),
        // A JSON object, empty or not: one more member in front.
        text.trim_start()
            .strip_prefix('{')
            .map_or_else(String::new, |rest| {
                let comma = if rest.trim_start().starts_with('}') {
                    ""
                } else {
                    ", "
                };
                format!("{{\"{FIELD}\": true{comma}{}", rest.trim_start())
            }),
    ];
    let fits = |candidate: &String| {
        !candidate.is_empty() && yaml::value_of(candidate).is_ok_and(|value| value == wanted)
    };
    candidates.into_iter().find(fits)
}

/// The text with whatever stands behind the field's colon, up to the end of the value, put to true.
fn replaced_value(text: &str) -> Option<String> {
    let field = text.find(FIELD)? + FIELD.len();
    let colon = field + text[field..].find(':')? + 1;
    let value = colon + text[colon..].find(|c: char| !c.is_whitespace())?;
    let end = value
        + text[value..]
            .find([',', '}', '\n', '#'])
            .unwrap_or(text.len() - value);
    let written = text[value..end].trim_end();
    Some(format!(
        "{}true{}",
        &text[..value],
        &text[value + written.len()..]
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_istio_reads() {
        let cases = [
            ("holdApplicationUntilProxyStarts: true", Hold::Set(true)),
            (
                "{ \"holdApplicationUntilProxyStarts\": false }",
                Hold::Set(false),
            ),
            ("hold_application_until_proxy_starts: yes", Hold::Set(true)),
            ("concurrency: 2\n", Hold::Absent),
            ("", Hold::Absent),
            (
                "holdApplicationUntilProxyStarts: \"true\"",
                Hold::WrongType("\"true\"".to_owned()),
            ),
            (
                "holdApplicationUntilProxyStart: true",
                Hold::Misspelt("holdApplicationUntilProxyStart".to_owned()),
            ),
            (
                "defaultConfig:\n  holdApplicationUntilProxyStarts: true",
                Hold::Misspelt("defaultConfig.holdApplicationUntilProxyStarts".to_owned()),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Hold::read(text), expected, "{text}");
        }
        assert!(matches!(Hold::read("a: [b"), Hold::Broken(_)));
        assert!(matches!(Hold::read("just text"), Hold::Broken(_)));
    }

    #[test]
    fn merges_hold_and_keeps_the_rest() {
        let cases = [
            ("", "holdApplicationUntilProxyStarts: true\n"),
            (
                "concurrency: 2\n",
                "concurrency: 2\nholdApplicationUntilProxyStarts: true\n",
            ),
            (
                "concurrency: 2",
                "concurrency: 2\nholdApplicationUntilProxyStarts: true\n",
            ),
            ("{}", "{\"holdApplicationUntilProxyStarts\": true}"),
            (
                "{ \"concurrency\": 2 }",
                "{\"holdApplicationUntilProxyStarts\": true, \"concurrency\": 2 }",
            ),
            (
                "holdApplicationUntilProxyStarts: false # why\nconcurrency: 2\n",
                "holdApplicationUntilProxyStarts: true # why\nconcurrency: 2\n",
            ),
            (
                "holdApplicationUntilProxyStarts: \"true\"\n",
                "holdApplicationUntilProxyStarts: true\n",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(with_hold(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(with_hold("just text"), None);
    }
}
