//! Fields of a proxy config whose value has another type than Istio's schema: it refuses all of the config
//! then. As golang's `jsonpb` reads them (`pkg/util/protomarshal` at 1.30.3): a number may stand in quotes,
//! a text may not be without them where YAML makes something else of it.

use serde_json::Value;

use crate::istio::duration::GoDuration;
use crate::object::Node;

/// What a field of texts should hold.
const TEXT: &str = "a text";

/// What a field holds.
enum Kind {
    Text,
    Duration,
    /// A whole number.
    Number,
    Float,
    Bool,
    /// One of these words, or its number.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A mapping of texts.
    TextMap,
    /// A mapping with these fields, and others that nobody gets wrong.
    Message(Fields),
}

type Fields = &'static [(&'static str, Kind)];

/// `ProxyConfig` of `mesh/v1alpha1/proxy.proto`.
const FIELDS: Fields = &[
    ("availabilityZone", Kind::Text),
    ("binaryPath", Kind::Text),
    ("configPath", Kind::Text),
    ("customConfigFile", Kind::Text),
    ("discoveryAddress", Kind::Text),
    ("envoyMetricsServiceAddress", Kind::Text),
    ("meshId", Kind::Text),
    ("proxyBootstrapTemplatePath", Kind::Text),
    ("serviceCluster", Kind::Text),
    ("statsdUdpAddress", Kind::Text),
    ("zipkinAddress", Kind::Text),
    ("discoveryRefreshDelay", Kind::Duration),
    ("drainDuration", Kind::Duration),
    ("fileFlushInterval", Kind::Duration),
    ("parentShutdownDuration", Kind::Duration),
    ("terminationDrainDuration", Kind::Duration),
    ("concurrency", Kind::Number),
    ("fileFlushMinSizeKb", Kind::Number),
    ("proxyAdminPort", Kind::Number),
    ("statNameLength", Kind::Number),
    ("statusPort", Kind::Number),
    ("statsCompression", Kind::Bool),
    (
        "controlPlaneAuthPolicy",
        Kind::Word(&["NONE", "MUTUAL_TLS", "INHERIT"]),
    ),
    (
        "interceptionMode",
        Kind::Word(&["REDIRECT", "TPROXY", "NONE"]),
    ),
    (
        "tracingServiceName",
        Kind::Word(&[
            "APP_LABEL_AND_NAMESPACE",
            "CANONICAL_NAME_ONLY",
            "CANONICAL_NAME_AND_NAMESPACE",
        ]),
    ),
    ("caCertificatesPem", Kind::Texts),
    ("extraStatTags", Kind::Texts),
    ("runtimeValues", Kind::TextMap),
    ("proxyMetadata", Kind::TextMap),
    ("envoyAccessLogService", Kind::Message(&[])),
    ("envoyMetricsService", Kind::Message(&[])),
    (
        "gatewayTopology",
        Kind::Message(&[("numTrustedProxies", Kind::Number)]),
    ),
    ("image", Kind::Message(&[("imageType", Kind::Text)])),
    ("privateKeyProvider", Kind::Message(&[])),
    ("proxyHeaders", Kind::Message(&[])),
    (
        "proxyStatsMatcher",
        Kind::Message(&[
            ("inclusionPrefixes", Kind::Texts),
            ("inclusionRegexps", Kind::Texts),
            ("inclusionSuffixes", Kind::Texts),
        ]),
    ),
    ("readinessProbe", Kind::Message(&[])),
    ("sds", Kind::Message(&[])),
    (
        "tracing",
        Kind::Message(&[
            ("customTags", Kind::Message(&[])),
            ("maxPathTagLength", Kind::Number),
            ("sampling", Kind::Float),
            ("zipkin", Kind::Message(&[("address", Kind::Text)])),
        ]),
    ),
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
        let is_text = self.wanted == TEXT;
        match self.node.value() {
            Value::Bool(on) if is_text => Some(Value::String(on.to_string())),
            Value::Number(number) if is_text => Some(Value::String(number.to_string())),
            _ => None,
        }
    }
}

/// The fields of a proxy config that Istio refuses, hold aside, in the order of their kinds.
pub fn refused<'a>(config: &Node<'a>) -> Vec<Refused<'a>> {
    let mut all = Vec::new();
    for (name, kind) in FIELDS {
        if let Some((name, node)) = field(config, name) {
            kind.refuse(&name, node, &mut all);
        }
    }
    all
}

impl Kind {
    /// Adds what Istio refuses of a field, or of what is in it.
    fn refuse<'a>(&self, name: &str, node: Node<'a>, all: &mut Vec<Refused<'a>>) {
        if !self.fits(node.value()) {
            return all.push(Refused {
                name: name.to_owned(),
                wanted: self.wanted(),
                node,
            });
        }
        match self {
            Self::Message(fields) => {
                for (member, kind) in *fields {
                    if let Some((member, node)) = field(&node, member) {
                        kind.refuse(&format!("{name}.{member}"), node, all);
                    }
                }
            }
            Self::TextMap => {
                let entries = node.entries().filter(|(_, value)| !value.value().is_null());
                for (key, value) in entries {
                    Self::Text.refuse(&format!("{name}.{key}"), value, all);
                }
            }
            Self::Texts => {
                for item in node.elements() {
                    Self::Text.refuse(name, item, all);
                }
            }
            _ => {}
        }
    }

    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Duration => is_duration(value),
            Self::Number => is_number(value),
            Self::Float => match value {
                Value::String(text) => text.parse::<f64>().is_ok(),
                value => value.is_number(),
            },
            Self::Bool => value.is_boolean(),
            Self::Word(words) => match value {
                Value::String(text) => words.contains(&text.as_str()),
                value => is_number(value),
            },
            Self::Texts => value.is_array(),
            Self::TextMap | Self::Message(_) => value.is_object(),
        }
    }

    fn wanted(&self) -> &'static str {
        match self {
            Self::Text => TEXT,
            Self::Duration => "a duration such as 5s",
            Self::Number => "a whole number",
            Self::Float => "a number",
            Self::Bool => "a boolean",
            Self::Word(_) => "one of the words for it",
            Self::Texts => "a list of texts",
            Self::TextMap => "a mapping of texts",
            Self::Message(_) => "a mapping",
        }
    }
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
            "tracing: {sampling: \"10\", zipkin: {address: \"z:9411\"}}\nimage: {imageType: debug}",
            "interceptionMode: TPROXY\ngatewayTopology: {numTrustedProxies: \"1\"}",
            "extraStatTags: [a]\nstatsCompression: true\nruntimeValues: {a: \"1\"}\nimage: null",
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
            ("image: distroless", vec!["image"]),
            ("image: {imageType: 5}", vec!["image.imageType"]),
            (
                "tracing: {sampling: much, zipkin: on}",
                vec!["tracing.sampling", "tracing.zipkin"],
            ),
            (
                "gateway_topology: {numTrustedProxies: x}",
                vec!["gateway_topology.numTrustedProxies"],
            ),
            (
                "extraStatTags: a\ncaCertificatesPem: [1]",
                vec!["caCertificatesPem", "extraStatTags"],
            ),
            ("interceptionMode: FOO", vec!["interceptionMode"]),
            ("statsCompression: \"true\"", vec!["statsCompression"]),
            (
                "proxyStatsMatcher: {inclusionPrefixes: a}",
                vec!["proxyStatsMatcher.inclusionPrefixes"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(names(text), expected, "{text}");
        }
    }
}
