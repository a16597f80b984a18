//! The release table: support by date, Kubernetes ranges, removed APIs.
//!
//! Data with sources, in `rules/data/istio-releases.json`.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};

use crate::istio::version::{KubernetesVersion, Minor, Version};

/// Weeks of support that a minor has left once its second successor is out.
const WEEKS_AFTER_SECOND_SUCCESSOR: i64 = 6;

/// The release table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Releases {
    #[serde(rename = "version")]
    _format: FormatOne,
    /// The day on which the table was last compared with its sources.
    pub as_of: Date,
    releases: Vec<Release>,
    withdrawn: Vec<Withdrawn>,
    removed_kubernetes_apis: Vec<RemovedApi>,
}

/// A minor release.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Release {
    /// `1.31`.
    #[serde(deserialize_with = "minor")]
    pub minor: Minor,
    /// Day of the `X.Y.0` tag.
    pub released: Date,
    /// `None` where nobody has said it: then the rule of support computes it.
    end_of_life: Option<StatedEnd>,
    /// Kubernetes versions that Istio tested.
    pub kubernetes: Option<KubernetesRange>,
    /// The oldest Kubernetes that the installer accepts.
    pub kubernetes_floor: Option<KubernetesFloor>,
    /// Newest patch known to the table.
    pub newest_patch: Patch,
}

/// The end of support as its source states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StatedEnd {
    date: Date,
    status: StatedStatus,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StatedStatus {
    Confirmed,
    Expected,
}

/// Tested Kubernetes versions, both ends included.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRange {
    /// Oldest.
    #[serde(deserialize_with = "kubernetes")]
    pub min: KubernetesVersion,
    /// Newest.
    #[serde(deserialize_with = "kubernetes")]
    pub max: KubernetesVersion,
    #[serde(rename = "source")]
    _source: String,
}

/// The oldest Kubernetes that the installer accepts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesFloor {
    /// Oldest.
    #[serde(deserialize_with = "kubernetes")]
    pub min: KubernetesVersion,
    #[serde(rename = "source")]
    _source: String,
}

/// A patch release.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// `1.31.1`.
    #[serde(deserialize_with = "version")]
    pub version: Version,
    /// Day of its tag.
    pub released: Date,
    #[serde(rename = "source")]
    _source: String,
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
    #[serde(rename = "source")]
    _source: String,
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
    needed_from: Option<Minor>,
    /// First istiod that does not need it any more.
    #[serde(deserialize_with = "minor")]
    needed_before: Minor,
    /// What istiod's log will say.
    pub log: String,
    /// What it leads to.
    pub effect: String,
    #[serde(rename = "source")]
    _source: String,
}

/// When support of a minor ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOfLife {
    /// Last day of support.
    pub date: Date,
    /// How sure that is.
    pub certainty: Certainty,
}

/// How sure a date is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Announced.
    Confirmed,
    /// Named by Istio as expected.
    Expected,
    /// Computed by the rule of support: six weeks after the second successor.
    Computed,
    /// Stated by the policy, for a vendor's builds.
    Policy,
}

impl Certainty {
    /// `confirmed`, `expected` or `computed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Expected => "expected",
            Self::Computed => "computed from the rule of support",
            Self::Policy => "by the policy",
        }
    }
}

/// Whether a minor is supported on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It is; with the end, where one is known.
    Supported(Option<EndOfLife>),
    /// It is not any more.
    Ended(EndOfLife),
    /// The table does not know this minor: it is newer than the table.
    Newer,
    /// The table does not know this minor, and it is not newer.
    Unlisted,
}

impl Support {
    /// By a last day that the policy states.
    pub(crate) fn until(date: Date, on: Date) -> Self {
        let end = EndOfLife {
            date,
            certainty: Certainty::Policy,
        };
        if on > date {
            Self::Ended(end)
        } else {
            Self::Supported(Some(end))
        }
    }
}

/// Why a release table could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleasesError {
    /// The text is no table.
    #[error("the release table is not valid: {0}")]
    Invalid(#[from] serde_json::Error),
    /// The rows contradict each other.
    #[error("the release table is not consistent: {0}")]
    Inconsistent(String),
}

impl Releases {
    /// The table that this build carries.
    pub fn embedded() -> Self {
        Self::parse(include_str!("../data/istio-releases.json"))
            .expect("a test reads the embedded table")
    }

    /// Reads a table and checks that its rows fit together.
    pub fn parse(text: &str) -> Result<Self, ReleasesError> {
        let table: Self = serde_json::from_str(text)?;
        table
            .contradiction()
            .map_or(Ok(table), |what| Err(ReleasesError::Inconsistent(what)))
    }

