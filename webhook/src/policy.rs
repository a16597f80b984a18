//! The policy from its file, which may change while the server runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use meshcheck_rules::config::{Policy, PolicyProblem};

use crate::followed::Content;
use crate::judge::Judge;
use crate::metrics::Metrics;

pub use event::Teller;

mod event;

/// Why there is no policy to judge by.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("policy {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are problems in it.
    #[error("policy {}: {}", path.display(), Listed(problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the text.
        problems: Vec<PolicyProblem>,
    },
}

impl Content for Policy {
    type Error = PolicyError;

    fn take(path: &Path, read: io::Result<Vec<u8>>) -> Result<Self, PolicyError> {
        let path = path.to_owned();
        match read {
            Err(source) => Err(PolicyError::Unreadable { path, source }),
            Ok(bytes) => {
                Self::parse(&bytes).map_err(|problems| PolicyError::Wrong { path, problems })
            }
        }
    }
}

/// Judges by a policy from now on. One with problems is said with all of them, and the old one stays.
pub fn replace(
    judge: &Judge,
    metrics: &Metrics,
    teller: Option<&Teller>,
    policy: Result<Policy, PolicyError>,
    print: u64,
) {
    let swapped = policy.is_ok();
    match policy {
        Ok(policy) => {
            tracing::info!(modes = %Modes(&policy), "judging by a new policy");
            judge.replace_policy(policy);
            judge.prepare();
        }
        Err(error) => {
            tracing::error!(%error, "the new policy cannot be used, keeping the old one");
            if let Some(teller) = teller {
                teller.tell(&error);
            }
        }
    }
    metrics.policy.read(swapped, print);
}

/// What is not enforced, for the log.
pub struct Modes<'p>(pub &'p Policy);

impl fmt::Display for Modes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let webhook = &self.0.webhook;
        write!(f, "{}", webhook.mode.as_str())?;
        match webhook.modes.len() {
            0 => Ok(()),
            1 => f.write_str(", with one entry that may say otherwise"),
            more => write!(f, ", with {more} entries that may say otherwise"),
        }
    }
}

/// Problems in one line, each with its place.
struct Listed<'p>(&'p [PolicyProblem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            if let Some(at) = problem.at {
                write!(f, "line {} column {}: ", at.line, at.column)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}
