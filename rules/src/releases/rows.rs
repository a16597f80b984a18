//! The rows of the release table, as the file has them.

use jiff::civil::Date;
use serde::Deserialize;

use super::read::{cvss, date, dates, kubernetes, minor, minor_if_any, said, version, versions};
use crate::istio::version::{KubernetesVersion, Minor, Version};

/// A minor release.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// `1.31`.
    #[serde(deserialize_with = "minor")]
    pub minor: Minor,
    /// `None` where nobody has said it: then the rule of support computes it.
    pub(super) end_of_life: Option<StatedDate>,
    /// Kubernetes versions that Istio tests and supports.
    pub kubernetes: Option<KubernetesRange>,
    /// Kubernetes versions that Istio tested too, and does not support.
    pub kubernetes_also_tested: Option<KubernetesRange>,
    /// The oldest Kubernetes that the installer accepts.
    pub kubernetes_floor: Option<KubernetesFloor>,
    /// Where the charts of this minor pull from, if that is not Docker Hub.
    pub default_hub: Option<DefaultHub>,
    pub(super) patches: Vec<Patch>,
}

/// A day as its source states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedDate {
    /// The day.
    #[serde(deserialize_with = "date")]
    pub date: Date,
    /// How sure it is.
    pub status: StatedStatus,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// How sure a stated day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StatedStatus {
    /// Announced.
    Confirmed,
    /// Named as expected; the last day of a month where only that was named.
    Expected,
}

/// Kubernetes versions, both ends included.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRange {
    /// Oldest.
    #[serde(deserialize_with = "kubernetes")]
    pub min: KubernetesVersion,
    /// Newest.
    #[serde(deserialize_with = "kubernetes")]
    pub max: KubernetesVersion,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// The oldest Kubernetes that the installer accepts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesFloor {
    /// Oldest.
    #[serde(deserialize_with = "kubernetes")]
    pub min: KubernetesVersion,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// The registry that the charts of a minor name where nobody names another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultHub {
    /// `registry.istio.io/release`.
    pub hub: String,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// A patch release.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// `1.31.1`.
    #[serde(deserialize_with = "version")]
    pub version: Version,
    /// Day of its tag.
    #[serde(deserialize_with = "date")]
    pub released: Date,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// A build that Istio asked not to use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// The build.
    #[serde(deserialize_with = "version")]
    pub version: Version,
    /// The images concerned; empty for all.
    pub images: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// An API that Kubernetes removed and some istiods need.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemovedApi {
    /// Group, version and kinds.
    pub api: String,
    /// First Kubernetes without it.
    #[serde(deserialize_with = "kubernetes")]
    pub removed_in: KubernetesVersion,
    /// First istiod that needs it; all older ones where it is not said.
    #[serde(default, deserialize_with = "minor_if_any")]
    pub(super) needed_from: Option<Minor>,
    /// First istiod that does not need it any more.
    #[serde(deserialize_with = "minor")]
    pub(super) needed_before: Minor,
    /// What an istiod has to be set to for needing it; `None` where every one does.
    pub only_if: Option<String>,
    /// What istiod's log will say.
    pub log: String,
    /// What it leads to.
    pub effect: String,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// A security bulletin.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bulletin {
    /// `ISTIO-SECURITY-2026-006`.
    pub id: String,
    /// Before this day nobody could know of it.
    #[serde(deserialize_with = "date")]
    pub published: Date,
    /// The highest score that it states.
    #[serde(default, deserialize_with = "cvss")]
    pub cvss: Option<f64>,
    pub(super) affected: Vec<Affected>,
    /// Why no patch level decides about it, where that is so: then no version is held against it.
    pub out_of_gate: Option<String>,
    /// Where the row differs from what the bulletin says, and why.
    pub note: Option<String>,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// Versions that a bulletin names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "AffectedRow")]
pub enum Affected {
    /// All releases before this one.
    Before(Version),
    /// Patches of one minor, both ends included.
    Between(Version, Version),
}

/// The three members that an entry of `affected` may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AffectedRow {
    before: Option<String>,
    first: Option<String>,
    last: Option<String>,
}

impl TryFrom<AffectedRow> for Affected {
    type Error = String;

    fn try_from(row: AffectedRow) -> Result<Self, String> {
        let read = |text: &str| super::read::full_version(text);
        match (row.before, row.first, row.last) {
            (Some(before), None, None) => Ok(Self::Before(read(&before)?)),
            (None, Some(first), Some(last)) => Ok(Self::Between(read(&first)?, read(&last)?)),
            _ => Err("expected either `before`, or `first` and `last`".to_owned()),
        }
    }
}

/// A fix of something unsafe that came without a bulletin.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnlistedFix {
    /// The advisory, or a name of ours where it has none.
    pub id: String,
    /// What was unsafe.
    pub what: String,
    /// The first fixed patch of each minor that was supported then.
    #[serde(deserialize_with = "versions")]
    pub fixed_in: Vec<Version>,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// Registries that Istio shuts together.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retirement {
    /// The last day.
    pub shuts: StatedDate,
    /// Days on which they are switched off for some hours, to find who still pulls from them.
    #[serde(deserialize_with = "dates")]
    pub trials: Vec<Date>,
    /// The last minor that is published there.
    #[serde(deserialize_with = "minor")]
    pub last_minor: Minor,
    /// The registries.
    pub registries: Vec<Registry>,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}

/// A registry or chart repository, or a part of one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Host and path, without scheme: `gcr.io/istio-release`.
    pub prefix: String,
    /// What stands in its place; `None` where nothing does.
    pub home: Option<String>,
    /// Who says it.
    #[serde(deserialize_with = "said")]
    pub source: String,
}
