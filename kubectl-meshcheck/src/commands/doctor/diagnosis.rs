//! What the checks found out.

use meshcheck_rules::Severity;

use super::checks::CHECKS;
use super::snapshot::{Seen, Snapshot, Unseen};
use crate::report::Tally;

/// One thing that is looked at.
pub(super) struct Check {
    /// Stands in every output.
    pub(super) id: &'static str,
    pub(super) run: fn(&Snapshot, &mut Notes),
}

/// Everything, in the order in which it is told.
pub(super) struct Diagnosis {
    pub(super) checks: Vec<(&'static str, Vec<Note>)>,
    is_installed: bool,
}

/// Something that a check has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// As it should be.
    Fine(String),
    Problem(Problem),
    /// It was not seen, and why.
    Unknown(String),
    /// It was not seen, and others tell the same.
    Skipped(String),
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) severity: Severity,
    /// The object.
    pub(super) at: String,
    /// What is wrong with it.
    pub(super) message: String,
    /// What that does to the cluster.
    pub(super) leads_to: String,
    /// What to do.
    pub(super) help: String,
    /// The same as a command, where one does it.
    pub(super) command: Option<String>,
}

/// Collects what one check says.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<Note>);

impl Notes {
    pub(super) fn fine(&mut self, text: impl Into<String>) {
        self.0.push(Note::Fine(text.into()));
    }

    pub(super) fn unknown(&mut self, why: &Unseen) {
        let note = Note::Unknown(why.to_string());
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    pub(super) fn error(
        &mut self,
        at: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.problem(Severity::Error, at.into(), message.into())
    }

    pub(super) fn warning(
        &mut self,
        at: impl Into<String>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.problem(Severity::Warning, at.into(), message.into())
    }

    pub(super) fn problem(
        &mut self,
        severity: Severity,
        at: String,
        message: String,
    ) -> &mut Problem {
        self.0.push(Note::Problem(Problem {
            severity,
            at,
            message,
            leads_to: String::new(),
            help: String::new(),
            command: None,
        }));
        match self.0.last_mut() {
            Some(Note::Problem(problem)) => problem,
            _ => unreachable!("a problem was pushed just now"),
        }
    }

    pub(super) fn skipped(&mut self, text: impl Into<String>) {
        self.0.push(Note::Skipped(text.into()));
    }

    /// What was seen; what was not is noted.
    pub(super) fn seen<'s, T>(&mut self, seen: &'s Seen<T>) -> Option<&'s T> {
        match seen {
            Ok(value) => Some(value),
            Err(why) => {
                self.unknown(why);
                None
            }
        }
    }

    /// Whether nothing but good was said.
    pub(super) fn is_clean(&self) -> bool {
        self.0
            .iter()
            .all(|note| matches!(note, Note::Fine(_) | Note::Skipped(_)))
    }
}

impl Problem {
    pub(super) fn leads_to(&mut self, text: impl Into<String>) -> &mut Self {
        self.leads_to = text.into();
        self
    }

    pub(super) fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = text.into();
        self
    }

    pub(super) fn command(&mut self, text: impl Into<String>) -> &mut Self {
        self.command = Some(text.into());
        self
    }
}

impl Diagnosis {
    /// Runs all checks.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let checks = CHECKS.iter().map(|check| {
            let mut notes = Notes::default();
            (check.run)(snapshot, &mut notes);
            (check.id, notes.0)
        });
        Self {
            checks: checks.collect(),
            is_installed: snapshot.is_installed(),
        }
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = &Note> {
        self.checks.iter().flat_map(|(_, notes)| notes)
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.notes().filter_map(|note| match note {
            Note::Problem(problem) => Some(problem),
            _ => None,
        })
    }

    /// Counts as of a run over files, so that the exit code follows from the same rule: what is
    /// installed is its one object, and what was not seen could not be read.
    pub(super) fn tally(&self) -> Tally {
        let unknown = self.notes().filter(|note| matches!(note, Note::Unknown(_)));
        let mut tally = Tally {
            objects: usize::from(self.is_installed),
            unread: unknown.count(),
            ..Tally::default()
        };
        for problem in self.problems() {
            tally.count_severity(problem.severity);
        }
        tally
    }
}
