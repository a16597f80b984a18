//! Files of Helm values, which say neither what they are nor for which chart.

use super::release::{Chart, Home, Layer, Release, Unseen};
use super::values::{DEFAULTS, INTERNAL};
use crate::object::{Node, Object};

/// The releases of a file of Helm values.
pub(super) fn read<'a>(object: &Object<'a>) -> Vec<Release<'a>> {
    let root = &object.root;
    if is_of_chart_itself(root) {
        return Vec::new();
    }
    let chart = object.chart.unwrap_or(Chart::Istiod);
    let home = Home {
        at: root.key(),
        add: Some((root.clone(), Vec::new())),
    };
    let mut release = Release::new(chart, home);
    release.is_named = object.chart.is_some();
    release.layers = vec![Layer::Values(root.clone())];
    release.unseen = Unseen::ANYTHING;
    vec![release]
}

/// Whether this is the file that comes with a chart: its own values stand whole below its own key.
fn is_of_chart_itself(root: &Node<'_>) -> bool {
    [INTERNAL, DEFAULTS].iter().any(|key| {
        let global = root.at(&[key, "global"]);
        global.is_some_and(|global| global.get("istioNamespace").is_some())
    })
}
