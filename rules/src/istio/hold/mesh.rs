//! Hold for a whole mesh, in the values of istiod's chart, the mesh config and the injector's values, and
//! what becomes of it.

use serde_json::Value;

use super::{FIELD, PROTO_FIELD};
use crate::finding::{Change, op};
use crate::istio::install::{DEFAULTS, INTERNAL, Plane, READS_ROOT, Said, Traced};
use crate::istio::proxy_config::{self, Refused};
use crate::istio::resembles;
use crate::istio::version::Minor;
use crate::object::Node;

/// First chart whose mesh config asks for hold in `defaultConfig`.
const DEFAULT_CONFIG: &str = "defaultConfig";

/// First istiod that reads the injector's values by their types (`NewValuesConfig` in
/// `pkg/kube/inject/webhook.go`).
const TYPED_VALUES: Minor = Minor::one(14);

/// Something that is wrong with a mesh's hold.
#[derive(Clone, Debug)]
pub enum Mistake<'a> {
    /// No boolean: istiod throws the whole mesh config away.
    WrongType(Node<'a>),
    /// Another field of the proxies' config has a wrong type, with the same effect.
    Refused(Refused<'a>),
    /// No boolean in the injector's values: it cannot read any of them.
    Unreadable(Node<'a>),
    /// Nobody reads it where it stands, or under this name.
    Unread {
        /// The field.
        node: Node<'a>,
        /// Why, as a clause.
        why: String,
        /// Whether an older version only does not read it, and nobody says which one it is.
        is_by_version: bool,
        /// The changes that put it where it is read.
        changes: Vec<Change<'a>>,
    },
    /// A lifecycle for every proxy takes the place of the wait.
    Lifecycle {
        /// What asks for hold.
        hold: Node<'a>,
        /// The lifecycle.
        lifecycle: Node<'a>,
    },
}

/// What is wrong with the hold of a mesh that a file installs.
pub fn in_plane<'a>(plane: &Plane<'a>) -> Vec<Mistake<'a>> {
    let root = plane.values.root();
    let effective = [FIELD, PROTO_FIELD]
        .iter()
        .find_map(|name| root.at(&["meshConfig", DEFAULT_CONFIG, name]));
    let of_values = root.at(&["global", "proxy", FIELD]);
    let mut found = Vec::new();
    if let Some(node) = effective.and_then(Traced::from)
        && effective.is_some_and(|hold| !hold.is_null() && !hold.value().is_boolean())
    {
        found.push(Mistake::WrongType(node.clone()));
    }
    found.extend(refused(root).into_iter().map(Mistake::Refused));
    let is_typed = plane.version().minor >= TYPED_VALUES;
    let untyped =
        of_values.filter(|hold| is_typed && !hold.is_null() && !hold.value().is_boolean());
    let untyped = untyped.and_then(Traced::from).cloned();
    found.extend(untyped.map(Mistake::Unreadable));
    let is_asked = |hold: &&Traced<'a>| hold.value() == Value::Bool(true);
    let asked = [
        effective.filter(is_asked),
        of_values.filter(|hold| hold.is_true()),
    ];
    let asked = asked.into_iter().flatten().find_map(Traced::from);
    let lifecycle = root
        .at(&["global", "proxy", "lifecycle"])
        .filter(|lifecycle| lifecycle.is_true());
    let lifecycle = lifecycle.filter(|lifecycle| !waits(&lifecycle.value()));
    let lifecycle = lifecycle.and_then(|lifecycle| first_source(lifecycle));
    if let (Some(hold), Some(lifecycle)) = (asked, lifecycle) {
        found.push(Mistake::Lifecycle {
            hold: hold.clone(),
            lifecycle,
        });
    }
    let used = [effective, of_values]
        .into_iter()
        .flatten()
        .find_map(Traced::from);
    found.extend(unread(plane, used));
    found
}

