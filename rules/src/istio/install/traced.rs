//! Values with their provenance: a tree that Helm's merging or a template made, of which every part
//! knows the node that it was written in.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::finding::Pointer;
use crate::object::Node;

/// A value, and the node that says so; none for what a chart or a template brings along.
#[derive(Clone, Debug)]
pub struct Traced<'a> {
    shape: Shape<'a>,
    from: Option<Node<'a>>,
}

#[derive(Clone, Debug)]
enum Shape<'a> {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    List(Vec<Traced<'a>>),
    Map(BTreeMap<String, Traced<'a>>),
}

impl<'a> Traced<'a> {
    /// What a document says. Helm reads every number as a float.
    pub fn of_node(node: &Node<'a>) -> Self {
        let shape = match node.value() {
            Value::Object(_) => Shape::Map(
                node.entries()
                    .map(|(key, value)| (key.to_owned(), Self::of_node(&value)))
                    .collect(),
            ),
            Value::Array(_) => {
                Shape::List(node.elements().map(|item| Self::of_node(&item)).collect())
            }
            Value::Number(number) => {
                let float = number.as_f64().and_then(Number::from_f64);
                Shape::Scalar(float.map_or(Value::Null, Value::Number))
            }
            scalar => Shape::Scalar(scalar.clone()),
        };
        Self {
            shape,
            from: Some(node.clone()),
        }
    }

    /// What a chart brings along.
    pub fn of_value(value: Value) -> Self {
        let shape = match value {
            Value::Object(members) => Shape::Map(
                members
                    .into_iter()
                    .map(|(key, value)| (key, Self::of_value(value)))
                    .collect(),
            ),
            Value::Array(items) => Shape::List(items.into_iter().map(Self::of_value).collect()),
            scalar => Shape::Scalar(scalar),
        };
        Self { shape, from: None }
    }

    /// A text that a template makes of a value.
    pub fn text_of(text: impl Into<String>, from: Option<Node<'a>>) -> Self {
        Self {
            shape: Shape::Scalar(Value::String(text.into())),
            from,
        }
    }

    /// A list.
    pub fn list(items: Vec<Self>) -> Self {
        Self {
            shape: Shape::List(items),
            from: None,
        }
    }

    /// An empty mapping.
    pub fn map() -> Self {
        Self {
            shape: Shape::Map(BTreeMap::new()),
            from: None,
        }
    }

    /// The same value, said by this node.
    #[must_use]
    pub fn said_by(mut self, node: &Node<'a>) -> Self {
        self.from = Some(node.clone());
        self
    }

    /// The same, of which this node says every part.
    #[must_use]
    pub fn said_throughout(mut self, node: &Node<'a>) -> Self {
        match &mut self.shape {
            Shape::Map(members) => {
                for value in members.values_mut() {
                    *value = std::mem::replace(value, Self::map()).said_throughout(node);
                }
                self
            }
            Shape::Scalar(_) | Shape::List(_) => self.said_by(node),
        }
    }

