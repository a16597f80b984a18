//! The release table of a run: the built-in one, or a file in its place.

use std::fs;
use std::io;
use std::path::PathBuf;

use meshcheck_rules::releases::{Releases, ReleasesError};

use crate::args::ReleaseDataArgs;
use crate::source::for_people;

/// Why the file of `--release-data` could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseDataError {
    /// It could not be read.
    #[error("release data {}: {source}", for_people(&.file.to_string_lossy()))]
    Unreadable {
        /// As named.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no release table.
    #[error("release data {}: {source}", for_people(&.file.to_string_lossy()))]
    Invalid {
        /// As named.
        file: PathBuf,
        /// Where and why.
        source: ReleasesError,
    },
}

/// Reads the table that is asked for.
pub fn load(arguments: &ReleaseDataArgs) -> Result<Releases, ReleaseDataError> {
    let Some(file) = &arguments.file else {
        return Ok(Releases::embedded());
    };
    let text = fs::read_to_string(file).map_err(|source| ReleaseDataError::Unreadable {
        file: file.clone(),
        source,
    })?;
    Releases::parse(&text).map_err(|source| ReleaseDataError::Invalid {
        file: file.clone(),
        source,
    })
}
