//! Why an error is not refused.

use meshcheck_rules::Finding;
use meshcheck_rules::config::Mode;

use super::known::Known;
use super::{Subject, Terms};
use crate::glass::Glass;

/// Why an error is not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// The policy's mode is `audit`.
    Audited,
    /// The policy's mode is `warn`.
    NotEnforced,
    /// The object had it already, and not less of it.
    Known,
    /// A controller makes the object, such as this.
    Made(String),
    /// The update goes back to a revision of its own.
    WentBack(String),
    /// It is mended on the Pods.
    AtPods,
    /// Somebody broke the glass.
    BrokenGlass,
}

impl Excuse {
    /// As in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Audited => "audit",
            Self::NotEnforced => "warn",
            Self::Known => "before",
            Self::Made(_) => "made",
            Self::WentBack(_) => "rollback",
            Self::AtPods => "pod",
            Self::BrokenGlass => "break_glass",
        }
    }

    /// Behind the rule in a warning.
    pub(super) fn note(&self) -> String {
        let why = match self {
            Self::Audited => "audited",
            Self::NotEnforced => "not enforced",
            Self::Known => "was there before",
            Self::Made(by) => return format!(" (error, made by {by})"),
            Self::WentBack(to) => return format!(" (error, ran before as {to})"),
            Self::AtPods => "mended at its pods",
            Self::BrokenGlass => "glass broken",
        };
        format!(" (error, {why})")
    }
}

/// Why an error is not refused, if it is not. The mildest terms come first: the glass is broken only
/// where nothing else helps.
pub(super) fn of(
    subject: &Subject<'_>,
    finding: &Finding,
    terms: &Terms<'_>,
    known: &mut Known,
) -> Option<Excuse> {
    match (terms.mode)(finding.rule) {
        Mode::Audit => return Some(Excuse::Audited),
        Mode::Warn => return Some(Excuse::NotEnforced),
        Mode::Enforce | Mode::Off => {}
    }
    if known.take(subject.object, finding) {
        return Some(Excuse::Known);
    }
    if let Some(maker) = &subject.maker {
        return Some(Excuse::Made(maker.clone()));
    }
    if let Some(revision) = &terms.goes_back_to {
        return Some(Excuse::WentBack(revision.clone()));
    }
    if terms.mended_at_pods.contains(finding.rule) {
        return Some(Excuse::AtPods);
    }
    match &terms.glass {
        Glass::Broken(broken) if !broken.forbid.contains(finding.rule) => Some(Excuse::BrokenGlass),
        _ => None,
    }
}
