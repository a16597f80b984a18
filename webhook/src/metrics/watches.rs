//! What is counted of the watches that the mesh is learned from.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use meshcheck_certs::clock::now;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::seconds;
use crate::watch::{Reason, resources};

type Seconds = Gauge<f64, AtomicU64>;

/// Metrics of watches. Where nothing is watched they have no series.
#[derive(Clone, Debug, Default)]
pub struct WatchMetrics {
    synced: Family<ResourceLabels, Gauge>,
    failing: Family<ResourceLabels, Gauge>,
    objects: Family<ResourceLabels, Gauge>,
    errors: Family<ErrorLabels, Counter>,
    heard: Family<ResourceLabels, Seconds>,
    built: Family<[(&'static str, &'static str); 0], Seconds>,
    build_time: Family<[(&'static str, &'static str); 0], Seconds>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabels {
    resource: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    resource: &'static str,
    reason: &'static str,
}

impl WatchMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "meshcheck_watch_synced",
            "Whether all objects of a resource were seen once: 0 means that what they say is unknown",
            self.synced.clone(),
        );
        registry.register(
            "meshcheck_watch_failing",
            "Watches of a resource that do not work now: what was known of it stays",
            self.failing.clone(),
        );
        registry.register(
            "meshcheck_watch_objects",
            "Objects of a resource that say something of the mesh",
            self.objects.clone(),
        );
        registry.register(
            "meshcheck_watch_errors",
            "Failures of a watch, by resource and reason",
            self.errors.clone(),
        );
        registry.register(
            "meshcheck_watch_last_event_timestamp_seconds",
            "When a watch last told something",
            self.heard.clone(),
        );
        registry.register(
            "meshcheck_mesh_built_timestamp_seconds",
            "When the knowledge that requests are judged by was last built",
            self.built.clone(),
        );
        registry.register(
            "meshcheck_mesh_build_seconds",
            "How long that took",
            self.build_time.clone(),
        );
    }

    /// Watching begins: nothing is known.
    pub fn begin(&self) {
        for resource in resources() {
            let labels = ResourceLabels { resource };
            self.synced.get_or_create(&labels).set(0);
            self.failing.get_or_create(&labels).set(0);
            self.objects.get_or_create(&labels).set(0);
            for reason in Reason::ALL.map(Reason::as_str) {
                drop(self.errors.get_or_create(&ErrorLabels { resource, reason }));
            }
        }
    }

    /// What is known of a resource.
    pub fn knows(&self, resource: &'static str, synced: bool, objects: usize) {
        let labels = ResourceLabels { resource };
        self.synced.get_or_create(&labels).set(i64::from(synced));
        let objects = i64::try_from(objects).unwrap_or(i64::MAX);
        self.objects.get_or_create(&labels).set(objects);
    }

    /// A watch told something.
    pub fn heard(&self, resource: &'static str) {
        let labels = ResourceLabels { resource };
        self.heard.get_or_create(&labels).set(seconds(now()));
    }

    /// A watch failed.
    pub fn failed(&self, resource: &'static str, reason: Reason) {
        let reason = reason.as_str();
        let labels = ErrorLabels { resource, reason };
        self.errors.get_or_create(&labels).inc();
    }

    /// A watch that worked works no longer, or the other way round.
    pub fn works(&self, resource: &'static str, works: bool) {
        let gauge = self.failing.get_or_create(&ResourceLabels { resource });
        if works {
            gauge.dec();
        } else {
            gauge.inc();
        }
    }

    /// A mesh was built, which took so long.
    pub fn built(&self, took: Duration) {
        self.built.get_or_create(&[]).set(seconds(now()));
        self.build_time.get_or_create(&[]).set(took.as_secs_f64());
    }
}
