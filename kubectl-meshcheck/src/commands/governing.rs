//! Which policy a run is judged by.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use meshcheck_rules::config::Policy;

use crate::args::{ColorChoice, PolicyArgs};
use crate::commands::CommandError;
use crate::output::Stream;
use crate::output::human::{located, renderer};
use crate::policy::{Found, PolicyError, PolicyFile, Wrong};

/// The policy of a run.
#[derive(Debug, Default)]
pub(super) struct Governing {
    /// Its file; without one the defaults hold.
    pub(super) file: Option<Arc<PolicyFile>>,
    /// A file that is nearly called as a policy, nearer than one.
    pub(super) nearly: Option<PathBuf>,
}

impl Governing {
    /// Finds the policy that the arguments ask for. What is wrong with it has been printed when it is
    /// an error.
    pub(super) fn find(arguments: &PolicyArgs, color: ColorChoice) -> Result<Self, CommandError> {
        if arguments.no_policy {
            return Ok(Self::default());
        }
        let here = std::env::current_dir().unwrap_or_default();
        let read = |path: &Path, folder: &Path| {
            let read = PolicyFile::read(path, folder, &here);
            read.map(Arc::new).map_err(|error| told(error, color))
        };
        if let Some(path) = &arguments.file {
            // It may lie anywhere: its patterns are for what is named here.
            return Ok(Self {
                file: Some(read(path, &here)?),
                nearly: None,
            });
        }
        let found = Found::above(&here);
        let file = found.policy.map(|path| {
            let folder = here.join(&path);
            read(&path, folder.parent().unwrap_or(&here))
        });
        Ok(Self {
            file: file.transpose()?,
            nearly: found.nearly,
        })
    }

    /// The policy itself.
    pub(super) fn policy(&self) -> Policy {
        let file = self.file.as_ref();
        file.map_or_else(Policy::default, |file| file.policy.clone())
    }
}

/// The error, after each of its problems was printed with its place.
fn told(error: PolicyError, color: ColorChoice) -> CommandError {
    if let PolicyError::Wrong(wrong) = &error {
        let mut out = Stream::stderr();
        let renderer = renderer(out.colored(color));
        let Wrong {
            name,
            text,
            problems,
        } = wrong;
        let lines: Vec<&str> = text.lines().collect();
        for problem in problems {
            let line = problem.at.and_then(|at| lines.get(at.line.checked_sub(1)?));
            let place = (&**name, problem.at, line.copied());
            out.put(located(&renderer, "policy", &problem.message, place));
        }
        // The error itself is still to come; nobody is told of more where this cannot be printed.
        let _ = out.finish();
    }
    error.into()
}
