//! Fields of a proxy config whose value has another type than Istio's schema: it refuses all of the config
//! then. As golang's `jsonpb` reads them (`pkg/util/protomarshal` at 1.30.3): a number may stand in quotes,
//! a text may not be without them where YAML makes something else of it.

use serde_json::Value;

use crate::istio::duration::GoDuration;
use crate::object::Node;

const TEXTS: &[&str] = &[
    "availabilityZone",
    "binaryPath",
    "configPath",
    "customConfigFile",
    "discoveryAddress",
    "proxyBootstrapTemplatePath",
    "serviceCluster",
    "statsdUdpAddress",
];
const DURATIONS: &[&str] = &[
    "discoveryRefreshDelay",
    "drainDuration",
    "parentShutdownDuration",
    "terminationDrainDuration",
];
const NUMBERS: &[&str] = &[
    "concurrency",
    "proxyAdminPort",
    "statNameLength",
    "statusPort",
];

/// A value that Istio refuses.
#[derive(Clone, Debug)]
pub struct Refused<'a> {
    /// The field.
    pub node: Node<'a>,
    /// Its name: `proxyMetadata.NAME`.
    pub name: String,
    /// What it should be.
    pub wanted: &'static str,
}

impl Refused<'_> {
    /// The text that was likely meant: what stands there, in quotes.
    pub fn quoted(&self) -> Option<Value> {
        let is_text = self.wanted == "a text";
        match self.node.value() {
            Value::Bool(on) if is_text => Some(Value::String(on.to_string())),
            Value::Number(number) if is_text => Some(Value::String(number.to_string())),
            _ => None,
        }
    }
}

/// The fields of a proxy config that Istio refuses, hold aside, in the order of their kinds.
pub fn refused<'a>(config: &Node<'a>) -> Vec<Refused<'a>> {
    let of = |names: &[&str], wanted, fits: fn(&Value) -> bool| {
        let fields = names.iter().filter_map(|name| field(config, name));
        let bad = fields.filter(|(_, node)| !fits(node.value()));
        let refused = bad.map(|(name, node)| Refused { node, name, wanted });
        refused.collect::<Vec<_>>()
    };
    let mut all = of(TEXTS, "a text", Value::is_string);
    all.extend(of(DURATIONS, "a duration such as 5s", is_duration));
    all.extend(of(NUMBERS, "a whole number", is_number));
    match field(config, "proxyMetadata") {
        Some((name, node)) if !node.value().is_object() => all.push(Refused {
            node,
            name,
            wanted: "a mapping of texts",
        }),
        Some((name, node)) => all.extend(
            node.entries()
                .filter(|(_, value)| !value.value().is_string() && !value.value().is_null())
                .map(|(key, node)| Refused {
                    node,
                    name: format!("{name}.{key}"),
                    wanted: "a text",
                }),
        ),
        None => {}
    }
    all
}

/// A field under either of its names; a null is not there.
fn field<'a>(config: &Node<'a>, name: &str) -> Option<(String, Node<'a>)> {
    let names = [name.to_owned(), snake_case(name)];
    names
        .into_iter()
        .find_map(|name| Some((name.clone(), config.get_set(&name)?)))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn is_duration(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| GoDuration::parse(text).is_ok())
}

fn is_number(value: &Value) -> bool {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_i64(),
    };
    number.is_some_and(|number: i64| i32::try_from(number).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn names(text: &str) -> Vec<String> {
        let value = yaml::value_of(text).expect("YAML");
        let refused = refused(&Node::root(&value));
        refused.into_iter().map(|refused| refused.name).collect()
    }

    #[test]
    fn what_istio_takes_is_not_refused() {
        for text in [
            "{}",
            "concurrency: 2",
            "concurrency: \"2\"",
            "drainDuration: 45s\nterminationDrainDuration: 1m30s",
            "proxyMetadata: {ISTIO_META_DNS_CAPTURE: \"true\", NOTHING: null}",
            "discoveryAddress: istiod.istio-system.svc:15012",
            "tracing: {sampling: 10}\nunknown: [1]",
            "concurrency: null",
        ] {
            assert_eq!(names(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_it_refuses_is_named() {
        let cases = [
            (
                "proxyMetadata: {DNS: true, COUNT: 1, NAME: t}",
                vec!["proxyMetadata.COUNT", "proxyMetadata.DNS"],
            ),
            ("proxy_metadata: {DNS: on}", vec!["proxy_metadata.DNS"]),
            ("proxyMetadata: [a]", vec!["proxyMetadata"]),
            (
                "concurrency: two\nstatusPort: 99999999999",
                vec!["concurrency", "statusPort"],
            ),
            ("concurrency: 1.5", vec!["concurrency"]),
            ("drainDuration: 45", vec!["drainDuration"]),
            (
                "terminationDrainDuration: \"45\"",
                vec!["terminationDrainDuration"],
            ),
            ("discoveryAddress: 15012", vec!["discoveryAddress"]),
        ];
        for (text, expected) in cases {
            assert_eq!(names(text), expected, "{text}");
        }
    }
}
