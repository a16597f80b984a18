//! The Helm controller of k3s and RKE2: `HelmChart` and `HelmChartConfig`.
//!
//! Values as `pkg/controllers/chart/chart.go` of k3s-io/helm-controller gives them to `helm`: the chart's
//! `valuesContent`, `values`, `valuesSecrets`, then the same of a `HelmChartConfig` of its name, then
//! `set` on top of all.

use serde_json::Value;

use super::chart_version;
use super::release::{Home, Layer, Parameter, Release, Unseen};
use super::repository::Origin;
use super::values_in::{Inline, inline};
use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

const GROUP: &str = "helm.cattle.io";

/// A release.
pub(super) const HELM_CHART: ObjectKind = ObjectKind::new(GROUP, "HelmChart", "helmcharts");
/// More values for the `HelmChart` of the same name.
pub(super) const HELM_CHART_CONFIG: ObjectKind =
    ObjectKind::new(GROUP, "HelmChartConfig", "helmchartconfigs");

/// The chart that a `HelmChart` installs.
pub(super) fn release<'a>(object: &Object<'a>, strings: &'a Strings) -> Option<Release<'a>> {
    let spec = object.root.get_set("spec")?;
    let chart = spec.get_set("chart")?;
    let repository = spec.str_at("repo").filter(|repo| !repo.is_empty());
    let origin = Origin::of(chart.str()?, repository)?;
    let version = chart_version::of_archive(chart, origin).or_else(|| {
        let version = spec.get_set("version")?;
        chart_version::of_chart(version, origin)
    });
    Some(of_spec(&spec, origin, strings, |release| {
        release.version = version;
    }))
}

fn of_spec<'a>(
    spec: &Node<'a>,
    origin: Origin,
    strings: &'a Strings,
    more: impl FnOnce(&mut Release<'a>),
) -> Release<'a> {
    let text = inline(spec.get_set("valuesContent"), strings);
    let mapping = spec.get_set("values").map_or(Inline::Absent, Inline::of);
    let set = parameters(spec);
    let secrets = spec.items("valuesSecrets").next().is_some();
    let unreadable = text.is_unreadable() || mapping.is_unreadable();
    let add = match (&mapping, &text) {
        (Inline::Absent, Inline::Absent) => Some((spec.clone(), vec!["values"])),
        (Inline::Absent, text) => text.home(),
        (mapping, _) => mapping.home(),
    };
    let key = mapping.key().or_else(|| text.key());
    let mut layers = Vec::new();
    if !set.is_empty() {
        layers.push(Layer::Parameters(set));
    }
    layers.extend(mapping.mapping().map(Layer::Values));
    layers.extend(text.mapping().map(Layer::Values));
    let mut release = Release {
        chart: origin.chart,
        version: None,
        profile: None,
        is_named: false,
        operator: None,
        layers,
        unseen: Unseen {
            weaker: unreadable,
            stronger: secrets || unreadable,
        },
        home: Home {
            at: key.unwrap_or_else(|| spec.key()),
            add,
        },
    };
    more(&mut release);
    release
}

/// Numbers, booleans and null keep their type; all other texts stay texts.
fn parameters<'a>(spec: &Node<'a>) -> Vec<Parameter<'a>> {
    let set = spec.get_set("set");
    let entries = set.iter().flat_map(Node::entries);
    entries
        .map(|(name, value)| {
            let is_typed = match value.value() {
                Value::String(text) => ["true", "false", "null"]
                    .iter()
                    .any(|word| text.eq_ignore_ascii_case(word)),
                _ => true,
            };
            Parameter::named(name, value, !is_typed)
        })
        .collect()
}