/// The fields of the proxies' config that istiod refuses, hold aside.
fn refused<'a>(root: &Traced<'a>) -> Vec<Refused<'a>> {
    let Some(config) = root.at(&["meshConfig", DEFAULT_CONFIG]) else {
        return Vec::new();
    };
    let value = config.value();
    let all = proxy_config::refused(&Node::root(&value)).into_iter();
    let own = all.filter_map(|refused| {
        let keys: Vec<&str> = refused.name.split('.').collect();
        let node = config.at(&keys)?.from()?.clone();
        Some(Refused {
            node,
            name: refused.name,
            wanted: refused.wanted,
        })
    });
    own.collect()
}

/// The node of a mapping, or of the first thing in it.
fn first_source<'a>(value: &Traced<'a>) -> Option<Node<'a>> {
    value
        .from()
        .cloned()
        .or_else(|| value.sources().into_values().next())
}

/// Whether a lifecycle waits for the proxy by itself.
pub fn waits(lifecycle: &Value) -> bool {
    let hook = lifecycle.pointer("/postStart/exec/command");
    hook.is_some_and(|command| {
        let text = command.to_string();
        text.contains("pilot-agent") && text.contains("wait")
    })
}

/// Every field of the values that asks for hold in vain.
fn unread<'a>(plane: &Plane<'a>, used: Option<&Node<'a>>) -> Vec<Mistake<'a>> {
    let fields = plane.release.fields();
    let asks = |node: &Node<'_>| match node.value() {
        Value::Bool(on) => *on,
        Value::String(text) => text == "true",
        _ => false,
    };
    let mut found = Vec::new();
    for (path, node) in fields {
        let Some((key, above)) = path.split_last() else {
            continue;
        };
        if !(resembles(key, FIELD) || key == PROTO_FIELD) || !asks(&node) {
            continue;
        }
        let above: Vec<&str> = above.iter().map(String::as_str).collect();
        let is_used = used.is_some_and(|used| std::ptr::eq(used.value(), node.value()));
        let Some((why, is_by_version)) = why_unread(plane, key, &above, is_used) else {
            continue;
        };
        found.push(Mistake::Unread {
            changes: moved(plane, &node),
            node,
            why,
            is_by_version,
        });
    }
    found
}

/// Why a field is not read, and whether that depends on a version that nobody says.
fn why_unread(
    plane: &Plane<'_>,
    key: &str,
    above: &[&str],
    is_used: bool,
) -> Option<(String, bool)> {
    let minor = plane.chart.version.minor;
    let is_right = is_read_below(key, above);
    let copied = above.split_first().filter(|(first, _)| **first == "pilot");
    if is_used {
        let is_assumed = plane.chart.said == Said::Nobody && copied.is_some();
        let why = format!(
            "is read below `pilot` from {READS_ROOT} on, and nothing says which version this chart has \
             (--istio-version)"
        );
        return is_assumed.then_some((why, true));
    }
    let chart = plane.chart.told();
    let why = match above {
        _ if is_right => return None,
        ["pilot", below @ ..] if is_read_below(key, below) && minor >= READS_ROOT => return None,
        ["pilot", below @ ..] if is_read_below(key, below) => {
            format!("is read below `pilot` from {READS_ROOT} on, and this chart is {chart}")
        }
        [own, below @ ..] if [DEFAULTS, INTERNAL].contains(own) && is_read_below(key, below) => {
            if is_own_prefix(own, minor) {
                return None;
            }
            format!("is not read below `{own}` by this chart, which is {chart}")
        }
        ["meshConfig"] if key == FIELD => {
            format!("is one level too high: it is read in `meshConfig.{DEFAULT_CONFIG}`")
        }
        _ if key != FIELD && key != PROTO_FIELD => format!("is not `{FIELD}`, and nobody reads it"),
        ["values", ..] => {
            "is one level too deep: `values` is of an IstioOperator, and in a values file its \
                           members stand at the root"
                .to_owned()
        }
        [] => format!("is not read at the root: it belongs in `meshConfig.{DEFAULT_CONFIG}`"),
        above => format!(
            "is not read below `{}`: it belongs in `meshConfig.{DEFAULT_CONFIG}`",
            above.join(".")
        ),
    };
    Some((why, false))
}

