//! Label selectors, as webhook configurations and the injector's policy write them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::Node;

/// A label selector of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Selector {
    /// Labels with exactly these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: BTreeMap<String, String>,
    /// Further requirements; all must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_expressions: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Requirement {
    key: String,
    operator: Operator,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// What is known of one label of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label<'a> {
    /// It is not there.
    Absent,
    /// It is there with this value.
    Is(&'a str),
    /// It will be there, with a value that nobody knows yet.
    Some,
    /// Nobody knows.
    Unknown,
}

impl Selector {
    /// Reads a selector; `None` for one that Kubernetes would refuse. One that is not there selects
    /// everything.
    pub(super) fn read(node: Option<&Node<'_>>) -> Option<Self> {
        let Some(node) = node.filter(|node| !node.value().is_null()) else {
            return Some(Self::default());
        };
        node.value().as_object()?;
        let selector: Self = serde_json::from_value(node.value().clone()).ok()?;
        let fits = selector.match_expressions.iter().all(Requirement::is_sound);
        fits.then_some(selector)
    }

    /// Whether it asks for nothing, and so selects everything.
    pub(super) fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether an object with these labels is selected; `None` where that cannot be known.
    pub(super) fn matches<'l>(&self, label: impl Fn(&str) -> Label<'l>) -> Option<bool> {
        let exact = self
            .match_labels
            .iter()
            .map(|(key, value)| is_one_of(label(key), std::slice::from_ref(value)));
        let further = self
            .match_expressions
            .iter()
            .map(|requirement| requirement.holds(label(&requirement.key)));
        all(exact.chain(further))
    }
}

impl Requirement {
    fn is_sound(&self) -> bool {
        match self.operator {
            Operator::In | Operator::NotIn => !self.values.is_empty(),
            Operator::Exists | Operator::DoesNotExist => self.values.is_empty(),
        }
    }

    fn holds(&self, label: Label<'_>) -> Option<bool> {
        let exists = match label {
            Label::Absent => Some(false),
            Label::Is(_) | Label::Some => Some(true),
            Label::Unknown => None,
        };
        match self.operator {
            Operator::In => is_one_of(label, &self.values),
            Operator::NotIn => is_one_of(label, &self.values).map(|is| !is),
            Operator::Exists => exists,
            Operator::DoesNotExist => exists.map(|is| !is),
        }
    }
}

fn is_one_of(label: Label<'_>, values: &[String]) -> Option<bool> {
    match label {
        Label::Absent => Some(false),
        Label::Is(text) => Some(values.iter().any(|value| value == text)),
        Label::Some | Label::Unknown => None,
    }
}

/// Whether all hold: one that does not decides, whatever the others are.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sure = true;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => sure = false,
        }
    }
    sure.then_some(true)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Option<Selector> {
        Selector::read(Some(&Node::root(value)))
    }

    #[test]
    fn selects_as_kubernetes_does() {
        let pod = |key: &str| match key {
            "app" => Label::Is("shop"),
            "hash" => Label::Some,
            "other" => Label::Unknown,
            _ => Label::Absent,
        };
        let expression = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let cases = [
            (json!({}), Some(true)),
            (json!({"matchLabels": {"app": "shop"}}), Some(true)),
            (json!({"matchLabels": {"app": "cart"}}), Some(false)),
            (json!({"matchLabels": {"hash": "a"}}), None),
            (
                json!({"matchLabels": {"hash": "a", "app": "cart"}}),
                Some(false),
            ),
            (expression("app", "In", json!(["cart", "shop"])), Some(true)),
            (expression("none", "In", json!(["a"])), Some(false)),
            (expression("none", "NotIn", json!(["a"])), Some(true)),
            (expression("app", "NotIn", json!(["shop"])), Some(false)),
            (expression("hash", "Exists", json!([])), Some(true)),
            (expression("other", "Exists", json!([])), None),
            (expression("none", "DoesNotExist", json!([])), Some(true)),
        ];
        for (selector, expected) in cases {
            let read = read(&selector).expect("a selector");
            assert_eq!(read.matches(pod), expected, "{selector}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_no_selector() {
        for selector in [
            json!([]),
            json!({"matchLabels": {"a": 1}}),
            json!({"matchExpressions": [{"key": "a", "operator": "Is", "values": ["b"]}]}),
            json!({"matchExpressions": [{"key": "a", "operator": "In"}]}),
            json!({"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
        ] {
            assert_eq!(read(&selector), None, "{selector}");
        }
        assert!(Selector::read(None).is_some_and(|all| all.is_empty()));
    }
}
