//! The policy: what the product's opinion is, where an organisation may differ.

use std::collections::BTreeMap;

use crate::finding::Severity;
use crate::istio::duration::GoDuration;

/// Levels and thresholds. [`Policy::default`] is the product's opinion.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Levels that replace a rule's own, by rule id.
    pub levels: BTreeMap<String, Level>,
    /// Thresholds for istiod's connection age.
    pub keepalive: KeepalivePolicy,
    /// Thresholds for versions.
    pub version: VersionPolicy,
}

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rule does not run.
    Off,
    /// Every finding gets this severity.
    At(Severity),
}

/// `keepalive.*` of the policy.
#[derive(Clone, Debug)]
pub struct KeepalivePolicy {
    /// Above this a connection age is too long (10m).
    pub max: GoDuration,
    /// Below this a connection age is too short (2m); under half of it, an error.
    pub min: GoDuration,
    /// What a fix sets (10m).
    pub target: GoDuration,
}

/// `version.*` of the policy.
#[derive(Clone, Debug)]
pub struct VersionPolicy {
    /// Days before the end of life from which a version is ending soon (45).
    pub warn_days: i32,
    /// Scores of bulletins from which a vulnerable version is an error (9.0).
    pub cvss_error: f64,
    /// Days after which the release table is stale (120).
    pub table_max_age_days: i32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            levels: BTreeMap::new(),
            keepalive: KeepalivePolicy {
                max: GoDuration::from_minutes(10),
                min: GoDuration::from_minutes(2),
                target: GoDuration::from_minutes(10),
            },
            version: VersionPolicy {
                warn_days: 45,
                cvss_error: 9.0,
                table_max_age_days: 120,
            },
        }
    }
}
