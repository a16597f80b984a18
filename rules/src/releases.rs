//! The release table: support by date, Kubernetes ranges, removed APIs, bulletins, retired
//! registries.
//!
//! Data with sources, in `rules/data/istio-releases.json`; another file of the same form can stand in
//! its place. [`SCHEMA`] describes the form.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use crate::istio::version::{Minor, Version};

pub use bulletins::{Exposure, Fixed};
pub use kubernetes::Fit;
pub use outlook::{Outlook, State};
pub use read::ReleasesError;
pub use registries::{Retired, Retiring};
pub use rows::{
    Affected, Bulletin, DefaultHub, KubernetesFloor, KubernetesRange, Patch, Registry, Release,
    RemovedApi, Retirement, StatedDate, StatedStatus, UnlistedFix, Withdrawn,
};

mod bulletins;
mod consistency;
mod kubernetes;
mod outlook;
mod read;
mod registries;
mod rows;

/// JSON schema of the file, for editors.
pub const SCHEMA: &str = include_str!("../data/istio-releases.schema.json");

/// Weeks of support that a minor has left once its second successor is out.
const WEEKS_AFTER_SECOND_SUCCESSOR: i64 = 6;

/// The release table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Releases {
    #[serde(rename = "$schema")]
    _schema: Option<String>,
    #[serde(rename = "version")]
    _format: read::FormatOne,
    /// The day on which the table was last compared with its sources.
    #[serde(deserialize_with = "read::date")]
    pub as_of: Date,
    releases: Vec<Release>,
    bulletins: Vec<Bulletin>,
    fixes_without_bulletin: Vec<UnlistedFix>,
    withdrawn: Vec<Withdrawn>,
    removed_kubernetes_apis: Vec<RemovedApi>,
    retirements: Vec<Retirement>,
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
    /// `confirmed`, `expected`, `computed` or `policy`, for tables and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Expected => "expected",
            Self::Computed => "computed",
            Self::Policy => "policy",
        }
    }

    /// The same for sentences.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Computed => "computed from the rule of support",
            Self::Policy => "by the policy",
            other => other.word(),
        }
    }
}

impl From<StatedStatus> for Certainty {
    fn from(status: StatedStatus) -> Self {
        match status {
            StatedStatus::Confirmed => Self::Confirmed,
            StatedStatus::Expected => Self::Expected,
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

impl Release {
    /// Day of the `X.Y.0` tag.
    pub fn released(&self) -> Date {
        // A table whose release has no patch is refused when it is read.
        self.patches
            .first()
            .map_or(Date::MAX, |patch| patch.released)
    }

    /// Its patches, oldest first.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// The newest patch that is out on a date.
    pub fn newest_patch(&self, on: Date) -> Option<&Patch> {
        self.patches.iter().rev().find(|patch| patch.released <= on)
    }
}

impl Releases {
    /// The table that this build carries.
    pub fn embedded() -> Self {
        Self::parse(include_str!("../data/istio-releases.json"))
            .expect("a test reads the embedded table")
    }

    /// All minors, oldest first.
    pub fn all(&self) -> &[Release] {
        &self.releases
    }

    /// The row of a minor.
    pub fn get(&self, minor: Minor) -> Option<&Release> {
        self.releases.iter().find(|release| release.minor == minor)
    }

    /// Days since the table was compared with its sources, negative for a date before that.
    pub fn age(&self, on: Date) -> i32 {
        (on - self.as_of).get_days()
    }

    /// When support of a release ends: as stated, else by the rule of support.
    pub fn end_of_life(&self, release: &Release) -> Option<EndOfLife> {
        match &release.end_of_life {
            Some(stated) => Some(EndOfLife {
                date: stated.date,
                certainty: stated.status.into(),
            }),
            None => self.end_by_rule(release.minor),
        }
    }

    /// The end of support by the rule: six weeks after the second successor.
    pub fn end_by_rule(&self, minor: Minor) -> Option<EndOfLife> {
        let second = self.get(minor.later(2))?.released();
        let date = second
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

    /// The newest version of a release on a date: without a patch where none was out.
    pub fn newest_version(release: &Release, on: Date) -> Version {
        let bare = Version {
            minor: release.minor,
            patch: None,
        };
        release.newest_patch(on).map_or(bare, |patch| patch.version)
    }

    /// The newest minor that is out and supported on a date.
    pub fn newest_supported(&self, on: Date) -> Option<&Release> {
        self.releases.iter().rev().find(|release| {
            release.released() <= on
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
}

#[cfg(test)]
mod tests;
