//! The release table: the built-in one, or a file in its place, which may change while the server runs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use meshcheck_rules::releases::{Releases, ReleasesError};

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

/// The file of `--release-data`.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    seen: Option<u64>,
}

impl File {
    /// This file, which may be one of a ConfigMap volume.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            seen: None,
        }
    }

    /// The table to start with.
    pub(crate) fn first(&mut self) -> Result<Releases, ReleaseDataError> {
        self.seen = None;
        Ok(self.changed()?.expect("nothing was seen before"))
    }

    /// The table, if the file is not the one of the last call.
    pub fn changed(&mut self) -> Result<Option<Releases>, ReleaseDataError> {
        let read = std::fs::read_to_string(&self.path);
        let print = fingerprint(&read);
        if self.seen.replace(print) == Some(print) {
            return Ok(None);
        }
        let path = || self.path.clone();
        let text = read.map_err(|source| ReleaseDataError::Read {
            path: path(),
            source,
        })?;
        let table = Releases::parse(&text).map_err(|source| ReleaseDataError::Table {
            path: path(),
            source,
        })?;
        Ok(Some(table))
    }
}

fn fingerprint(read: &io::Result<String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match read {
        Ok(text) => text.hash(&mut hasher),
        Err(error) => error.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

/// Judges by what the file holds, for ever. A table that cannot be used is said once, and the old one
/// stays.
pub async fn follow(mut file: File, judge: Arc<Judge>, metrics: Arc<Metrics>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match file.changed() {
            Ok(None) => {}
            Ok(Some(table)) => {
                tracing::info!(as_of = %table.as_of, "judging by a new release table");
                metrics.judges_by(&table);
                judge.replace_releases(table);
                judge.prepare();
                metrics.release_data_read(true);
            }
            Err(error) => {
                tracing::error!(%error, "the new release table cannot be used, keeping the old one");
                metrics.release_data_read(false);
            }
        }
    }
}
