//! Laws of the fixes: each closes its own finding and opens no new one, and once is enough.

use std::collections::BTreeMap;

use meshcheck_rules::{Applicability, Finding, Object, Severity};
use serde_json::Value;

use crate::case::{Case, all};

/// All findings of one document as it would be, with the mesh that follows from it.
fn findings(case: &Case, index: usize, value: &Value) -> Vec<Finding> {
    let engine = case.config.engine();
    let mesh = case.mesh_with(index, value);
    let objects = Object::all(value);
    let reports = objects
        .iter()
        .map(|object| engine.check(object, &mesh, case.place()));
    reports.flat_map(|report| report.findings).collect()
}

/// How often each thing is said that matters: an info may name the limits of what a fix just set.
/// Places do not count here: a fix may move what they point at. Numbers do not either: what is said of
/// 1.24.0 is said of 1.24.6 once a fix has put it there.
fn said(findings: &[Finding]) -> BTreeMap<(&str, String), usize> {
    let mut said = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.severity > Severity::Info) {
        *said
            .entry((finding.rule, finding.message.replace(is_digit, "")))
            .or_default() += 1;
    }
    said
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[test]
fn a_fix_closes_its_finding_and_opens_none() {
    let mut count = 0;
    for case in all() {
        for document in &case.stream.documents {
            let before = findings(case, document.index, &document.value);
            for finding in &before {
                let Some(fix) = &finding.fix else { continue };
                let mut value = document.value.clone();
                let place = format!("{} {}", case.name, finding.at.pointer);
                json_patch::patch(&mut value, &fix.patch)
                    .unwrap_or_else(|error| panic!("{place}: {}: {error}", finding.rule));
                let after = findings(case, document.index, &value);
                let stays = |other: &&Finding| {
                    other.rule == finding.rule
                        && other.at.pointer == finding.at.pointer
                        && other.at.inner == finding.at.inner
                };
                assert!(
                    !after.iter().any(|f| stays(&f)),
                    "{place}: {} stays",
                    finding.rule
                );
                let (before, after) = (said(&before), said(&after));
                for (what, times) in after {
                    let had = before.get(&what).copied().unwrap_or_default();
                    assert!(times <= had, "{place}: {} opens {what:?}", finding.rule);
                }
                count += 1;
            }
        }
    }
    assert!(count > 100, "only {count} fixes");
}

/// What was mended has nothing left to mend, and mending it again changes nothing.
#[test]
fn mending_twice_is_mending_once() {
    let mut mended_ones = 0;
    for grade in [Applicability::Safe, Applicability::Unsafe] {
        for case in all() {
            let engine = case.config.engine();
            for document in &case.stream.documents {
                let mesh = case.mesh();
                let once = engine.mend(&document.value, &mesh, case.place(), grade);
                let mesh = case.mesh_with(document.index, &once.value);
                let twice = engine.mend(&once.value, &mesh, case.place(), grade);
                assert!(twice.patch.0.is_empty(), "{}: {:?}", case.name, twice.patch);
                assert_eq!(once.value, twice.value);
                let left = findings(case, document.index, &once.value);
                let is_fixable = |finding: &&Finding| {
                    finding
                        .fix
                        .as_ref()
                        .is_some_and(|fix| fix.applicability <= grade)
                };
                assert_eq!(left.iter().find(is_fixable), None, "{}", case.name);
                mended_ones += usize::from(!once.fixed.is_empty());
            }
        }
    }
    assert!(
        mended_ones > 100,
        "only {mended_ones} documents were mended"
    );
}

/// The patch of a mend is what turns the one value into the other.
#[test]
fn the_patch_is_the_difference() {
    for case in all() {
        let engine = case.config.engine();
        let mesh = case.mesh();
        for document in &case.stream.documents {
            let mended = engine.mend(&document.value, &mesh, case.place(), Applicability::Unsafe);
            let mut value = document.value.clone();
            json_patch::patch(&mut value, &mended.patch).expect("a patch that fits");
            assert_eq!(value, mended.value, "{}", case.name);
            let changes = document.value != mended.value;
            assert_eq!(changes, !mended.fixed.is_empty(), "{}", case.name);
        }
    }
}
