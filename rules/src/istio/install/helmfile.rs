//! helmfile: `helmfile.yaml` with its releases.

use serde_json::Value;

use super::chart_version;
use super::release::{Home, Layer, Parameter, Release, Unseen};
use super::repository::Origin;
use crate::object::{Node, Object};
use crate::rule::ObjectKind;

/// A helmfile; no API server sees it.
pub(super) const HELMFILE: ObjectKind = ObjectKind::new("", "helmfile.yaml", "");

/// Whether a document without a kind is one that installs a chart of Istio's.
pub(crate) fn is_one(document: &Value) -> bool {
    let is_file = document.get("kind").is_none() && document.get("releases").is_some();
    is_file && {
        let root = Node::root(document);
        root.items("releases")
            .any(|release| origin(&release, &root).is_some())
    }
}

/// The charts of Istio that it installs.
pub(super) fn releases<'a>(object: &Object<'a>) -> Vec<Release<'a>> {
    let root = &object.root;
    let is_wanted =
        |release: &Node<'_>| release.value().get("installed") != Some(&Value::Bool(false));
    root.items("releases")
        .filter(is_wanted)
        .filter_map(|node| release(&node, origin(&node, root)?))
        .collect()
}

/// `istio/istiod` is a chart of the repository that the file calls `istio`.
fn origin(release: &Node<'_>, root: &Node<'_>) -> Option<Origin> {
    let chart = release.str_at("chart")?;
    if chart.contains("://") {
        return Origin::of(chart, None);
    }
    let (repository, name) = chart.split_once('/')?;
    let known = root
        .items("repositories")
        .find(|node| node.str_at("name") == Some(repository));
    match known.and_then(|node| node.str_at("url")) {
        Some(url) => Origin::of(name, Some(url)),
        None => Origin::of_named(name, repository),
    }
}

fn release<'a>(node: &Node<'a>, origin: Origin) -> Option<Release<'a>> {
    let version = node.get_set("version");
    let values: Vec<Node<'a>> = node.items("values").collect();
    let inline = values.iter().filter(|value| value.value().is_object());
    let mut layers: Vec<Layer<'a>> = inline.cloned().map(Layer::Values).collect();
    // What stands later wins.
    layers.reverse();
    let first = layers.first().cloned();
    let set = parameters(node);
    if !set.is_empty() {
        layers.insert(0, Layer::Parameters(set));
    }
    let is_file = |value: &&Node<'a>| !value.value().is_object();
    let last_is_file = values.last().is_some_and(|value| is_file(&value));
    let has_more = |key: &str| node.items(key).next().is_some();
    let place = node.get("values").or_else(|| node.get("chart"))?;
    let home = Home {
        is_dotted: false,
        at: place.whole(),
        add: match first {
            Some(Layer::Values(mapping)) => Some((mapping, Vec::new())),
            _ => None,
        },
    };
    Some(Release {
        version: version.and_then(|node| chart_version::of_chart(node, origin)),
        layers,
        unseen: Unseen {
            weaker: values.iter().any(|value| is_file(&value)) || node.get_set("inherit").is_some(),
            stronger: last_is_file
                || has_more("secrets")
                || node.get_set("valuesTemplate").is_some(),
        },
        ..origin.release(home)
    })
}

/// `set`, and `setString` on top of it.
fn parameters<'a>(release: &Node<'a>) -> Vec<Parameter<'a>> {
    let of = |key: &str, is_text: bool| {
        release
            .items(key)
            .filter_map(|item| {
                Some(Parameter::named(
                    item.str_at("name")?,
                    item.get_set("value")?,
                    is_text,
                ))
            })
            .collect::<Vec<_>>()
    };
    let mut all = of("set", false);
    all.extend(of("setString", true));
    all
}
