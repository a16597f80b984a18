//! What to answer. Pure: what was asked and what the rules said go in, a decision comes out.

use std::collections::BTreeMap;

use json_patch::Patch;
use meshcheck_rules::suppress::{By, Suppressed};
use meshcheck_rules::{Finding, Mended, Report, Severity};
use serde_json::Value;

use crate::text;

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
}

impl Decision {
    /// Lets pass what could not be checked, and says so.
    pub fn unchecked(why: &str) -> Self {
        Self {
            warnings: vec![format!("meshcheck did not check this: {why}")],
            ..Self::default()
        }
    }
}

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

/// The answer of `/mutate`: never refuses, and says what it changed.
pub fn mutate(mended: Mended) -> Decision {
    if mended.patch.0.is_empty() {
        return Decision::default();
    }
    let changes = mended.fixed.iter().map(|finding| {
        let title = finding.fix.as_ref().map_or("", |fix| &fix.title);
        format!("meshcheck fixed {}: {title}", finding.rule)
    });
    Decision {
        warnings: warnings(changes.collect()),
        patch: Some(mended.patch),
        ..Decision::default()
    }
}

/// The answer of `/validate`: refuses errors, warns of the rest. `before` is what the rules say of
/// the object as it is stored: an update is not held to what was there already, or nobody could
/// upgrade an old control plane in steps, or touch it at all.
pub fn validate(subject: &Subject<'_>, report: &Report, before: Option<&Report>) -> Decision {
    let mut known = Known::of(before);
    let mut refused = Vec::new();
    let mut told = Vec::new();
    for finding in report
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
    {
        match leniency(subject, finding, &mut known) {
            None => refused.push(finding),
            Some(why) => told.push(warning(finding, &format!(" ({why})"))),
        }
    }
    let doubtful = report
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Warning);
    told.extend(doubtful.map(|finding| warning(finding, "")));
    Decision {
        refusal: (!refused.is_empty()).then(|| refusal::text(subject, &refused)),
        patch: None,
        warnings: warnings(told),
        audit_annotations: annotations(report),
    }
}

/// Why an error is not refused, if it is not.
fn leniency(subject: &Subject<'_>, finding: &Finding, known: &mut Known) -> Option<String> {
    if known.take(finding.rule) {
        return Some("error, was there before".to_owned());
    }
    let maker = subject.maker.as_ref()?;
    Some(format!("error, made by {maker}"))
}

/// How many errors of each rule an update finds in place. Counted rather than compared by place:
/// the message and the pointer of an error change with the slightest edit.
struct Known(BTreeMap<&'static str, usize>);

impl Known {
    fn of(before: Option<&Report>) -> Self {
        let mut counts = BTreeMap::new();
        let errors = before.into_iter().flat_map(|report| &report.findings);
        for finding in errors.filter(|f| f.severity == Severity::Error) {
            *counts.entry(finding.rule).or_default() += 1;
        }
        Self(counts)
    }

    fn take(&mut self, rule: &str) -> bool {
        self.0.get_mut(rule).is_some_and(|left| {
            let some = *left > 0;
            *left = left.saturating_sub(1);
            some
        })
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

/// What is only good to know, by rule, and what was left out, by rule too. Rule ids are valid
/// annotation names.
fn annotations(report: &Report) -> BTreeMap<String, String> {
    let mut annotations = BTreeMap::<String, String>::new();
    let mut add = |name: String, more: &str| {
        let text = annotations.entry(name).or_default();
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&text::clean(more));
        *text = text::cut(text, ANNOTATION_CHARS);
    };
    let infos = report
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Info);
    for finding in infos {
        add(finding.rule.to_owned(), &finding.message);
    }
    for Suppressed { finding, why } in &report.suppressed {
        let by = match why.by {
            By::Annotation(_) => "annotation",
            By::Policy(_) => "policy",
        };
        let text = format!("{why}, by {by}: {}", finding.message);
        add(format!("suppressed.{}", finding.rule), &text);
    }
    annotations
}

#[cfg(test)]
mod tests;