    /// The node that says so.
    pub fn from(&self) -> Option<&Node<'a>> {
        self.from.as_ref()
    }

    /// Lays `over` over this, as Helm does: mappings are merged, everything else is replaced, by an
    /// empty value or a null too.
    pub fn merge(&mut self, over: Self) {
        match (&mut self.shape, over.shape) {
            (Shape::Map(below), Shape::Map(above)) => {
                for (key, value) in above {
                    match below.get_mut(&key) {
                        Some(known) => known.merge(value),
                        None => drop(below.insert(key, value)),
                    }
                }
                if over.from.is_some() {
                    self.from = over.from;
                }
            }
            (_, shape) => {
                *self = Self {
                    shape,
                    from: over.from,
                }
            }
        }
    }

    /// Lays a value over what is below this under a path; what is no mapping on the way gives place to
    /// one.
    pub fn set(&mut self, path: &[String], value: Self) {
        let Some((key, rest)) = path.split_first() else {
            self.merge(value);
            return;
        };
        if let (Shape::List(items), Ok(index)) = (&mut self.shape, key.parse::<usize>()) {
            if let Some(item) = items.get_mut(index) {
                item.set(rest, value);
            }
            return;
        }
        if !matches!(self.shape, Shape::Map(_)) {
            self.shape = Shape::Map(BTreeMap::new());
        }
        if let Some(members) = self.members_mut() {
            let member = members.entry(key.clone()).or_insert_with(Self::map);
            member.set(rest, value);
        }
    }

    /// Member of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.shape {
            Shape::Map(members) => members.get(key),
            Shape::List(_) | Shape::Scalar(_) => None,
        }
    }

    /// Follows member names.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Takes a member out of a mapping.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        self.members_mut()?.remove(key)
    }

    /// The members, for a mapping.
    pub fn members(&self) -> Option<&BTreeMap<String, Self>> {
        match &self.shape {
            Shape::Map(members) => Some(members),
            Shape::List(_) | Shape::Scalar(_) => None,
        }
    }

    /// The members, for a mapping.
    pub fn members_mut(&mut self) -> Option<&mut BTreeMap<String, Self>> {
        match &mut self.shape {
            Shape::Map(members) => Some(members),
            Shape::List(_) | Shape::Scalar(_) => None,
        }
    }

    /// The items, for a list.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.shape {
            Shape::List(items) => Some(items),
            Shape::Map(_) | Shape::Scalar(_) => None,
        }
    }

    /// The items, for a list.
    pub fn items_mut(&mut self) -> Option<&mut Vec<Self>> {
        match &mut self.shape {
            Shape::List(items) => Some(items),
            Shape::Map(_) | Shape::Scalar(_) => None,
        }
    }

    /// What a template's `if` makes of it: nothing, zero and everything empty is false.
    pub fn is_true(&self) -> bool {
        match &self.shape {
            Shape::Scalar(Value::Bool(on)) => *on,
            Shape::Scalar(Value::Number(number)) => number.as_f64() != Some(0.0),
            Shape::Scalar(Value::String(text)) => !text.is_empty(),
            Shape::Scalar(_) => false,
            Shape::List(items) => !items.is_empty(),
            Shape::Map(members) => !members.is_empty(),
        }
    }

    /// Whether a mapping's member is set to something that a template's `if` takes.
    pub fn has(&self, keys: &[&str]) -> bool {
        self.at(keys).is_some_and(Self::is_true)
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Scalar(Value::Null))
    }

    /// The text that a template writes (Go's `%v`): `1.8e+06` for 1800000, `[10m]` for a list, nothing
    /// for null.
    pub fn text(&self) -> String {
        match &self.shape {
            Shape::Scalar(Value::Null) => String::new(),
            Shape::Scalar(Value::String(text)) => text.clone(),
            Shape::Scalar(Value::Number(number)) => go_number(number),
            Shape::Scalar(other) => other.to_string(),
            Shape::List(items) => {
                let items: Vec<String> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(" "))
            }
            Shape::Map(members) => {
                let entry = |(key, value): (&String, &Self)| format!("{key}:{}", value.text());
                let entries: Vec<String> = members.iter().map(entry).collect();
                format!("map[{}]", entries.join(" "))
            }
        }
    }

    /// What is read back where a template writes the value without quotes: a text of digits is a number.
    #[must_use]
    pub fn written(&self) -> Self {
        let number = self.text().parse::<i64>().ok();
        let value = number.map_or_else(|| self.value(), Value::from);
        Self {
            from: self.from.clone(),
            ..Self::of_value(value)
        }
    }

    /// What `int` of a template makes of it: text is read, what is no number is zero.
    pub fn int(&self) -> i64 {
        match &self.shape {
            Shape::Scalar(Value::Bool(on)) => i64::from(*on),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "as the template's `int` does"
            )]
            Shape::Scalar(Value::Number(number)) => number.as_f64().map_or(0, |float| float as i64),
            Shape::Scalar(Value::String(text)) => text.parse().unwrap_or(0),
            _ => 0,
        }
    }

    /// The bare value.
    pub fn value(&self) -> Value {
        match &self.shape {
            Shape::Scalar(Value::Number(number)) => Value::Number(whole(number)),
            Shape::Scalar(scalar) => scalar.clone(),
            Shape::List(items) => items.iter().map(Self::value).collect(),
            Shape::Map(members) => {
                let members = members
                    .iter()
                    .map(|(key, value)| (key.clone(), value.value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// Every part with its place below this and the node that says so.
    pub fn sources(&self) -> BTreeMap<Pointer, Node<'a>> {
        let mut sources = BTreeMap::new();
        self.collect(&Pointer::root(), &mut sources);
        sources
    }

    fn collect(&self, at: &Pointer, sources: &mut BTreeMap<Pointer, Node<'a>>) {
        if let Some(from) = &self.from {
            sources.insert(at.clone(), from.clone());
        }
        match &self.shape {
            Shape::Scalar(_) => {}
            Shape::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.collect(&at.join(&index.to_string()), sources);
                }
            }
            Shape::Map(members) => {
                for (key, value) in members {
                    value.collect(&at.join(key), sources);
                }
            }
        }
    }
}

/// A float that is a whole number as one, which is how it is written to an object.
fn whole(number: &Number) -> Number {
    match number.as_f64() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be a whole number that fits"
        )]
        Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => Number::from(float as i64),
        _ => number.clone(),
    }
}

/// Go's `%v` of a number: the shortest digits, with an exponent from a million on and below 1e-4.
fn go_number(number: &Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    let float = number.as_f64().unwrap_or_default();
    let scientific = format!("{float:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As Helm 3.22 rendered them.
    #[test]
    fn texts_are_those_that_helm_writes() {
        let cases = [
            (json!(1_800_000), "1.8e+06"),
            (json!(123_456), "123456"),
            (json!(1_234_567.5), "1.2345675e+06"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (
                json!(12_345_678_901_234_567_890_u64),
                "1.2345678901234567e+19",
            ),
            (json!(1.50), "1.5"),
            (json!(-1_000_000), "-1e+06"),
            (json!(600_000_000_000_u64), "6e+11"),
            (json!(true), "true"),
            (json!(null), ""),
            (json!(["10m", 1, true]), "[10m 1 true]"),
            (json!({"a": 1, "b": [2]}), "map[a:1 b:[2]]"),
        ];
        for (value, text) in cases {
            assert_eq!(Traced::of_node(&Node::root(&value)).text(), text);
        }
    }

    #[test]
    fn merging_replaces_all_but_mappings() {
        let below = json!({"a": {"b": 1, "c": [1, 2]}, "d": "x"});
        let above = json!({"a": {"c": [], "e": null}, "d": ""});
        let mut merged = Traced::of_node(&Node::root(&below));
        merged.merge(Traced::of_node(&Node::root(&above)));
        assert_eq!(
            merged.value(),
            json!({"a": {"b": 1, "c": [], "e": null}, "d": ""})
        );
    }
}
