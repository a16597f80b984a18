//! The policy from its file.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use meshcheck_rules::config::{Policy, PolicyProblem};

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

/// Reads a policy; all that is wrong with it is in the error.
pub fn read(path: &Path) -> Result<Policy, PolicyError> {
    let path = path.to_owned();
    match fs::read(&path) {
        Err(source) => Err(PolicyError::Unreadable { path, source }),
        Ok(bytes) => {
            Policy::parse(&bytes).map_err(|problems| PolicyError::Wrong { path, problems })
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
