//! Files of Helm values, which say neither what they are nor for which chart.

use super::release::{Home, Layer, Release, Unseen};
use super::values::{DEFAULTS, INTERNAL};
use crate::istio::values;
use crate::object::{Node, Object};

/// The releases of a file of Helm values.
pub(super) fn read<'a>(object: &Object<'a>) -> Vec<Release<'a>> {
    let root = &object.root;
    let chart = object.chart.or_else(|| values::chart_of(root.value()));
    let Some(chart) = chart.filter(|_| !is_of_chart_itself(root)) else {
        return Vec::new();
    };
    let home = Home {
        is_dotted: false,
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
    const WHOLE: usize = 8;
    [INTERNAL, DEFAULTS].iter().any(|key| {
        let own = root.get(key).and_then(|own| own.value().as_object());
        own.is_some_and(|own| own.len() >= WHOLE || own.contains_key("global"))
    })
}
