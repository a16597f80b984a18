//! What the program does, one command a file.

pub mod check;
pub mod explain;
pub mod rules;
pub mod schema;

use crate::policy::PolicyError;

/// Why a command could not do its work. Findings and unreadable inputs are no such reason.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The report could not be written.
    #[error("the report could not be written")]
    Output(#[source] std::io::Error),
    /// The policy could not be read, or there are problems in it, which were printed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// There is no such rule.
    #[error("there is no rule `{name}`{hint}")]
    NoSuchRule {
        /// As asked for.
        name: String,
        /// What may have been meant, and where the names are.
        hint: String,
    },
}
