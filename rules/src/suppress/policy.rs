//! Entries of the policy's `ignores` that do nothing, told at their place in the policy.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::Value;

use super::over_since;
use crate::config::{Ignore, Policy};
use crate::finding::Severity;
use crate::object::Node;
use crate::rule::Findings;

/// What to look at.
pub(crate) struct Entries<'a> {
    /// The policy.
    pub(crate) policy: &'a Policy,
    /// The same as it was read.
    pub(crate) document: &'a Value,
    /// The date that is judged for.
    pub(crate) on: Date,
}

impl<'a> Entries<'a> {
    fn all(&self) -> impl Iterator<Item = (usize, Node<'a>, &'a Ignore)> {
        let nodes = Node::root(self.document).items("ignores");
        let entries = nodes.zip(&self.policy.ignores).enumerate();
        entries.map(|(index, (node, entry))| (index, node, entry))
    }

    /// Reports the entries whose last day is over.
    pub(crate) fn expired(&self, out: &mut Findings) {
        for (_, node, entry) in self.all() {
            let Some(last) = entry.until.filter(|_| entry.is_over(self.on)) else {
                continue;
            };
            let at = node.get("until").unwrap_or(node);
            let message = format!("this entry {}", over_since(last, self.on));
            out.report(at.whole(), message);
        }
    }

    /// Reports the entries that fitted nothing. An info: the run may have read a part of what there
    /// is. Nothing is said of rules that did not run.
    pub(crate) fn unused(
        &self,
        fitted: &BTreeSet<usize>,
        runs: impl Fn(&str) -> bool,
        out: &mut Findings,
    ) {
        for (index, node, entry) in self.all() {
            let ran = entry.rules.iter().any(|rule| runs(rule));
            if !ran || entry.is_over(self.on) || fitted.contains(&index) {
                continue;
            }
            let at = node.get("rule").unwrap_or(node);
            let message = "this entry left nothing out: nothing that was read has such a finding";
            out.report(at.whole(), message).severity(Severity::Info);
        }
    }
}
