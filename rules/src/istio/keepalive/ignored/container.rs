//! What a container of istiod says of the keepalive and istiod does not read.

use super::{Certainty, Ignored};
use crate::istio::args::{AGE, Flag, Text};
use crate::istio::istiod::Istiod;
use crate::istio::resembles;
use crate::istio::version::{Minor, Version};
use crate::object::Node;

/// First version that reads `GRPC_KEEPALIVE_INTERVAL` and `GRPC_KEEPALIVE_TIMEOUT`.
pub(crate) const READS_ENVIRONMENT: Version = Version {
    minor: Minor::one(17),
    patch: Some(1),
};

/// What a running istiod's container says of the keepalive and istiod does not read.
pub fn in_istiod<'a>(istiod: &Istiod<'a>, version: Option<Version>) -> Vec<Ignored<'a>> {
    let mut found = Vec::new();
    let mut add = |node: Node<'a>, why: String| {
        found.push(Ignored {
            node,
            is_key: false,
            why,
            certainty: Certainty::Sure,
            remedy: None,
        });
    };
    let version = version.unwrap_or(READS_ENVIRONMENT);
    for entry in istiod.container.items("env") {
        let name = entry.str_at("name").unwrap_or_default();
        if let (Some(why), Some(node)) = (unread_variable(name, version), entry.get("name")) {
            add(node, why);
        }
    }
    if !istiod.is_wrapped {
        for (text, node) in misspelt_beside(istiod) {
            add(
                node,
                format!("`{text}` is not `--{AGE}`, and istiod ignores it"),
            );
        }
    }
    found
}

/// Flags that look like the age's, beside one that is it.
pub(super) fn misspelt_beside<'a>(istiod: &Istiod<'a>) -> Vec<(String, Node<'a>)> {
    let arguments = &istiod.arguments;
    if arguments.all(AGE).next().is_none() {
        return Vec::new();
    }
    let flags = arguments.flags.iter().filter(|flag: &&Flag<'_>| {
        flag.name != AGE
            && resembles(&flag.name, AGE)
            && flag.text().is_none_or(|text| *text != Text::Unknown)
    });
    let flags = flags.map(|flag| (format!("--{}", flag.name), flag.at.clone()));
    let odd = arguments.oddities.iter().filter(|(text, _)| {
        let head = text.trim_start_matches('-').split(['=', ' ']).next();
        head.is_some_and(|head| resembles(head, AGE))
    });
    flags.chain(odd.cloned()).collect()
}

pub(super) fn is_ping(name: &str) -> bool {
    matches!(name, "GRPC_KEEPALIVE_INTERVAL" | "GRPC_KEEPALIVE_TIMEOUT")
}

/// Why an istiod does not read a variable that speaks of the keepalive.
pub(super) fn unread_variable(name: &str, version: Version) -> Option<String> {
    if is_ping(name) {
        return (version < READS_ENVIRONMENT).then(|| {
            format!("variable `{name}` is read from {READS_ENVIRONMENT} on, and this istiod is {version}")
        });
    }
    let speaks = || {
        let plain = name.replace('_', "").to_ascii_lowercase();
        plain.contains("keepalive") && plain.ends_with("age")
    };
    // Most names are shorter than any that speaks of it.
    let speaks = name.len() >= "keepaliveage".len() && (resembles(name, AGE) || speaks());
    speaks.then(|| format!("variable `{name}` is not read by any istiod: the age is only a flag"))
}

pub(super) fn speaks_of_keepalive(text: &str) -> bool {
    text.to_ascii_lowercase().contains("keepalive")
}
