//! What to answer. Pure: what was asked and what the rules said go in, a decision comes out.

use std::collections::{BTreeMap, BTreeSet};

use json_patch::Patch;
use meshcheck_rules::config::Mode;
use meshcheck_rules::suppress::{By, Suppressed};
use meshcheck_rules::{Finding, Mended, Report, Severity};
use serde_json::Value;

use crate::glass::Glass;
use crate::text;
use known::Known;

pub use excuse::Excuse;

mod advice;
mod excuse;
mod known;
mod refusal;

/// The API server asks for short warnings and cuts long ones itself.
const WARNING_CHARS: usize = 120;
/// What is beyond these is counted: nobody reads more, and all together have a limit as well.
const MOST_WARNINGS: usize = 10;
/// Of one audit annotation.
const ANNOTATION_CHARS: usize = 1024;

/// The answer to a request, without its wire form.
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// Why it is refused; `None` allows it.
    pub refusal: Option<String>,
    /// What is changed.
    pub patch: Option<Patch>,
    /// Shown to the person who asked.
    pub warnings: Vec<String>,
    /// Kept in the audit log.
    pub audit_annotations: BTreeMap<String, String>,
    /// Errors that are not refused, and why not.
    pub excused: Vec<(&'static str, Excuse)>,
}

impl Decision {
    /// Lets pass what could not be checked, and says so.
    pub fn unchecked(why: &str) -> Self {
        Self {
            warnings: vec![format!("meshcheck did not check this: {why}")],
            ..Self::default()
        }
    }

    /// Whether something that would have been told was kept for the audit log alone.
    pub fn is_audited(&self) -> bool {
        let mut names = self.audit_annotations.keys();
        names.any(|name| name.starts_with(AUDITED) || name.starts_with(ADVICE))
    }
}

/// Before the names of rules in audit annotations: what nobody was told.
const AUDITED: &str = "audit.";
/// The same for mends that were not made.
const ADVICE: &str = "advice.";

/// The object that is judged, as far as a decision depends on it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// `Deployment istio-system/istiod`.
    pub title: String,
    /// The object itself: names the container that a pointer leads to.
    pub object: &'a Value,
    /// Who makes it by itself: see [`crate::scope::maker`].
    pub maker: Option<String>,
}

/// How strictly an object is judged.
pub struct Terms<'a> {
    /// What is done with the findings of a rule.
    pub mode: &'a dyn Fn(&str) -> Mode,
    /// The object as it is stored, and what the rules say of it: an update is not held to what was
    /// there already, or nobody could upgrade an old control plane in steps, or touch it at all.
    pub before: Option<(&'a Value, &'a Report)>,
    /// The revision of its own that an update goes back to.
    pub goes_back_to: Option<String>,
    /// Rules whose errors are mended on its Pods when they are made.
    pub mended_at_pods: BTreeSet<&'static str>,
    /// Whether errors pass in an emergency.
    pub glass: Glass<'a>,
}

/// The answer of `/mutate`: never refuses, and says what it changed, and what it would change.
/// `advised` are findings whose mend is told, `kept` those whose mend nobody is told.
pub fn mutate(mended: Option<Mended>, advised: &[&Finding], kept: &[&Finding]) -> Decision {
    let fixed = mended.iter().flat_map(|mended| &mended.fixed);
    let changes = fixed.map(|finding| {
        let title = finding.fix.as_ref().map_or("", |fix| &fix.title);
        format!("meshcheck fixed {}: {title}", finding.rule)
    });
    let advice = advised.iter().flat_map(|finding| advice::told(finding));
    let mut annotations = Annotations::default();
    for finding in advised.iter().chain(kept) {
        annotations.add(format!("{ADVICE}{}", finding.rule), &advice::kept(finding));
    }
    Decision {
        warnings: warnings(changes.chain(advice).collect()),
        patch: mended
            .map(|mended| mended.patch)
            .filter(|patch| !patch.0.is_empty()),
        audit_annotations: annotations.0,
        ..Decision::default()
    }
}

