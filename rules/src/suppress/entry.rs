//! One entry of the annotation.

use std::cell::Cell;

use jiff::civil::Date;

use super::{By, Why, is_ignorable};
use crate::config::{Policy, scalar};
use crate::object::Node;
use crate::rule::Rule;
use crate::{rules, words};

/// An entry: `keepalive-age-too-long until 2027-01-31: load balancer test`.
#[derive(Debug)]
pub struct Entry<'a> {
    /// As written.
    pub text: &'a str,
    /// The annotation.
    pub node: Node<'a>,
    /// What it comes to.
    pub standing: Standing<'a>,
    /// Whether a finding was left out by it.
    pub used: Cell<bool>,
}

/// What an entry comes to. Only an active one does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It has the findings of a rule left out.
    Active {
        /// The rule.
        rule: &'static str,
        /// Why.
        reason: &'a str,
        /// The last day on which it counts.
        until: Option<Date>,
    },
    /// Its last day is over.
    Over(Date),
    /// It says no reason for ignoring this rule.
    NoReason(&'static str),
    /// It names no rule.
    NoRule(&'a str),
    /// Its last day is no day.
    NoDate(&'a str),
    /// What stands between the rule and the colon is not `until DATE`.
    Unreadable,
    /// The rule is one about ignores.
    Unignorable(&'static str),
    /// The policy forbids to ignore the rule.
    Forbidden(&'static str),
}

impl<'a> Entry<'a> {
    /// The entries of an annotation. One that is not text has one that names no rule.
    pub(super) fn all(node: &Node<'a>, policy: &Policy, on: Date) -> Vec<Self> {
        let text = node.str().unwrap_or_default();
        let texts = text.split(['\n', ';']).map(str::trim);
        let mut texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            texts.push("");
        }
        let entry = |text| Self {
            text,
            node: node.clone(),
            standing: Standing::of(text, policy, on),
            used: Cell::new(false),
        };
        texts.into_iter().map(entry).collect()
    }

    /// What stands in front of the reason, for messages.
    pub(crate) fn shown(&self) -> String {
        let head = self
            .text
            .split_once(':')
            .map_or(self.text, |(head, _)| head);
        words::quoted(head.trim())
    }

    /// Why it leaves something out, where it does.
    pub(crate) fn why(&self) -> Option<Why> {
        let Standing::Active { reason, until, .. } = self.standing else {
            return None;
        };
        Some(Why {
            reason: reason.to_owned(),
            until,
            by: By::Annotation(self.node.whole()),
        })
    }

    /// Whether it has the findings of this rule left out.
    pub(super) fn is_active_for(&self, id: &str) -> bool {
        matches!(self.standing, Standing::Active { rule, .. } if rule == id)
    }
}

impl<'a> Standing<'a> {
    fn of(text: &'a str, policy: &Policy, on: Date) -> Self {
        let (head, reason) = text.split_once(':').unwrap_or((text, ""));
        let mut words = head.split_whitespace();
        let name = words.next().unwrap_or_default();
        let Some(rule) = rules::find(name) else {
            return Self::NoRule(head.trim());
        };
        if let Some(standing) = Self::of_rule(rule, policy) {
            return standing;
        }
        let until = match Self::last_day(words) {
            Ok(until) => until,
            // Without a colon it is the reason that stands behind the rule, or ought to.
            Err(Self::Unreadable) if !text.contains(':') => return Self::NoReason(rule.id),
            Err(standing) => return standing,
        };
        Some(Self::NoReason(rule.id))
            .filter(|_| reason.trim().is_empty())
            .or_else(|| until.filter(|last| on > *last).map(Self::Over))
            .unwrap_or(Self::Active {
                rule: rule.id,
                reason: reason.trim(),
                until,
            })
    }

    /// What stands behind the rule's name.
    fn last_day(mut words: impl Iterator<Item = &'a str>) -> Result<Option<Date>, Self> {
        match (words.next(), words.next(), words.next()) {
            (None, ..) => Ok(None),
            (Some("until"), Some(day), None) => match scalar::date(day) {
                Some(date) => Ok(Some(date)),
                None => Err(Self::NoDate(day)),
            },
            _ => Err(Self::Unreadable),
        }
    }

    /// Why findings of a rule cannot be left out, if so.
    fn of_rule(rule: &Rule, policy: &Policy) -> Option<Self> {
        if !is_ignorable(rule.id) {
            return Some(Self::Unignorable(rule.id));
        }
        let id = policy.forbid_ignore.get(rule.id)?;
        Some(Self::Forbidden(id))
    }
}