    fn contradiction(&self) -> Option<String> {
        if self.releases.is_empty() {
            return Some("it has no releases".to_owned());
        }
        let unordered = self
            .releases
            .windows(2)
            .find(|pair| pair[0].minor >= pair[1].minor);
        if let Some(pair) = unordered {
            return Some(format!(
                "{} does not come after {}",
                pair[1].minor, pair[0].minor
            ));
        }
        self.releases.iter().find_map(|release| {
            let end = self.end_of_life(release);
            if end.is_some_and(|end| end.date <= release.released) {
                return Some(format!("{} ends before it was released", release.minor));
            }
            let patch = release.newest_patch.version.minor;
            (patch != release.minor).then(|| format!("{} has a patch of {patch}", release.minor))
        })
    }

    /// All minors, oldest first.
    pub fn all(&self) -> &[Release] {
        &self.releases
    }

    /// The row of a minor.
    pub fn get(&self, minor: Minor) -> Option<&Release> {
        self.releases.iter().find(|release| release.minor == minor)
    }

    /// When support of a release ends: as stated, else by the rule of support.
    pub fn end_of_life(&self, release: &Release) -> Option<EndOfLife> {
        if let Some(stated) = &release.end_of_life {
            let certainty = match stated.status {
                StatedStatus::Confirmed => Certainty::Confirmed,
                StatedStatus::Expected => Certainty::Expected,
            };
            return Some(EndOfLife {
                date: stated.date,
                certainty,
            });
        }
        let second = Minor {
            minor: release.minor.minor + 2,
            ..release.minor
        };
        let released = self.get(second)?.released;
        let date = released
            .checked_add(WEEKS_AFTER_SECOND_SUCCESSOR.weeks())
            .ok()?;
        Some(EndOfLife {
            date,
            certainty: Certainty::Computed,
        })
    }

    /// Whether a minor is supported on a date.
    pub fn support(&self, minor: Minor, on: Date) -> Support {
        let Some(release) = self.get(minor) else {
            let newest = self.releases.last().map(|release| release.minor);
            return if newest.is_some_and(|newest| minor > newest) {
                Support::Newer
            } else {
                Support::Unlisted
            };
        };
        match self.end_of_life(release) {
            Some(end) if on > end.date => Support::Ended(end),
            end => Support::Supported(end),
        }
    }

    /// The newest version of a release on a date: without a patch where the table knows only a later
    /// one.
    pub fn newest_version(release: &Release, on: Date) -> Version {
        let newest = &release.newest_patch;
        let patch = newest.version.patch.filter(|_| newest.released <= on);
        Version {
            patch,
            ..newest.version
        }
    }

    /// The newest minor that is out and supported on a date.
    pub fn newest_supported(&self, on: Date) -> Option<&Release> {
        self.releases.iter().rev().find(|release| {
            release.released <= on
                && matches!(self.support(release.minor, on), Support::Supported(_))
        })
    }

    /// The minors to go through from `from` to `to`, one step each, `to` included.
    pub fn hops(&self, from: Minor, to: Minor) -> Vec<Minor> {
        let minors = self.releases.iter().map(|release| release.minor);
        minors
            .filter(|minor| *minor > from && *minor <= to)
            .collect()
    }

    /// Why a build must not be used, where Istio said so. `image` is the image's name.
    pub fn withdrawn(&self, version: Version, image: &str) -> Option<&Withdrawn> {
        self.withdrawn.iter().find(|row| {
            row.version == version
                && (row.images.is_empty() || row.images.iter().any(|name| name == image))
        })
    }

    /// The APIs that an istiod of this minor needs and this Kubernetes does not have.
    pub fn missing_apis(
        &self,
        istiod: Minor,
        kubernetes: KubernetesVersion,
    ) -> impl Iterator<Item = &RemovedApi> {
        self.removed_kubernetes_apis.iter().filter(move |api| {
            kubernetes >= api.removed_in
                && istiod < api.needed_before
                && api.needed_from.is_none_or(|from| istiod >= from)
        })
    }
}

/// `1`, the only format there is.
#[derive(Clone, Debug)]
struct FormatOne;

impl<'de> Deserialize<'de> for FormatOne {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(de::Error::custom(format!(
                "format version {other} is not known, only 1"
            ))),
        }
    }
}

fn minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minor, D::Error> {
    let text = String::deserialize(deserializer)?;
    Minor::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no X.Y")))
}

fn minor_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Minor>, D::Error> {
    minor(deserializer).map(Some)
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    let text = String::deserialize(deserializer)?;
    Version::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no X.Y.Z")))
}

fn kubernetes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KubernetesVersion, D::Error> {
    minor(deserializer).map(KubernetesVersion)
}

#[cfg(test)]
mod tests;
