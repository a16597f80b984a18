//! Where charts come from: sources that releases refer to by name, and charts that values belong to.

use std::collections::BTreeMap;

use super::definitions::{Definitions, nearest};
use super::{Fact, Known, Place, Source};
use crate::istio::install::{self, Dependency};
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
    },
    /// A chart of another source.
    Chart {
        /// Its name there.
        chart: String,
        /// Kind and name of that source.
        source: (String, String),
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

/// Words of which at least one stands in every text that holds such a fact.
pub(super) const WORDS: &[&str] = &["source.toolkit.fluxcd.io", "dependencies"];

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    object.group() == "source.toolkit.fluxcd.io" || install::CHART_FILE.matches(object)
}

impl Charts {
    pub(super) fn learn(&mut self, object: &Object<'_>, source: &Source) {
        if install::CHART_FILE.matches(object) {
            self.umbrellas.push(Fact {
                value: install::dependencies(object),
                source: source.clone(),
            });
        } else if let (Some(found), Some(name)) = (install::chart_source(object), object.name) {
            let namespace = object.namespace.map(str::to_owned);
            let key = (object.kind.to_owned(), name.to_owned(), namespace);
            self.sources.entry(key).or_default().push(Fact {
                value: found,
                source: source.clone(),
            });
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
            (
                kind.to_owned(),
                name.to_owned(),
                namespace.map(str::to_owned),
            )
        };
        let all = match namespace {
            Some(_) => vec![key(namespace), key(None)],
            None => {
                let of_name = |key: &&Key| key.0 == kind && key.1 == name;
                self.sources.keys().filter(of_name).cloned().collect()
            }
        };
        all.iter()
            .find_map(|key| match nearest(self.sources.get(key), place) {
                Known::Yes(source, _) => Some(source),
                Known::Disputed(..) | Known::No => None,
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
