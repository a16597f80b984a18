//! What the rules say of the objects of a cluster, in bounded memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use meshcheck_rules::plane::Plane;
use meshcheck_rules::{Finding, Severity};

use crate::metrics::Tally;
use crate::text;

/// Findings in detail that are kept of one kind, and how many may be kept when one that is no error is
/// added: beyond that they are counted.
const MOST_KEPT: usize = 8_000;
const MOST_OTHERS_KEPT: usize = 4_000;
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
            Grade::Warning | Grade::Ignored => MOST_OTHERS_KEPT,
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
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for of_kind in self.0.values() {
            for (key, count) in &of_kind.counts {
                *tally.findings.entry(key.clone()).or_default() += count;
            }
        }
        for plane in self.planes() {
            let Some(days) = plane.days_left else {
                continue;
            };
            let key = (plane.revision.clone(), plane.version.to_string());
            let least = tally.support.entry(key).or_insert(days);
            *least = days.min(*least);
        }
        tally
    }

    /// The control planes, each once.
    pub(super) fn planes(&self) -> Vec<&Plane> {
        let mut planes: Vec<_> = self.0.values().flat_map(|kind| &kind.planes).collect();
        planes.sort_unstable();
        planes.dedup();
        planes
    }

    /// The control planes beside one another, where there are several: what stands still in one place
    /// is seen by what another has.
    pub(super) fn compared(&self) -> Option<String> {
        let planes = self.planes();
        let told: Vec<_> = planes.iter().map(|plane| in_words(plane)).collect();
        (told.len() > 1).then(|| told.join(", "))
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

/// `1.7.4 in revision default (out of support for 812 days)`.
pub(super) fn in_words(plane: &Plane) -> String {
    let Plane {
        revision,
        version,
        days_left,
    } = plane;
    let support = match *days_left {
        Some(days) if days < 0 => format!(" (out of support for {})", counted(-days)),
        Some(days) => format!(" ({} of support left)", counted(days)),
        None => String::new(),
    };
    format!("{version} in revision {revision}{support}")
}

fn counted(days: i32) -> String {
    let plural = if days == 1 { "" } else { "s" };
    format!("{days} day{plural}")
}

#[cfg(test)]
pub(super) mod tests {
    use meshcheck_rules::{Location, Part, Pointer};

    use super::*;

    pub(in crate::audit) fn subject(namespace: &str, name: &str) -> Arc<Subject> {
        Arc::new(Subject {
            namespace: namespace.to_owned(),
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
        })
    }

    pub(in crate::audit) fn finding(
        rule: &'static str,
        severity: Severity,
        message: &str,
    ) -> Finding {
        Finding {
            rule,
            severity,
            message: message.to_owned(),
            at: Location {
                pointer: Pointer::parse("/spec").unwrap(),
                part: Part::Whole,
                inner: None,
            },
            related: Vec::new(),
            fix: None,
            extent: None,
        }
    }

    #[test]
    fn counts_go_on_where_details_end() {
        let mut kind = OfKind::default();
        let (web, most) = (subject("shop", "web"), u64::try_from(MOST_KEPT).unwrap());
        let warning = finding("drain-exceeds-grace", Severity::Warning, "late");
        let error = finding("version-unsupported", Severity::Error, "old");
        for _ in 0..most {
            kind.add(&web, &warning);
            kind.add(&web, &error);
        }
        assert_eq!(kind.found.len(), MOST_KEPT);
        let warnings = kind
            .found
            .iter()
            .filter(|found| found.grade == Grade::Warning);
        assert!(
            warnings.count() <= MOST_OTHERS_KEPT,
            "errors have more room"
        );
        let findings = Findings(BTreeMap::from([("deployments.apps".to_owned(), kind)]));
        let counts = findings.tally().findings;
        assert_eq!(counts.values().collect::<Vec<_>>(), [&most, &most]);
    }

    #[test]
    fn a_message_has_one_line_and_an_end() {
        let mut kind = OfKind::default();
        let message = format!("a\nb\u{1b}[2J{}", "x".repeat(2000));
        let error = finding("version-unsupported", Severity::Error, &message);
        kind.add(&subject("shop", "web"), &error);
        let told = &kind.found[0].message;
        assert!(told.starts_with("a b [2Jxx"), "{told}");
        assert_eq!(told.chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn support_is_that_of_each_control_plane() {
        let plane = |version: &str, days_left| Plane {
            revision: "default".to_owned(),
            version: meshcheck_rules::istio::version::Version::parse(version).unwrap(),
            days_left,
        };
        let kind = OfKind {
            planes: vec![
                plane("1.7.4", Some(-812)),
                plane("1.7.4", Some(-812)),
                plane("1.99.0", None),
            ],
            ..OfKind::default()
        };
        let findings = Findings(BTreeMap::from([("deployments.apps".to_owned(), kind)]));
        let key = ("default".to_owned(), "1.7.4".to_owned());
        assert_eq!(findings.tally().support, BTreeMap::from([(key, -812)]));
        assert_eq!(
            findings.compared().unwrap(),
            "1.7.4 in revision default (out of support for 812 days), 1.99.0 in revision default"
        );
        let one = in_words(&plane("1.7.4", Some(1)));
        assert_eq!(one, "1.7.4 in revision default (1 day of support left)");
    }
}