/// The answer of `/validate`: refuses errors, warns of the rest, as strictly as the terms are.
pub fn validate(subject: &Subject<'_>, report: &Report, terms: &Terms<'_>) -> Decision {
    let mut known = Known::of(terms.before, subject.object);
    let mut sorted = Sorted {
        annotations: Annotations::of(report),
        ..Sorted::default()
    };
    for finding in &report.findings {
        match finding.severity {
            Severity::Error => match excuse::of(subject, finding, terms, &mut known) {
                None => sorted.refused.push(finding),
                Some(excuse) => sorted.excuse(finding, excuse, &terms.glass),
            },
            Severity::Warning if (terms.mode)(finding.rule) == Mode::Audit => sorted.keep(finding),
            Severity::Warning => sorted.doubts.push(warning(finding, "")),
            Severity::Info => {}
        }
    }
    let refused = &sorted.refused;
    Decision {
        refusal: (!refused.is_empty()).then(|| refusal::text(subject, refused, &terms.glass)),
        patch: None,
        warnings: warnings([sorted.errors, sorted.doubts].concat()),
        audit_annotations: sorted.annotations.0,
        excused: sorted.excused,
    }
}

/// What becomes of findings.
#[derive(Default)]
struct Sorted<'f> {
    refused: Vec<&'f Finding>,
    /// Errors that are told.
    errors: Vec<String>,
    doubts: Vec<String>,
    excused: Vec<(&'static str, Excuse)>,
    annotations: Annotations,
}

impl Sorted<'_> {
    fn excuse(&mut self, finding: &Finding, excuse: Excuse, glass: &Glass<'_>) {
        match (&excuse, glass) {
            (Excuse::Audited, _) => self.keep(finding),
            (Excuse::BrokenGlass, Glass::Broken(broken)) => {
                let text = format!("{}: {}", broken.reason, finding.message);
                let name = format!("break-glass.{}", finding.rule);
                self.annotations.add(name, &text);
                self.errors.push(warning(finding, &excuse.note()));
            }
            _ => self.errors.push(warning(finding, &excuse.note())),
        }
        self.excused.push((finding.rule, excuse));
    }

    /// Keeps a finding that nobody is told of.
    fn keep(&mut self, finding: &Finding) {
        let text = format!("{}: {}", finding.severity, finding.message);
        let name = format!("{AUDITED}{}", finding.rule);
        self.annotations.add(name, &text);
    }
}

fn warning(finding: &Finding, note: &str) -> String {
    format!("meshcheck {}{note}: {}", finding.rule, finding.message)
}

/// The texts within the API's limits.
fn warnings(texts: Vec<String>) -> Vec<String> {
    let mut fitting = Vec::new();
    for text in texts {
        let text = text::cut(&text::clean(&text), WARNING_CHARS);
        if !fitting.contains(&text) {
            fitting.push(text);
        }
    }
    if fitting.len() > MOST_WARNINGS {
        let rest = fitting.len() - (MOST_WARNINGS - 1);
        fitting.truncate(MOST_WARNINGS - 1);
        fitting.push(format!(
            "meshcheck: {rest} more warnings, see `kubectl meshcheck check`"
        ));
    }
    fitting
}

/// What is kept in the audit log. Rule ids are valid names there.
#[derive(Default)]
struct Annotations(BTreeMap<String, String>);

impl Annotations {
    /// What is only good to know, by rule, and what was left out, by rule too.
    fn of(report: &Report) -> Self {
        let mut annotations = Self::default();
        let infos = report
            .findings
            .iter()
            .filter(|f| f.severity == Severity::Info);
        for finding in infos {
            annotations.add(finding.rule.to_owned(), &finding.message);
        }
        for Suppressed { finding, why } in &report.suppressed {
            let by = match why.by {
                By::Annotation(_) => "annotation",
                By::Policy(_) => "policy",
            };
            let text = format!("{why}, by {by}: {}", finding.message);
            annotations.add(format!("suppressed.{}", finding.rule), &text);
        }
        annotations
    }

    fn add(&mut self, name: String, more: &str) {
        let text = self.0.entry(name).or_default();
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&text::clean(more));
        *text = text::cut(text, ANNOTATION_CHARS);
    }
}

#[cfg(test)]
mod tests;
