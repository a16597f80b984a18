//! What overlays of an `IstioOperator` make of istiod's arguments.
//!
//! As `istioctl` 1.31.1 does it: an item is selected by index or by regular expression, the first
//! that fits; `-1` and an index behind the end append; a patch without a value removes; a patch that
//! finds nothing is dropped without a word.

use regex_lite::Regex;
use serde_json::Value;

use crate::istio::args::AGE;
use crate::istio::keepalive::Item;
use crate::object::Node;

/// istiod's arguments as they will be rendered, where overlays or extra arguments touch them.
/// `age` and `age_from` are the value of the chart's own flag and where it is set.
pub(super) fn arguments<'a>(
    spec: &Node<'a>,
    age: &str,
    age_from: Option<Node<'a>>,
) -> Option<Vec<Item<'a>>> {
    let mut items = chart(age, age_from);
    let extra: Vec<Item<'a>> = spec
        .at(&["unvalidatedValues", "pilot"])
        .into_iter()
        .flat_map(|pilot| pilot.items("extraContainerArgs"))
        .map(Item::from_node)
        .collect();
    let patches = patches(spec);
    if extra.is_empty() && patches.is_empty() {
        return None;
    }
    items.extend(extra);
    for (target, value) in patches {
        apply(&mut items, &target, value);
    }
    Some(items)
}

/// The arguments that the chart writes.
fn chart<'a>(age: &str, age_from: Option<Node<'a>>) -> Vec<Item<'a>> {
    let own = |text: &str| Item {
        text: text.to_owned(),
        from: None,
    };
    let flag = format!("--{AGE}");
    let words = [
        "discovery",
        "--monitoringAddr=:15014",
        "--log_output_level=default:info",
        "--domain",
        "cluster.local",
        &flag,
    ];
    let mut items: Vec<Item<'a>> = words.into_iter().map(own).collect();
    items.push(Item {
        text: age.to_owned(),
        from: age_from,
    });
    items
}

/// The patches on the arguments of istiod's Deployment, each with its value.
fn patches<'a>(spec: &Node<'a>) -> Vec<(Target<'a>, Option<Node<'a>>)> {
    let name = match spec.str_at("revision") {
        None | Some("" | "default") => "istiod".to_owned(),
        Some(revision) => format!("istiod-{revision}"),
    };
    let Some(k8s) = spec.at(&["components", "pilot", "k8s"]) else {
        return Vec::new();
    };
    let overlays = k8s.items("overlays").filter(|overlay| {
        overlay.str_at("kind") == Some("Deployment") && overlay.str_at("name") == Some(&name)
    });
    overlays
        .flat_map(|overlay| overlay.items("patches"))
        .filter_map(|patch| {
            let target = target(patch.str_at("path")?)?;
            Some((target, patch.get_set("value")))
        })
        .collect()
}

/// What a patch replaces.
enum Target<'a> {
    /// The whole list.
    List,
    /// The item that this selects.
    Item(&'a str),
}

/// What a path replaces of istiod's arguments; `None` for a path that leads elsewhere.
fn target(path: &str) -> Option<Target<'_>> {
    let rest = path.strip_prefix("spec.template.spec.containers.")?;
    let rest = ["[name:discovery]", "[0]"]
        .iter()
        .find_map(|container| rest.strip_prefix(container))?
        .strip_prefix(".args")?;
    if rest.is_empty() {
        return Some(Target::List);
    }
    let selector = rest.strip_prefix(".[")?.strip_suffix(']')?;
    Some(Target::Item(selector))
}

fn apply<'a>(items: &mut Vec<Item<'a>>, target: &Target<'_>, value: Option<Node<'a>>) {
    let selector = match target {
        Target::Item(selector) => selector,
        Target::List => {
            let list = value.iter().flat_map(Node::elements);
            *items = list.map(Item::from_node).collect();
            return;
        }
    };
    match (place(items, selector), value) {
        (Place::At(index), Some(value)) => items[index] = Item::from_node(value),
        (Place::At(index), None) => {
            items.remove(index);
        }
        (Place::End, Some(value)) => items.push(Item::from_node(value)),
        (Place::End, None) | (Place::Nowhere, _) => {}
    }
}

enum Place {
    At(usize),
    End,
    Nowhere,
}

fn place(items: &[Item<'_>], selector: &str) -> Place {
    if let Ok(index) = selector.parse::<i64>() {
        return match usize::try_from(index) {
            Ok(index) if index < items.len() => Place::At(index),
            Ok(_) => Place::End,
            Err(_) if index == -1 => Place::End,
            Err(_) => Place::Nowhere,
        };
    }
    let selector = selector.strip_prefix(':').unwrap_or(selector);
    let Ok(pattern) = Regex::new(selector) else {
        return Place::Nowhere;
    };
    let found = items.iter().position(|item| pattern.is_match(&item.text));
    found.map_or(Place::Nowhere, Place::At)
}

impl<'a> Item<'a> {
    fn from_node(node: Node<'a>) -> Self {
        let text = match node.value() {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self {
            text,
            from: Some(node),
        }
    }
}
