//! What is counted of the policy: whether it is in use, and what it lets pass.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::ResultLabels;
use crate::decide::Excuse;
use crate::judge::Verdict;

/// Namespaces that get a series of their own: what is beyond these is counted together.
const MOST_NAMESPACES: usize = 100;

/// What becomes of the policy.
#[derive(Clone, Default)]
pub struct PolicyMetrics {
    reloads: Family<ResultLabels, Counter>,
    is_read: Gauge,
    read_at: Gauge,
    hash: Gauge,
    excused: Family<ExcuseLabels, Counter>,
    broken_glass: Family<GlassLabels, Counter>,
    namespaces: Arc<Mutex<BTreeSet<String>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExcuseLabels {
    rule: &'static str,
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GlassLabels {
    rule: &'static str,
    namespace: String,
}

impl PolicyMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "meshcheck_policy_reloads",
            "Changed policy files that were read, by result",
            self.reloads.clone(),
        );
        registry.register(
            "meshcheck_policy_last_reload_successful",
            "Whether the policy file as it is now is the policy in use: 0 where it was refused",
            self.is_read.clone(),
        );
        registry.register(
            "meshcheck_policy_last_reload_success_timestamp_seconds",
            "When the policy in use was read; 0 without a policy file",
            self.read_at.clone(),
        );
        registry.register(
            "meshcheck_policy_hash",
            "Number for the text of the policy in use; 0 without a policy file",
            self.hash.clone(),
        );
        registry.register(
            "meshcheck_excused_errors",
            "Errors that /validate did not refuse, by rule and reason",
            self.excused.clone(),
        );
        registry.register(
            "meshcheck_break_glass",
            "Errors that passed by an annotation for emergencies, by rule and namespace",
            self.broken_glass.clone(),
        );
    }

    pub(super) fn start_at_zero(&self) {
        self.is_read.set(1);
        for result in ["swapped", "kept"] {
            drop(self.reloads.get_or_create(&ResultLabels { result }));
        }
    }

    /// Tells the policy to start with.
    pub fn starts(&self, print: u64) {
        self.is_read.set(1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        self.read_at.set(seconds);
        // A float, which all numbers are for Prometheus, has 53 bits.
        self.hash
            .set(i64::try_from(print >> 16).unwrap_or_default());
    }

    /// Counts a change of the policy file.
    pub fn read(&self, swapped: bool, print: u64) {
        let result = if swapped { "swapped" } else { "kept" };
        self.reloads.get_or_create(&ResultLabels { result }).inc();
        if swapped {
            self.starts(print);
        } else {
            self.is_read.set(0);
        }
    }

    pub(super) fn decided(&self, verdict: &Verdict) {
        for (rule, excuse) in &verdict.decision.excused {
            let why = excuse.as_str();
            self.excused
                .get_or_create(&ExcuseLabels { rule, why })
                .inc();
            if *excuse == Excuse::BrokenGlass {
                let namespace = self.bounded(&verdict.namespace);
                self.broken_glass
                    .get_or_create(&GlassLabels { rule, namespace })
                    .inc();
            }
        }
    }

    fn bounded(&self, namespace: &str) -> String {
        let known = self.namespaces.lock();
        let mut known = known.unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_NAMESPACES {
            known.insert(namespace.to_owned());
        }
        let is_known = known.contains(namespace);
        if is_known { namespace } else { "(others)" }.to_owned()
    }
}
