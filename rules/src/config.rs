//! The policy: what the product's opinion is, where an organisation may differ.
//!
//! `meshcheck.yaml` beside the manifests, or the same text in a `ConfigMap` for the webhook. What it may
//! hold is declared once (`config/keys.rs`): the reader, its errors, the JSON schema and the table
//! in `docs/policy.md` are derived from that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::finding::Severity;
use crate::istio::duration::GoDuration;
use crate::istio::image::Vendor;
use crate::istio::version::Minor;
use crate::object::Object;

pub use keys::{Key, keys};
pub use problem::PolicyProblem;
pub use schema::schema;
pub use selector::{Folders, Selector};
pub use webhook::{BreakGlass, MendAt, Mode, ModeEntry, MutatePolicy, WebhookPolicy};

mod keys;
mod problem;
mod read;
pub(crate) mod scalar;
mod schema;
mod selector;
mod shape;
mod webhook;

/// `apiVersion` of a policy.
pub const API_VERSION: &str = "meshcheck.dev/v1alpha1";

/// `kind` of a policy.
pub const KIND: &str = "Policy";

/// Name of the file that the plugin looks for, and of the key in the webhook's `ConfigMap`.
pub const FILE_NAME: &str = "meshcheck.yaml";

/// Levels, thresholds and exemptions. [`Policy::default`] is the product's opinion.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Levels that replace a rule's own, by rule id.
    pub levels: BTreeMap<&'static str, Level>,
    /// Thresholds for istiod's connection age.
    pub keepalive: KeepalivePolicy,
    /// Thresholds for versions.
    pub version: VersionPolicy,
    /// By what the support of a vendor's build is judged, where it is not the default.
    pub vendors: BTreeMap<Vendor, VendorSupport>,
    /// Rules that no annotation may ignore.
    pub forbid_ignore: BTreeSet<&'static str>,
    /// Findings that are left out, and why.
    pub ignores: Vec<Ignore>,
    /// Where the paths begin that `ignores` name.
    pub folders: Folders,
    /// What the webhook does with what it finds. The plugin judges for people and passes it over.
    pub webhook: WebhookPolicy,
}

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The rule does not run.
    Off,
    /// Every finding gets this severity, except an info of a rule of another severity: that says
    /// what could not be judged, and does so at every level.
    At(Severity),
}

/// `keepalive` of the policy.
#[derive(Clone, Debug)]
pub struct KeepalivePolicy {
    /// Above this a connection age is too long (10m).
    pub max: GoDuration,
    /// Below this a connection age is too short (2m); under half of it, an error.
    pub min: GoDuration,
    /// What a fix sets (10m, or the nearest that `min` and `max` allow).
    pub target: GoDuration,
}

/// `version` of the policy.
#[derive(Clone, Debug)]
pub struct VersionPolicy {
    /// Days before the end of life from which a version is ending soon (45).
    pub warn_days: i32,
    /// CVSS score from which a known vulnerability is an error and no warning (9.0).
    pub cvss_error: f64,
    /// Days after which the release table is stale (120).
    pub table_max_age_days: i32,
}

/// By what the support of a vendor's build is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VendorSupport {
    /// Not at all.
    Ignore,
    /// By upstream's dates, and told as an info only.
    #[default]
    Info,
    /// By upstream's dates, as if it were upstream's build.
    Upstream,
    /// By these last days of support; minors that are not listed as upstream's.
    Until(BTreeMap<Minor, Date>),
}

/// An entry of `ignores`.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// Rules whose findings are left out.
    pub rules: Vec<&'static str>,
    /// Why.
    pub reason: String,
    /// The last day on which it counts; for ever without one.
    pub until: Option<Date>,
    /// On which objects.
    pub selector: Selector,
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
            vendors: BTreeMap::new(),
            forbid_ignore: BTreeSet::new(),
            ignores: Vec::new(),
            folders: Folders::default(),
            webhook: WebhookPolicy::default(),
        }
    }
}

impl Policy {
    /// Reads a policy. All that is wrong with it is told at once, in the order of the text.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<PolicyProblem>> {
        read::policy(bytes)
    }

    /// How the support of a vendor's builds is judged.
    pub fn support_of(&self, vendor: Vendor) -> &VendorSupport {
        self.vendors.get(&vendor).unwrap_or(&VendorSupport::Info)
    }

    /// The entries of `ignores` that have findings of a rule left out on an object, by their index.
    pub(crate) fn ignored(
        &self,
        object: &Object<'_>,
        file: Option<&str>,
        rule: &str,
        on: Date,
    ) -> impl Iterator<Item = usize> {
        let entries = self.ignores.iter().enumerate();
        let fitting = entries.filter(move |(_, entry)| {
            entry.rules.contains(&rule)
                && !entry.is_over(on)
                && entry.selector.selects(object, file, &self.folders)
        });
        fitting.map(|(index, _)| index)
    }

    /// Whether a document is a policy, of whatever version: no object for rules.
    pub fn is_policy(object: &Object<'_>) -> bool {
        object.kind == KIND && object.group() == API_VERSION.split('/').next().unwrap_or_default()
    }
}

impl Ignore {
    /// Whether it does nothing any more.
    pub fn is_over(&self, on: Date) -> bool {
        self.until.is_some_and(|last| on > last)
    }
}

#[cfg(test)]
mod tests;
