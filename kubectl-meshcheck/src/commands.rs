//! What the program does, one command a file.

pub mod check;
pub mod doctor;
pub mod explain;
mod governing;
pub mod mesh;
pub mod releases;
pub mod rules;
pub mod schema;
pub mod upgrade_path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use meshcheck_rules::upgrade::Refusal;

use crate::policy::PolicyError;
use crate::release_data::ReleaseDataError;

/// Why a command could not do its work. Findings and unreadable inputs are no such reason.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The report could not be written.
    #[error("the report could not be written")]
    Output(#[source] std::io::Error),
    /// The policy could not be read, or there are problems in it, which were printed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The release table could not be used.
    #[error(transparent)]
    ReleaseData(#[from] ReleaseDataError),
    /// There is no upgrade path to show.
    #[error(transparent)]
    NoPath(#[from] Refusal),
    /// Two states are to be compared, and only one can come from standard input.
    #[error("OLD and NEW cannot both be standard input")]
    OneStdin,
    /// A recording of a mesh cannot be used.
    #[error(transparent)]
    Mesh(#[from] crate::known::MeshError),
    /// The cluster cannot be asked.
    #[error(transparent)]
    Cluster(#[from] doctor::ClusterError),
    /// There is no such rule.
    #[error("there is no rule `{name}`{hint}")]
    NoSuchRule {
        /// As asked for.
        name: String,
        /// What may have been meant, and where the names are.
        hint: String,
    },
}

/// Today in UTC.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}
