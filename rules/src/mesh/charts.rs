//! Where charts come from: sources that releases refer to by name, and charts that values belong to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::definitions::{Definitions, nearest};
use super::{Fact, Known, Place, Source};
use crate::istio::install::{self, Chart, Dependency};
use crate::istio::version::Version;
use crate::object::Object;

/// A source from which Flux takes a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChartSource {
    /// A repository of charts, or of sources (git).
    Repository {
        /// Its address.
        url: String,
    },
    /// One chart as an OCI artifact.
    Artifact {
        /// Its address, which ends with the chart's name.
        url: String,
        /// The chart's version, where it is exact.
        version: Option<Version>,
    },
    /// A chart of another source.
    Chart {
        /// Its name there.
        chart: String,
        /// Kind and name of that source.
        source: (String, String),
        /// The chart's version, where it is exact.
        version: Option<Version>,
    },
    /// A release of the Helm controller of k3s.
    Release {
        /// Which chart of Istio's.
        chart: Chart,
    },
    /// More values for such a release.
    Config {
        /// Whether they set istiod's connection age.
        sets_age: bool,
    },
}

/// Kind, name and namespace; without a namespace where the object does not say it.
type Key = (String, String, Option<String>);

/// All that is known of charts.
#[derive(Clone, Debug, Default)]
pub(super) struct Charts {
    sources: BTreeMap<Key, Definitions<ChartSource>>,
    umbrellas: Definitions<Vec<Dependency>>,
}

/// Kind with its group, since several groups have a `HelmChart`.
fn kind_of(object: &Object<'_>) -> String {
    format!("{}.{}", object.kind, object.group())
}

/// Words of which at least one stands in every text that holds such a fact.
pub(super) const WORDS: &[&str] = &["source.toolkit.fluxcd.io", "helm.cattle.io", "dependencies"];

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    matches!(
        object.group(),
        "source.toolkit.fluxcd.io" | "helm.cattle.io"
    ) || install::CHART_FILE.matches(object)
}

/// What an object says of charts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChartFact {
    /// On which of Istio's charts another one depends.
    Umbrella(Vec<Dependency>),
    /// Where a chart comes from.
    Source(Key, ChartSource),
}

pub(super) fn fact_in(object: &Object<'_>) -> Option<ChartFact> {
    if install::CHART_FILE.matches(object) {
        return Some(ChartFact::Umbrella(install::dependencies(object)));
    }
    let (found, name) = (install::chart_source(object)?, object.name?);
    let namespace = object.namespace.map(str::to_owned);
    let key = (kind_of(object), name.to_owned(), namespace);
    Some(ChartFact::Source(key, found))
}

impl Charts {
    pub(super) fn take(&mut self, fact: ChartFact, source: &Source) {
        let source = source.clone();
        match fact {
            ChartFact::Umbrella(value) => self.umbrellas.push(Fact {
                value,
                source,
                is_planned: false,
            }),
            ChartFact::Source(key, value) => {
                let known = self.sources.entry(key).or_default();
                known.push(Fact {
                    value,
                    source,
                    is_planned: false,
                });
            }
        }
    }

    /// The source that a name means from a place: the one of its namespace, else one that does not say
    /// its namespace, since a kustomization may give it one. `None` where it was not read, or where
    /// two that are equally near differ.
    pub(super) fn source(
        &self,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
        place: Place<'_>,
    ) -> Option<&ChartSource> {
        let key = |namespace: Option<&str>| {
            let namespace = namespace.map(str::to_owned);
            (kind.to_owned(), name.to_owned(), namespace)
        };
        let all = if namespace.is_some() {
            vec![key(namespace), key(None)]
        } else {
            let of_name = |key: &&Key| key.0 == kind && key.1 == name;
            self.sources.keys().filter(of_name).cloned().collect()
        };
        all.iter()
            .find_map(|key| match nearest(self.sources.get(key), place) {
                Known::Yes(source, _) => Some(source),
                Known::Disputed(..) | Known::No => None,
            })
    }

    /// Whether a document without a kind holds values of a chart that depends on Istio's.
    pub(super) fn are_values(&self, document: &Value, place: Place<'_>) -> bool {
        if self.umbrellas.is_empty() || document.get("kind").is_some() {
            return false;
        }
        self.umbrella(place).is_some_and(|(dependencies, _)| {
            dependencies
                .iter()
                .any(|dependency| document.get(&dependency.key).is_some())
        })
    }

    /// The dependencies on Istio's charts of the chart in whose folder a file lies, or below it.
    pub(super) fn umbrella(&self, place: Place<'_>) -> Option<(&[Dependency], Source)> {
        let file = place.file?;
        match nearest(Some(&self.umbrellas), place) {
            Known::Yes(found, source) => {
                let Source::Document { file: chart, .. } = &source else {
                    return None;
                };
                let folder = chart.rsplit_once('/').map_or("", |(folder, _)| folder);
                let is_below = match folder {
                    "" => !file.starts_with(['/', '.']),
                    folder => file
                        .strip_prefix(folder)
                        .is_some_and(|rest| rest.starts_with('/')),
                };
                is_below.then_some((found.as_slice(), source.clone()))
            }
            Known::Disputed(..) | Known::No => None,
        }
    }
}
