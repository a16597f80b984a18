//! What is counted of certificates.

use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use meshcheck_certs::managed::{Standing, SyncError};
use meshcheck_certs::{Pair, Telemetry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{ResultLabels, seconds};

type Seconds = Gauge<f64, AtomicU64>;
/// A series that is there from its first value on: where nobody renews, nothing is overdue.
type Late = Family<[(&'static str, &'static str); 0], Seconds>;

/// Metrics of certificates, whatever their source.
#[derive(Clone, Default)]
pub struct CertificateMetrics {
    not_after: Seconds,
    reloads: Family<ResultLabels, Counter>,
    renewal: Late,
    authority_not_after: Late,
    last_sync: Late,
    syncs: Family<ResultLabels, Counter>,
    published: Counter,
}

impl CertificateMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "meshcheck_certificate_not_after_timestamp_seconds",
            "When the certificate in use expires",
            self.not_after.clone(),
        );
        registry.register(
            "meshcheck_certificate_reloads",
            "Changed certificate files that were read, by result",
            self.reloads.clone(),
        );
        registry.register(
            "meshcheck_certificate_renewal_timestamp_seconds",
            "When the certificate is to be renewed; in the past, its renewal is overdue",
            self.renewal.clone(),
        );
        registry.register(
            "meshcheck_certificate_authority_not_after_timestamp_seconds",
            "When the authority of the certificate expires",
            self.authority_not_after.clone(),
        );
        registry.register(
            "meshcheck_certificate_last_sync_timestamp_seconds",
            "When the Secret and caBundle were last found or brought in order",
            self.last_sync.clone(),
        );
        registry.register(
            "meshcheck_certificate_syncs",
            "Looks at the Secret and caBundle, by result",
            self.syncs.clone(),
        );
        registry.register(
            "meshcheck_ca_bundle_writes",
            "Webhook configurations whose caBundle was written",
            self.published.clone(),
        );
    }

    pub(super) fn start_at_zero(&self) {
        for result in ["swapped", "kept"] {
            drop(self.reloads.get_or_create(&ResultLabels { result }));
        }
        for result in ["ok"].into_iter().chain(SyncError::REASONS) {
            drop(self.syncs.get_or_create(&ResultLabels { result }));
        }
    }
}

impl Telemetry for CertificateMetrics {
    fn serves(&self, pair: &Pair) {
        self.not_after.set(seconds(pair.certificate().not_after()));
    }

    fn reloaded(&self, swapped: bool) {
        let result = if swapped { "swapped" } else { "kept" };
        self.reloads.get_or_create(&ResultLabels { result }).inc();
    }

    fn synced(&self, now: Timestamp, standing: &Standing) {
        let authority = standing.authority_not_after;
        self.authority_not_after
            .get_or_create(&[])
            .set(seconds(authority));
        self.renewal
            .get_or_create(&[])
            .set(seconds(standing.renewal));
        self.last_sync.get_or_create(&[]).set(seconds(now));
        self.syncs
            .get_or_create(&ResultLabels { result: "ok" })
            .inc();
    }

    fn failed(&self, error: &SyncError) {
        let result = error.reason();
        self.syncs.get_or_create(&ResultLabels { result }).inc();
    }

    fn published(&self) {
        self.published.inc();
    }
}