fn is_read_below(key: &str, above: &[&str]) -> bool {
    match above {
        ["meshConfig", DEFAULT_CONFIG] => key == FIELD || key == PROTO_FIELD,
        ["global", "proxy"] => key == FIELD,
        _ => false,
    }
}

fn is_own_prefix(prefix: &str, minor: Minor) -> bool {
    if prefix == INTERNAL {
        minor >= READS_ROOT
    } else {
        (21..=23).contains(&minor.minor)
    }
}

/// The field to where every version reads it.
fn moved<'a>(plane: &Plane<'a>, node: &Node<'a>) -> Vec<Change<'a>> {
    let keys = ["meshConfig", DEFAULT_CONFIG, FIELD];
    let is_set = plane.values.root().at(&keys).is_some();
    let add = match (&plane.release.operator, plane.release.addition(&keys)) {
        _ if is_set => None,
        // The field of the spec wins over the values.
        (Some(spec), _) => Some(op::add_below(spec, &keys, Value::Bool(true))),
        (None, Some(addition)) => Some(addition.of(Value::Bool(true))),
        (None, None) => return Vec::new(),
    };
    if !node.is_member() {
        return Vec::new();
    }
    std::iter::once(op::remove(node)).chain(add).collect()
}

/// What is wrong with the hold of a mesh config (ConfigMap `istio`).
pub fn in_mesh_config<'a>(config: &Node<'a>) -> Vec<Mistake<'a>> {
    let defaults = config.get_set(DEFAULT_CONFIG);
    let names = [FIELD, PROTO_FIELD];
    let right = defaults
        .as_ref()
        .and_then(|defaults| names.iter().find_map(|name| defaults.get_set(name)));
    let mut found = Vec::new();
    match &right {
        Some(hold) if !hold.value().is_boolean() => found.push(Mistake::WrongType(hold.clone())),
        _ => {}
    }
    let refused = defaults.iter().flat_map(proxy_config::refused);
    found.extend(refused.map(Mistake::Refused));
    let mut unread = |node: Node<'a>, why: String| {
        let add = right
            .is_none()
            .then(|| op::add_below(config, &[DEFAULT_CONFIG, FIELD], Value::Bool(true)));
        found.push(Mistake::Unread {
            changes: std::iter::once(op::remove(&node)).chain(add).collect(),
            node,
            why,
            is_by_version: false,
        });
    };
    let is_asked =
        |node: &Node<'_>| matches!(node.value(), Value::Bool(true)) || node.str() == Some("true");
    for (key, node) in config.entries().filter(|(_, node)| is_asked(node)) {
        if resembles(key, FIELD) {
            unread(
                node,
                format!("is one level too high: it is read in `{DEFAULT_CONFIG}`"),
            );
        }
    }
    for (key, node) in defaults
        .iter()
        .flat_map(Node::entries)
        .filter(|(_, node)| is_asked(node))
    {
        if resembles(key, FIELD) && !names.contains(&key) {
            unread(node, format!("is not `{FIELD}`, and nobody reads it"));
        }
    }
    found
}

/// What is wrong with the hold of the injector's values (ConfigMap `istio-sidecar-injector`).
pub fn in_injector<'a>(values: &Node<'a>) -> Vec<Mistake<'a>> {
    let proxy = values.at(&["global", "proxy"]);
    let hold = proxy.as_ref().and_then(|proxy| proxy.get_set(FIELD));
    if let Some(hold) = hold.as_ref().filter(|hold| !hold.value().is_boolean()) {
        return vec![Mistake::Unreadable(hold.clone())];
    }
    let hold = hold.filter(|hold| hold.value() == &Value::Bool(true));
    let lifecycle = proxy.as_ref().and_then(|proxy| proxy.get_set("lifecycle"));
    let lifecycle = lifecycle.filter(|lifecycle| {
        lifecycle
            .value()
            .as_object()
            .is_some_and(|hooks| !hooks.is_empty())
            && !waits(lifecycle.value())
    });
    match (hold, lifecycle) {
        (Some(hold), Some(lifecycle)) => vec![Mistake::Lifecycle { hold, lifecycle }],
        _ => Vec::new(),
    }
}
