//! The release table: the built-in one, or a file in its place, which may change while the server runs.

use std::io;
use std::path::{Path, PathBuf};

use meshcheck_rules::releases::{Releases, ReleasesError};

use crate::followed::Content;
use crate::judge::Judge;
use crate::metrics::Metrics;

/// Why a file gives no release table.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseDataError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no release table.
    #[error("{}: {source}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Which row, and why.
        source: ReleasesError,
    },
}

impl Content for Releases {
    type Error = ReleaseDataError;

    fn take(path: &Path, read: io::Result<Vec<u8>>) -> Result<Self, ReleaseDataError> {
        let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
        let text = text.map_err(|source| ReleaseDataError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|source| ReleaseDataError::Table {
            path: path.to_owned(),
            source,
        })
    }
}

/// Judges by a table from now on. One that cannot be used is said, and the old one stays.
pub fn replace(judge: &Judge, metrics: &Metrics, table: Result<Releases, ReleaseDataError>) {
    let swapped = table.is_ok();
    match table {
        Ok(table) => {
            tracing::info!(as_of = %table.as_of, "judging by a new release table");
            metrics.judges_by(&table);
            judge.replace_releases(table);
            judge.prepare();
        }
        Err(error) => {
            tracing::error!(%error, "the new release table cannot be used, keeping the old one");
        }
    }
    metrics.release_data_read(swapped);
}
