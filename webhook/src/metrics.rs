//! What the server counts. Every label has a bounded set of values: nothing in a request can make
//! the number of series grow.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use meshcheck_rules::releases::Releases;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::judge::{Verdict, Webhook};
use crate::review::GroupVersionKind;

pub use audit::{AuditMetrics, PassSeen, Tally};
pub use certificates::CertificateMetrics;
pub use policy::PolicyMetrics;
pub use watches::WatchMetrics;

mod audit;
mod certificates;
mod policy;
mod watches;

/// Seconds. A review takes well under a millisecond, so that is where the steps are small.
const SECONDS: [f64; 15] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5,
];

/// The media type of the metrics in text form.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the server.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    duration: Family<WebhookLabels, Histogram>,
    findings: Family<FindingLabels, Counter>,
    suppressed: Family<RuleLabels, Counter>,
    fixes: Family<RuleLabels, Counter>,
    crashes: Family<RuleLabels, Counter>,
    /// Requests that are being answered now.
    pub in_flight: Gauge,
    /// Requests that were refused because too many were in flight.
    pub refused: Counter,
    /// Connections that ended before the first request, by reason.
    pub handshake_failures: Family<ReasonLabels, Counter>,
    /// What becomes of certificates.
    pub certificates: CertificateMetrics,
    /// What the background audit finds.
    pub audit: AuditMetrics,
    /// What becomes of the policy, and what it lets pass.
    pub policy: PolicyMetrics,
    /// What becomes of watches.
    pub watches: WatchMetrics,
    release_data_as_of: Gauge,
    release_data_reloads: Family<ResultLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    webhook: &'static str,
    operation: &'static str,
    kind_class: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    webhook: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    rule: &'static str,
    severity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    rule: &'static str,
}

/// Labels of a failed handshake.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabels {
    /// `plain_http`, `timeout`, `alert`, `closed`, `tls` or `too_many`.
    pub reason: &'static str,
}

/// What became of something that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            findings: Family::default(),
            suppressed: Family::default(),
            fixes: Family::default(),
            crashes: Family::default(),
            in_flight: Gauge::default(),
            refused: Counter::default(),
            handshake_failures: Family::default(),
            certificates: CertificateMetrics::default(),
            audit: AuditMetrics::default(),
            policy: PolicyMetrics::default(),
            watches: WatchMetrics::default(),
            release_data_as_of: Gauge::default(),
            release_data_reloads: Family::default(),
        };
        metrics.register();
        metrics.start_at_zero();
        metrics
    }
}

