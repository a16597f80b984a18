//! What the audit found, and how its passes went.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshcheck_rules::Severity;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{ReasonLabels, ResultLabels};

/// A series that is there from its first value on.
type Late<N, A> = Family<[(&'static str, &'static str); 0], Gauge<N, A>>;
type LateSeconds = Late<f64, AtomicU64>;
type LateCount = Late<i64, std::sync::atomic::AtomicI64>;

/// Metrics of the background audit. Without an audit there is none of them.
#[derive(Clone, Debug, Default)]
pub struct AuditMetrics {
    leader: LateCount,
    interval: LateSeconds,
    duration: LateSeconds,
    last_success: LateSeconds,
    objects: LateCount,
    passes: Family<ResultLabels, Counter>,
    errors: Family<ReasonLabels, Counter>,
    events: Family<ResultLabels, Counter>,
    reports: Family<ResultLabels, Counter>,
    tally: Tallies,
}

/// Findings as they stand, and the control planes.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many, by rule, severity and namespace, which is empty for what is in none.
    pub findings: BTreeMap<(&'static str, Severity, String), u64>,
    /// Days of support left, by revision and version.
    pub support: BTreeMap<(String, String), i32>,
}

/// How a pass went.
#[derive(Clone, Copy, Debug)]
pub struct PassSeen {
    /// Whether everything could be looked at.
    pub is_whole: bool,
    /// Objects that were judged.
    pub objects: u64,
    /// How long it took.
    pub took: Duration,
}

/// Shown whole or not at all: a series that is gone must not stay, nor the rest be missing meanwhile.
#[derive(Clone, Default)]
struct Tallies(Arc<Mutex<Arc<Tally>>>);

impl AuditMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.tally.clone()));
        registry.register(
            "meshcheck_audit_leader",
            "Whether this replica does the background audit: 1, and 0 for the others",
            self.leader.clone(),
        );
        registry.register(
            "meshcheck_audit_interval_seconds",
            "Time from one pass of the audit to the next",
            self.interval.clone(),
        );
        registry.register(
            "meshcheck_audit_duration_seconds",
            "How long the last pass of the audit took",
            self.duration.clone(),
        );
        registry.register(
            "meshcheck_audit_last_success_timestamp_seconds",
            "When a pass of the audit last looked at everything",
            self.last_success.clone(),
        );
        registry.register(
            "meshcheck_audit_objects",
            "Objects that the last pass of the audit judged",
            self.objects.clone(),
        );
        registry.register(
            "meshcheck_audit_passes",
            "Passes of the audit, by result",
            self.passes.clone(),
        );
        registry.register(
            "meshcheck_audit_errors",
            "Requests of the audit that failed, by reason",
            self.errors.clone(),
        );
        registry.register(
            "meshcheck_audit_events",
            "Events about new errors, by result",
            self.events.clone(),
        );
        registry.register(
            "meshcheck_audit_report_writes",
            "Policy reports that were changed, by what was done",
            self.reports.clone(),
        );
    }

    /// There is an audit, and another replica does it until more is known.
    pub fn starts(&self, interval: Duration) {
        self.interval.get_or_create(&[]).set(interval.as_secs_f64());
        self.leads(false);
        for result in ["ok", "partial"] {
            drop(self.passes.get_or_create(&ResultLabels { result }));
        }
        for reason in ["forbidden", "refused", "unreachable"] {
            drop(self.errors.get_or_create(&ReasonLabels { reason }));
        }
        for result in ["created", "known", "left_out", "failed"] {
            drop(self.events.get_or_create(&ResultLabels { result }));
        }
        for result in ["written", "deleted"] {
            drop(self.reports.get_or_create(&ResultLabels { result }));
        }
    }

    /// Whether this replica does the audit. One that does not shows no findings: sums would be wrong.
    pub fn leads(&self, leads: bool) {
        self.leader.get_or_create(&[]).set(i64::from(leads));
        if !leads {
            self.shows(Tally::default());
            self.duration.clear();
            self.objects.clear();
        }
    }

    /// Shows these findings in place of all others.
    pub fn shows(&self, tally: Tally) {
        let mut current = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(tally);
    }

    /// A pass has ended.
    pub fn passed(&self, pass: PassSeen) {
        let result = if pass.is_whole { "ok" } else { "partial" };
        self.passes.get_or_create(&ResultLabels { result }).inc();
        self.duration
            .get_or_create(&[])
            .set(pass.took.as_secs_f64());
        let objects = i64::try_from(pass.objects).unwrap_or(i64::MAX);
        self.objects.get_or_create(&[]).set(objects);
        if pass.is_whole {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let seconds = now.map_or(0.0, |now| now.as_secs_f64());
            self.last_success.get_or_create(&[]).set(seconds);
        }
    }

    /// A request failed.
    pub fn failed(&self, reason: &'static str) {
        self.errors.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// An error was told, or not.
    pub fn event(&self, result: &'static str, count: u64) {
        self.events
            .get_or_create(&ResultLabels { result })
            .inc_by(count);
    }

    /// A report was changed.
    pub fn report(&self, result: &'static str) {
        self.reports.get_or_create(&ResultLabels { result }).inc();
    }
}

impl fmt::Debug for Tallies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tallies")
    }
}

impl Collector for Tallies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tally = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut metric = encoder.encode_descriptor(
            "meshcheck_findings",
            "Findings in the cluster by the last pass of the audit.",
            None,
            MetricType::Gauge,
        )?;
        for ((rule, severity, namespace), count) in &tally.findings {
            let labels = [
                ("rule", *rule),
                ("severity", severity.as_str()),
                ("namespace", namespace.as_str()),
            ];
            metric.encode_family(&labels)?.encode_gauge(count)?;
        }
        let mut metric = encoder.encode_descriptor(
            "meshcheck_istio_support_days_left",
            "Days of support that a control plane has left, below zero once it has ended.",
            None,
            MetricType::Gauge,
        )?;
        for ((revision, version), days) in &tally.support {
            let labels = [
                ("revision", revision.as_str()),
                ("version", version.as_str()),
            ];
            let days = i64::from(*days);
            metric.encode_family(&labels)?.encode_gauge(&days)?;
        }
        Ok(())
    }
}
