//! The connection age of releases.

use super::installers::Found;
use super::release::{Chart, Layer, Release};
use super::{CHART_DEFAULT, Install};
use crate::istio::args::AGE;
use crate::istio::keepalive::AgeSetting;
use crate::object::Node;

pub(super) fn install(found: Found<'_>) -> Install<'_> {
    let release = found.releases.iter().find(|r| r.chart == Chart::Istiod);
    let explicit = release.and_then(explicit);
    let is_default = explicit.is_none();
    let age = match (explicit, release) {
        (Some(node), _) => Some(AgeSetting::of_value(&node, name(&node))),
        (None, Some(release)) => {
            let text = format!("`pilot.{AGE}` is not set, and the chart's default");
            let (parent, mut keys) = release
                .home
                .add
                .clone()
                .map_or_else(|| None, Some)
                .unwrap_or_else(|| (Node::root(&serde_json::Value::Null), Vec::new()));
            keys.extend(["pilot", AGE]);
            Some(AgeSetting::of_default(
                CHART_DEFAULT,
                text,
                release.home.at.clone(),
                parent,
                keys,
            ))
        }
        (None, None) => None,
    };
    let is_complete = release.is_none_or(|release| release.unseen.is_nothing());
    let versions = found
        .releases
        .iter()
        .filter_map(|r| r.version.clone())
        .chain(found.versions)
        .collect();
    Install {
        age,
        is_complete,
        is_default,
        releases: found.releases,
        versions,
    }
}

fn name(node: &Node<'_>) -> String {
    format!("`{}`", node.path().join("."))
}

fn explicit<'a>(release: &Release<'a>) -> Option<Node<'a>> {
    release.layers.iter().find_map(|layer| match layer {
        Layer::Values(node) => node.at(&["pilot", AGE]).or_else(|| node.get(AGE)),
        Layer::Global(_) => None,
        Layer::Parameters(list) => list
            .iter()
            .rev()
            .find(|p| p.path == ["pilot", AGE] || p.path == [AGE])
            .map(|p| p.value.clone()),
    })
}
