//! What the rules say of the objects of a cluster, in bounded memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshcheck_rules::plane::Plane;
use meshcheck_rules::{Finding, Severity};

use crate::metrics::Standing;
use crate::text;

/// Findings in detail that are kept of one kind, and warnings among them: beyond that they are counted.
const MOST_KEPT: usize = 8_000;
const MOST_WARNINGS_KEPT: usize = 4_000;
/// Characters of one message.
const LONGEST_MESSAGE: usize = 1000;

/// An object that was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Subject {
    /// Empty for what is in no namespace.
    pub(super) namespace: String,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
}

/// A finding, or one that was left out for a reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) grade: Grade,
    pub(super) subject: Arc<Subject>,
    pub(super) rule: &'static str,
    pub(super) pointer: String,
    pub(super) message: String,
}

/// In the order in which they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Refused if it were applied.
    Error,
    /// Told.
    Warning,
    /// Left out by an annotation or the policy.
    Ignored,
}

/// Everything of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct OfKind {
    /// Objects that were judged.
    pub(super) objects: u64,
    /// By rule, severity and namespace.
    pub(super) counts: BTreeMap<(&'static str, Severity, String), u64>,
    /// By namespace and grade: infos are in no report.
    pub(super) graded: BTreeMap<(String, Grade), u64>,
    /// Those that are kept.
    pub(super) found: Vec<Found>,
    /// The control planes among the objects.
    pub(super) planes: Vec<Plane>,
}

impl OfKind {
    /// Takes a finding of an object.
    pub(super) fn add(&mut self, subject: &Arc<Subject>, finding: &Finding) {
        let namespace = subject.namespace.clone();
        let key = (finding.rule, finding.severity, namespace);
        *self.counts.entry(key).or_default() += 1;
        let grade = match finding.severity {
            Severity::Error => Grade::Error,
            Severity::Warning => Grade::Warning,
            Severity::Info => return,
        };
        self.keep(grade, subject, finding, &finding.message);
    }

    /// Takes one that is left out.
    pub(super) fn add_ignored(&mut self, subject: &Arc<Subject>, finding: &Finding, why: &str) {
        if finding.severity > Severity::Info {
            let message = format!("{} (ignored: {why})", finding.message);
            self.keep(Grade::Ignored, subject, finding, &message);
        }
    }

    fn keep(&mut self, grade: Grade, subject: &Arc<Subject>, finding: &Finding, message: &str) {
        let key = (subject.namespace.clone(), grade);
        *self.graded.entry(key).or_default() += 1;
        let most = match grade {
            Grade::Error => MOST_KEPT,
            Grade::Warning | Grade::Ignored => MOST_WARNINGS_KEPT,
        };
        if self.found.len() >= most {
            return;
        }
        self.found.push(Found {
            grade,
            subject: Arc::clone(subject),
            rule: finding.rule,
            pointer: place(finding),
            message: text::cut(&text::clean(message), LONGEST_MESSAGE),
        });
    }
}

/// `/data/mesh#/defaultConfig` for a place in a document inside a string.
fn place(finding: &Finding) -> String {
    match &finding.at.inner {
        Some(inner) => format!("{}#{inner}", finding.at.pointer),
        None => finding.at.pointer.to_string(),
    }
}

/// Everything in the cluster, by the name of the kind.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) BTreeMap<String, OfKind>);

impl Findings {
    /// What metrics show.
    pub(super) fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        for of_kind in self.0.values() {
            for (key, count) in &of_kind.counts {
                *standing.findings.entry(key.clone()).or_default() += count;
            }
        }
        for plane in self.planes() {
            let Some(days) = plane.days_left else {
                continue;
            };
            let key = (plane.revision.clone(), plane.version.to_string());
            let least = standing.support.entry(key).or_insert(days);
            *least = days.min(*least);
        }
        standing
    }

    /// The control planes, each once.
    pub(super) fn planes(&self) -> Vec<&Plane> {
        let mut planes: Vec<_> = self.0.values().flat_map(|kind| &kind.planes).collect();
        planes.sort_unstable();
        planes.dedup();
        planes
    }

    /// Objects that were judged.
    pub(super) fn objects(&self) -> u64 {
        self.0.values().map(|of_kind| of_kind.objects).sum()
    }

    /// All that are kept.
    pub(super) fn found(&self) -> impl Iterator<Item = &Found> {
        self.0.values().flat_map(|of_kind| &of_kind.found)
    }
}
