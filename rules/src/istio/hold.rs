//! `holdApplicationUntilProxyStarts`, where people write it and what Istio makes of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::{Change, op};
use crate::istio::resembles;
use crate::object::{Node, Strings};
use crate::yaml;

pub mod mesh;

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

    /// The field in a proxy config, under either of its names; a null is not there.
    pub fn node_in<'a>(config: &Node<'a>) -> Option<Node<'a>> {
        [FIELD, PROTO_FIELD]
            .iter()
            .find_map(|name| config.get_set(name))
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

/// The change that sets hold to true in the proxy config that this string holds, everything else as it
/// was; `None` where the string holds something else.
pub fn with_hold<'a>(config: &Node<'a>, strings: &'a Strings) -> Option<Change<'a>> {
    let document = config.document(strings)?.ok()?;
    let fits = matches!(document.value(), Value::Null | Value::Object(_));
    // Both names at once are refused.
    let names = [FIELD, PROTO_FIELD];
    let written = names.into_iter().find(|name| document.get(name).is_some());
    fits.then(|| op::add_below(&document, &[written.unwrap_or(FIELD)], Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Fix;

    fn held(text: &str) -> Option<String> {
        let before = Value::String(text.to_owned());
        let strings = Strings::default();
        let change = with_hold(&Node::root(&before), &strings)?;
        let fix = Fix::safe("hold", vec![change])?;
        let mut after = before.clone();
        json_patch::patch(&mut after, &fix.patch).ok()?;
        after.as_str().map(str::to_owned)
    }

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
                "concurrency: 2\nholdApplicationUntilProxyStarts: true",
            ),
            ("{}", "{holdApplicationUntilProxyStarts: true}"),
            (
                "{ \"concurrency\": 2 }",
                "{ \"concurrency\": 2, \"holdApplicationUntilProxyStarts\": true }",
            ),
            (
                "holdApplicationUntilProxyStarts: false # why\nconcurrency: 2\n",
                "holdApplicationUntilProxyStarts: true # why\nconcurrency: 2\n",
            ),
            (
                "hold_application_until_proxy_starts: no\n",
                "hold_application_until_proxy_starts: true\n",
            ),
            (
                "holdApplicationUntilProxyStarts: \"true\"\n",
                "holdApplicationUntilProxyStarts: true\n",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(held(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(held("just text"), None);
    }
}