impl Metrics {
    /// A counter's name gets `_total` behind it and a help text its full stop: so says `OpenMetrics`.
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "meshcheck_admission_requests",
            "Admission requests by webhook, operation, class of kind and outcome",
            self.requests.clone(),
        );
        registry.register(
            "meshcheck_admission_duration_seconds",
            "Time from the head of a request to its answer",
            self.duration.clone(),
        );
        registry.register(
            "meshcheck_admission_findings",
            "Findings of /validate by rule and severity",
            self.findings.clone(),
        );
        registry.register(
            "meshcheck_suppressed_findings",
            "Findings of /validate that an annotation or the policy left out, by rule",
            self.suppressed.clone(),
        );
        registry.register(
            "meshcheck_fixes",
            "Findings that /mutate mended, by rule",
            self.fixes.clone(),
        );
        registry.register(
            "meshcheck_rule_crashes",
            "Rules that broke down: a defect of meshcheck, no verdict",
            self.crashes.clone(),
        );
        registry.register(
            "meshcheck_in_flight",
            "Requests being answered",
            self.in_flight.clone(),
        );
        registry.register(
            "meshcheck_refused",
            "Requests refused because too many were in flight",
            self.refused.clone(),
        );
        self.register_server();
    }

    fn register_server(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "meshcheck_handshake_failures",
            "Connections that ended before their first request, by reason",
            self.handshake_failures.clone(),
        );
        self.certificates.register(registry);
        self.audit.register(registry);
        self.policy.register(registry);
        self.watches.register(registry);
        registry.register(
            "meshcheck_release_data_as_of_timestamp_seconds",
            "The day on which the release table in use was compared with its sources",
            self.release_data_as_of.clone(),
        );
        registry.register(
            "meshcheck_release_data_reloads",
            "Changed files of release data that were read, by result",
            self.release_data_reloads.clone(),
        );
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("meshcheck_build", "Build of the server", version);
    }

    /// A series that appears with its first event hides that event from `rate()`.
    fn start_at_zero(&self) {
        self.certificates.start_at_zero();
        self.policy.start_at_zero();
        for result in ["swapped", "kept"] {
            let labels = ResultLabels { result };
            drop(self.release_data_reloads.get_or_create(&labels));
        }
        for webhook in [Webhook::Mutate, Webhook::Validate].map(Webhook::as_str) {
            drop(self.duration.get_or_create(&WebhookLabels { webhook }));
        }
        for rule in meshcheck_rules::rules::ALL {
            let severity = rule.severity.as_str();
            let rule = rule.id;
            let labels = FindingLabels { rule, severity };
            drop(self.findings.get_or_create(&labels));
            drop(self.suppressed.get_or_create(&RuleLabels { rule }));
            drop(self.crashes.get_or_create(&RuleLabels { rule }));
        }
    }

    /// Counts a request that got as far as a verdict.
    pub fn verdict(&self, webhook: Webhook, verdict: &Verdict) {
        self.crashed(&verdict.crashed);
        for rule in &verdict.fixed {
            self.fixes.get_or_create(&RuleLabels { rule }).inc();
        }
        self.policy.decided(verdict);
        // Both webhooks see every object: counting in one is counting once.
        if webhook == Webhook::Validate {
            for (rule, severity) in &verdict.findings {
                let severity = severity.as_str();
                self.findings
                    .get_or_create(&FindingLabels { rule, severity })
                    .inc();
            }
            for rule in &verdict.suppressed {
                self.suppressed.get_or_create(&RuleLabels { rule }).inc();
            }
        }
    }

    /// Counts rules that broke down.
    pub fn crashed(&self, rules: &[&'static str]) {
        for rule in rules {
            self.crashes.get_or_create(&RuleLabels { rule }).inc();
        }
    }

    /// Counts an answer.
    pub fn answered(&self, webhook: Webhook, seen: &Seen, seconds: f64) {
        let labels = RequestLabels {
            webhook: webhook.as_str(),
            operation: seen.operation,
            kind_class: seen.kind_class,
            outcome: seen.outcome,
        };
        self.requests.get_or_create(&labels).inc();
        let webhook = webhook.as_str();
        self.duration
            .get_or_create(&WebhookLabels { webhook })
            .observe(seconds);
    }

    /// Tells the day of the release table that is judged by from now on.
    pub fn judges_by(&self, table: &Releases) {
        let midnight = table.as_of.to_zoned(TimeZone::UTC);
        let seconds = midnight.map_or(0, |midnight| midnight.timestamp().as_second());
        self.release_data_as_of.set(seconds);
    }

    /// Counts a change of the file of release data.
    pub fn release_data_read(&self, swapped: bool) {
        let result = if swapped { "swapped" } else { "kept" };
        self.release_data_reloads
            .get_or_create(&ResultLabels { result })
            .inc();
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes every write");
        text
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact for the next 285 million years"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64
}

/// What is counted of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// `CREATE`; `-` where the request could not be read.
    pub operation: &'static str,
    /// See [`kind_class`]; `-` where the request could not be read.
    pub kind_class: &'static str,
    /// What became of it.
    pub outcome: &'static str,
}

/// Kinds in few classes: a cluster has hundreds.
pub fn kind_class(kind: &GroupVersionKind) -> &'static str {
    let workloads = ["apps", "batch", "apps.openshift.io", "serving.knative.dev"];
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Pod") => "pod",
        ("", "ConfigMap") => "configmap",
        ("", "Namespace") => "namespace",
        ("", "ReplicationController") | ("argoproj.io", "Rollout") => "workload",
        (group, _) if workloads.contains(&group) => "workload",
        (group, _) if group.ends_with("istio.io") => "istio",
        ("maistra.io" | "argoproj.io", _) => "install",
        (group, _) if group.ends_with("fluxcd.io") || group.ends_with("cattle.io") => "install",
        _ => "other",
    }
}
