//! What a run found out, before it is put into a format.

use std::ops::AddAssign;
use std::sync::Arc;

use meshcheck_rules::finding::Location;
use meshcheck_rules::yaml::{Located, Span};
use meshcheck_rules::{Applicability, Finding, Object, Severity};

use crate::args::FailOn;

/// Counts of a file, or of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files that were read, standard input included.
    pub files: usize,
    /// Documents in them; empty ones and broken ones count.
    pub documents: usize,
    /// Documents with nothing in them.
    pub empty: usize,
    /// Documents that are no Kubernetes object.
    pub foreign: usize,
    /// Kubernetes objects; every item of a `List` counts.
    pub objects: usize,
    /// Objects that a rule looks at.
    pub checked: usize,
    /// Policies: no objects for rules.
    pub policies: usize,
    /// Objects of installers that are recognised and whose settings are not judged.
    pub installers: usize,
    /// Findings.
    pub findings: Findings,
    /// Findings that were left out.
    pub suppressed: usize,
    /// Findings that `--fix` would mend.
    pub safe_fixes: usize,
    /// Findings that only `--unsafe-fixes` would mend.
    pub unsafe_fixes: usize,
    /// Templates that were not judged.
    pub templates: usize,
    /// Inputs and documents that could not be read.
    pub unread: usize,
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Unsafe.
    pub error: usize,
    /// Doubtful.
    pub warning: usize,
    /// Good to know.
    pub info: usize,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Checked, and nothing at or above the threshold.
    Clean = 0,
    /// Findings at or above the threshold.
    Findings = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Some input could not be read or parsed.
    Unread = 3,
    /// No Kubernetes object in any input.
    Nothing = 4,
}

/// What counts as a failure.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// The lowest severity that fails the run.
    pub fail_on: FailOn,
    /// Templates fail the run.
    pub strict: bool,
    /// Nothing to check is no failure.
    pub allow_empty: bool,
}

impl Tally {
    /// Counts one finding.
    pub fn count(&mut self, finding: &Finding) {
        self.count_severity(finding.severity);
        match finding.fix.as_ref().map(|fix| fix.applicability) {
            Some(Applicability::Safe) => self.safe_fixes += 1,
            Some(Applicability::Unsafe) => self.unsafe_fixes += 1,
            None => {}
        }
    }

    /// Counts one finding that has no fix.
    pub fn count_severity(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.findings.error += 1,
            Severity::Warning => self.findings.warning += 1,
            Severity::Info => self.findings.info += 1,
        }
    }

    /// How a run with these counts ends.
    pub fn verdict(&self, demands: Demands) -> Verdict {
        if self.unread > 0 || (demands.strict && self.templates > 0) {
            return Verdict::Unread;
        }
        if self.objects == 0 && !demands.allow_empty {
            return Verdict::Nothing;
        }
        let failing = demands.fail_on.severity();
        if failing.is_some_and(|lowest| self.findings.at_least(lowest) > 0) {
            return Verdict::Findings;
        }
        Verdict::Clean
    }
}

impl Findings {
    fn at_least(&self, lowest: Severity) -> usize {
        match lowest {
            Severity::Error => self.error,
            Severity::Warning => self.error + self.warning,
            Severity::Info => self.error + self.warning + self.info,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.documents += other.documents;
        self.empty += other.empty;
        self.foreign += other.foreign;
        self.objects += other.objects;
        self.checked += other.checked;
        self.findings.error += other.findings.error;
        self.findings.warning += other.findings.warning;
        self.findings.info += other.findings.info;
        self.policies += other.policies;
        self.installers += other.installers;
        self.suppressed += other.suppressed;
        self.safe_fixes += other.safe_fixes;
        self.unsafe_fixes += other.unsafe_fixes;
        self.templates += other.templates;
        self.unread += other.unread;
    }
}

/// A finding with everything that an output needs of it.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The input, as named.
    pub file: &'a Arc<str>,
    /// The text of the whole file.
    pub text: &'a str,
    /// Index of the document.
    pub document: usize,
    /// The object.
    pub object: &'a Object<'a>,
    /// The finding.
    pub finding: &'a Finding,
    /// Where it stands.
    pub span: Span,
    /// Further places.
    pub notes: Vec<Note<'a>>,
}

/// A further place that explains a finding.
#[derive(Debug)]
pub struct Note<'a> {
    /// What is to be seen there.
    pub message: String,
    /// Where.
    pub place: NotePlace<'a>,
}

/// Where a [`Note`] points.
#[derive(Debug)]
pub enum NotePlace<'a> {
    /// In the same document.
    Here {
        /// The node.
        location: &'a Location,
        /// Where it stands.
        span: Span,
    },
    /// In another document.
    Elsewhere(Arc<Elsewhere>),
    /// At an option of the command line, or at the cluster.
    Said(String),
}

/// A place in another document.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The input, as named.
    pub file: Arc<str>,
    /// Index of the document.
    pub document: usize,
    /// The object, from the root of the document.
    pub pointer: String,
    /// Where it stands, and that line of the text; `None` where the file changed since.
    pub span: Option<(Span, String)>,
}

/// The place of a value that is written elsewhere (behind an alias or a merge), as a note.
pub fn definition<'a>(at: &'a Location, located: &Located) -> Option<Note<'a>> {
    let span = located.defined_at.clone()?;
    let message = "the value is written here".to_owned();
    let place = NotePlace::Here { location: at, span };
    Some(Note { message, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(tally: Tally) -> Verdict {
        tally.verdict(Demands {
            fail_on: FailOn::Error,
            strict: false,
            allow_empty: false,
        })
    }

    #[test]
    fn unread_input_wins_over_findings_and_over_nothing() {
        let mut tally = Tally {
            unread: 1,
            ..Tally::default()
        };
        assert_eq!(verdict(tally), Verdict::Unread);
        tally.objects = 1;
        tally.findings.error = 1;
        assert_eq!(verdict(tally), Verdict::Unread);
        tally.unread = 0;
        assert_eq!(verdict(tally), Verdict::Findings);
    }

    #[test]
    fn templates_alone_are_nothing_to_check() {
        let tally = Tally {
            templates: 2,
            ..Tally::default()
        };
        assert_eq!(verdict(tally), Verdict::Nothing);
    }
}
