//! `Chart.yaml` and `requirements.yaml` that depend on Istio's charts, and the values beside them.

use serde_json::Value;

use super::chart_version;
use super::release::{Chart, Home, InstallVersion, Layer, Release, Unseen};
use super::repository::Origin;
use super::values::{DEFAULTS, INTERNAL};
use crate::istio::values;
use crate::istio::version::Version;
use crate::mesh::Around;
use crate::object::{Node, Object};
use crate::rule::ObjectKind;

/// A chart's own file; no API server sees it.
pub const CHART_FILE: ObjectKind = ObjectKind::new("", "Chart.yaml", "");

/// A dependency on one of Istio's charts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Below which key its values stand: its alias, else its name.
    pub key: String,
    /// Which chart.
    pub chart: Chart,
    /// Its version, where it is exact.
    pub version: Option<Version>,
    /// Whether it is a vendor's build.
    pub is_vendors: bool,
}

/// Whether a document without a kind is such a file.
pub(crate) fn is_one(document: &Value) -> bool {
    let Some(root) = document.as_object() else {
        return false;
    };
    let dependencies = root.get("dependencies").and_then(Value::as_array);
    let is_file = root.contains_key("apiVersion") || root.len() == 1;
    is_file
        && !root.contains_key("kind")
        && dependencies.is_some_and(|list| list.iter().any(|item| origin(item).is_some()))
}

/// The versions that it asks for.
pub(super) fn versions<'a>(object: &Object<'a>) -> Vec<InstallVersion<'a>> {
    let versions = object.root.items("dependencies").filter_map(|dependency| {
        let origin = origin(dependency.value())?;
        let version = chart_version::of_chart(dependency.get_set("version")?, origin)?;
        // A chart of one's own folder may be any version of it.
        let is_own = dependency
            .str_at("repository")
            .is_some_and(|place| place.starts_with("file:"));
        (!is_own || version.stated.version().is_some()).then_some(version)
    });
    versions.collect()
}

/// Its dependencies on Istio's charts.
pub(crate) fn dependencies(object: &Object<'_>) -> Vec<Dependency> {
    let found = object
        .root
        .items("dependencies")
        .filter_map(|node: Node<'_>| {
            let origin = origin(node.value())?;
            let version = node.get_set("version");
            let version = version.and_then(|node| chart_version::of_chart(node, origin));
            let key = node.str_at("alias").or_else(|| node.str_at("name"))?;
            Some(Dependency {
                key: key.to_owned(),
                chart: origin.chart,
                version: version.and_then(|version| version.stated.version()),
                is_vendors: origin.publisher.vendor().is_some(),
            })
        });
    found.collect()
}

/// The releases in values that stand below the names of dependencies: those of the chart's own file where
/// it was read, else what the values themselves show.
pub(super) fn values<'a>(object: &Object<'a>, around: Option<&Around<'a>>) -> Vec<Release<'a>> {
    let root = &object.root;
    if object.chart.is_some() {
        return Vec::new();
    }
    let known = around.and_then(Around::umbrella);
    let Some((dependencies, _)) = known else {
        return if values::are_istio_values(root.value()) {
            Vec::new()
        } else {
            nested(root).collect()
        };
    };
    let below = dependencies.iter().filter_map(|dependency| {
        let mut release = below(root, &root.get_set(&dependency.key)?, dependency.chart);
        release.known = dependency.version;
        release.is_vendors = dependency.is_vendors;
        Some(release)
    });
    below.collect()
}

fn nested<'a>(root: &Node<'a>) -> impl Iterator<Item = Release<'a>> {
    // Where istiod's chart keeps its own values, which are no dependency's.
    let is_own = |key: &str| key == DEFAULTS || key == INTERNAL;
    root.entries()
        .filter(move |(key, node)| !is_own(key) && values::are_istio_values(node.value()))
        .map(|(_, node)| Release {
            guessed: Some(node.clone()),
            ..below(root, &node, Chart::Istiod)
        })
}

/// The `global` of the chart above reaches the charts below it.
fn below<'a>(root: &Node<'a>, values: &Node<'a>, chart: Chart) -> Release<'a> {
    let global = root.get_set("global").map(Layer::Global);
    let own = Layer::Values(values.clone());
    let home = Home {
        is_dotted: false,
        at: values.key(),
        add: values
            .value()
            .is_object()
            .then(|| (values.clone(), Vec::new())),
    };
    Release {
        layers: global.into_iter().chain([own]).collect(),
        unseen: Unseen::ANYTHING,
        ..Release::new(chart, home)
    }
}

/// `@istio` and `alias:istio` stand for a repository that somebody has added under that name; a folder
/// says nothing.
fn origin(dependency: &Value) -> Option<Origin> {
    let text = |key: &str| dependency.get(key).and_then(Value::as_str);
    let (name, repository) = (text("name")?, text("repository").unwrap_or_default());
    let alias = repository
        .strip_prefix('@')
        .or_else(|| repository.strip_prefix("alias:"));
    match alias {
        Some(alias) => Origin::of_named(name, alias),
        None if repository.is_empty() || repository.starts_with("file:") => Origin::of(name, None),
        None => Origin::of(name, Some(repository)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_depends_on_istio_is_of_interest() {
        let depends_on = |name: &str, repository: &str| {
            let dependency = json!({"name": name, "version": "1.2.3", "repository": repository});
            is_one(&json!({"apiVersion": "v2", "name": "a", "dependencies": [dependency]}))
        };
        assert!(depends_on("istiod", "https://charts.example.com"));
        assert!(depends_on("base", "oci://ghcr.io/istio/release/charts"));
        assert!(depends_on("gateway", "@istio"));
        assert!(depends_on("istiod", "file://../istiod"));
        assert!(!depends_on("gateway", "@platform"));
        assert!(!depends_on("base", "https://charts.example.com"));
        assert!(!depends_on("base", "file://../base"));
        let requirements = json!({"dependencies": [{"name": "istiod"}]});
        assert!(is_one(&requirements));
        assert!(!is_one(
            &json!({"kind": "A", "dependencies": [{"name": "istiod"}]})
        ));
    }

    #[test]
    fn values_stand_below_names_and_not_below_the_charts_own() {
        let age = json!({"pilot": {"keepaliveMaxServerConnectionAge": "30m"}});
        for (key, count) in [("istiod", 1), ("mesh", 1), (DEFAULTS, 0), (INTERNAL, 0)] {
            let values = json!({key: age, "other": {"pilot": {}}});
            assert_eq!(nested(&Node::root(&values)).count(), count, "{key}");
        }
    }
}
