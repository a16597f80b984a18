//! What is wrong with a policy, and where.

use crate::finding::Location;
use crate::yaml::{Position, Problem, Spans};

/// One thing that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// Where; `None` for a file that cannot be read at all.
    pub at: Option<Position>,
    /// Lower case, no full stop: names the key and its value, and what was expected.
    pub message: String,
}

impl From<&Problem> for PolicyProblem {
    fn from(problem: &Problem) -> Self {
        Self {
            at: problem.at,
            message: problem.message.clone(),
        }
    }
}

/// Collects problems with their places.
pub(super) struct Problems<'s, 't> {
    text: &'t str,
    spans: &'s Spans<'t>,
    found: Vec<PolicyProblem>,
}

impl<'s, 't> Problems<'s, 't> {
    /// For a policy of this text.
    pub(super) fn new(text: &'t str, spans: &'s Spans<'t>) -> Self {
        Self {
            text,
            spans,
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: &Location, message: impl Into<String>) {
        let at = self.spans.locate(at).span.start;
        self.add_at(at, message);
    }

    pub(super) fn add_at(&mut self, at: Position, message: impl Into<String>) {
        self.found.push(PolicyProblem {
            at: Some(at),
            message: message.into(),
        });
    }

    /// What is written at a place, without quotes around it.
    pub(super) fn written(&self, at: &Location) -> &'t str {
        let bytes = self.spans.locate(at).span.bytes;
        let text = self.text.get(bytes).unwrap_or_default();
        text.trim_matches(['"', '\''])
    }

    pub(super) fn has_any(&self) -> bool {
        !self.found.is_empty()
    }

    /// All of them, in the order of the text.
    pub(super) fn finish(mut self) -> Vec<PolicyProblem> {
        self.found.sort_by_key(|problem| problem.at);
        self.found
    }
}
