//! The Helm controller of k3s and RKE2: `HelmChart` and `HelmChartConfig`.
//!
//! Values as `pkg/controllers/chart/chart.go` of k3s-io/helm-controller gives them to `helm`: the chart's
//! `valuesContent`, `values`, `valuesSecrets`, then the same of a `HelmChartConfig` of its name, then
//! `set` on top of all.

use serde_json::Value;

use super::chart_version;
use super::release::{Chart, Home, Layer, Parameter, Release, Unseen};
use super::repository::Origin;
use super::values_in::{Inline, inline};
use crate::istio::args::AGE;
use crate::mesh::{Around, ChartSource};
use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

const GROUP: &str = "helm.cattle.io";

/// A release.
pub(super) const HELM_CHART: ObjectKind = ObjectKind::new(GROUP, "HelmChart", "helmcharts");
/// More values for the `HelmChart` of the same name.
pub(super) const HELM_CHART_CONFIG: ObjectKind =
    ObjectKind::new(GROUP, "HelmChartConfig", "helmchartconfigs");

/// The chart that a `HelmChart` installs.
pub(super) fn release<'a>(
    object: &Object<'a>,
    strings: &'a Strings,
    around: Option<&Around<'a>>,
) -> Option<Release<'a>> {
    let spec = object.root.get_set("spec")?;
    if HELM_CHART_CONFIG.matches(object) {
        return config(object, &spec, strings, around);
    }
    let (chart, origin) = chart(&spec)?;
    let mut release = of_spec(&spec, origin.chart, strings);
    release.is_vendors = origin.publisher.vendor().is_some();
    release.version = chart_version::of_archive(chart, origin)
        .or_else(|| chart_version::of_chart(spec.get_set("version")?, origin));
    // What a config of the same name sets wins over this.
    let config = beside(&HELM_CHART_CONFIG, object, around);
    release.unseen.stronger |= matches!(config, Some(ChartSource::Config { sets_age: true }));
    Some(release)
}

fn chart<'a>(spec: &Node<'a>) -> Option<(Node<'a>, Origin)> {
    let chart = spec.get_set("chart")?;
    let repository = spec.str_at("repo").filter(|repo| !repo.is_empty());
    let origin = Origin::of(chart.str()?, repository)?;
    Some((chart, origin))
}

/// Values for the `HelmChart` of the same name; one that was not read is known by that name.
fn config<'a>(
    object: &Object<'a>,
    spec: &Node<'a>,
    strings: &'a Strings,
    around: Option<&Around<'a>>,
) -> Option<Release<'a>> {
    let chart = match beside(&HELM_CHART, object, around) {
        Some(ChartSource::Release { chart }) => *chart,
        Some(_) => return None,
        None => Origin::of(object.name?, None)?.chart,
    };
    let mut release = of_spec(spec, chart, strings);
    release.unseen.weaker = true;
    Some(release)
}

fn beside<'m>(
    kind: &ObjectKind,
    object: &Object<'_>,
    around: Option<&Around<'m>>,
) -> Option<&'m ChartSource> {
    let kind = format!("{}.{GROUP}", kind.kind);
    around?.chart_source(&kind, object.name?, object.namespace)
}

/// What a `HelmChart` says to its config, and the other way round.
pub(super) fn source(object: &Object<'_>) -> Option<ChartSource> {
    let spec = object.root.get_set("spec")?;
    if HELM_CHART.matches(object) {
        let (_, origin) = chart(&spec)?;
        return Some(ChartSource::Release {
            chart: origin.chart,
        });
    }
    let strings = Strings::default();
    let is_config = HELM_CHART_CONFIG.matches(object);
    is_config.then(|| ChartSource::Config {
        sets_age: sets_age(&spec, &strings),
    })
}

fn sets_age(spec: &Node<'_>, strings: &Strings) -> bool {
    let text = inline(spec.get_set("valuesContent"), strings).mapping();
    [spec.get_set("values"), text]
        .iter()
        .flatten()
        .any(|values| {
            values
                .at(&["pilot", AGE])
                .or_else(|| values.get_set(AGE))
                .is_some()
        })
}

fn of_spec<'a>(spec: &Node<'a>, chart: Chart, strings: &'a Strings) -> Release<'a> {
    let text = inline(spec.get_set("valuesContent"), strings);
    let mapping = spec.get_set("values").map_or(Inline::Absent, Inline::of);
    let set = parameters(spec);
    let has_secrets = spec.items("valuesSecrets").next().is_some();
    let is_unreadable = text.is_unreadable() || mapping.is_unreadable();
    let key = mapping.key().or_else(|| text.key());
    let mut layers = Vec::new();
    if !set.is_empty() {
        layers.push(Layer::Parameters(set));
    }
    let both = [&mapping, &text];
    layers.extend(
        both.iter()
            .filter_map(|values| values.mapping())
            .map(Layer::Values),
    );
    let is_empty = mapping.is_absent() && text.is_absent();
    // `values` is young: a controller that does not know it drops it without a word.
    let add = mapping.home().or_else(|| text.home());
    let home = Home {
        is_dotted: add.is_none(),
        at: key.unwrap_or_else(|| spec.key()),
        add: add.or_else(|| is_empty.then(|| (spec.clone(), vec!["set"]))),
    };
    Release {
        layers,
        unseen: Unseen {
            weaker: is_unreadable,
            stronger: has_secrets || is_unreadable,
        },
        refusal: text.refusal(),
        ..Release::new(chart, home)
    }
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
