//! Files of Helm values, which say neither what they are nor for which chart.

use super::release::{Chart, Home, Layer, Release, Unseen};
use super::values::{DEFAULTS, INTERNAL};
use crate::istio::args::AGE;
use crate::object::{Node, Object};

/// The releases of a file of Helm values.
pub(super) fn read<'a>(object: &Object<'a>) -> Vec<Release<'a>> {
    let root = &object.root;
    if is_of_chart_itself(root) || object.chart.is_none() && is_of_another_chart(root) {
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

/// Whether this is the file that comes with Istio's charts for gateways, CNI or ztunnel: defaults below
/// the internal key as istiod's have, and nothing of istiod's among them.
fn is_of_another_chart(root: &Node<'_>) -> bool {
    let is_istiods = |values: &Node<'_>| [AGE, "pilot"].iter().any(|key| values.get(key).is_some());
    root.get_set(INTERNAL)
        .is_some_and(|defaults| !is_istiods(&defaults) && !is_istiods(root))
}

/// Whether this is the file that comes with a chart: its own values stand whole below its own key.
fn is_of_chart_itself(root: &Node<'_>) -> bool {
    [INTERNAL, DEFAULTS].iter().any(|key| {
        let global = root.at(&[key, "global"]);
        global.is_some_and(|global| global.get("istioNamespace").is_some())
    })
}
