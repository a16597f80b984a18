//! A certificate made in memory, to try the server without a cluster.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::authority::{Authority, Issued, Life};
use crate::certificate::Certificate;
use crate::clock::now;
use crate::pair::{Pair, PairError};

/// Whom the certificate is for: this machine, and the Service of `manifests/`.
const NAMES: [&str; 6] = [
    "meshcheck-webhook.meshcheck-system.svc",
    "meshcheck-webhook.meshcheck-system",
    "meshcheck-webhook",
    "localhost",
    "127.0.0.1",
    "::1",
];
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(365 * 24);

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// The generator refused.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// What it made cannot be served.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The CA cannot be written where it was asked for.
    #[error("the CA cannot be written to {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes a pair for this machine and writes its CA, alone, to `ca_out`.
pub fn pair(ca_out: Option<&Path>) -> Result<Pair, SelfSignedError> {
    let (ca, issued) = issue(&NAMES)?;
    if let Some(path) = ca_out {
        write(path, &ca.pem()).map_err(|source| SelfSignedError::Write {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(Pair::try_from(&issued)?)
}

/// Makes a CA and a certificate for these names. The key of the CA is gone when this returns.
pub fn issue(names: &[&str]) -> Result<(Certificate, Issued), rcgen::Error> {
    let now = now();
    let life = Life::from(now, YEAR, DAY);
    let authority = Authority::found("meshcheck self-signed CA", now, life)?;
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let issued = authority.issue(&names, life)?;
    Ok((authority.certificate().clone(), issued))
}

/// In one step: who waits for the file never reads half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
