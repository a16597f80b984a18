//! The line at the end.

use std::fmt::Write as _;

use super::Detail;
use crate::output::{Closing, counted};
use crate::report::Tally;

/// `checked 3 objects in 5 documents, 2 files: 1 error, 2 warnings; skipped: ...`.
pub(super) fn line(closing: &Closing, detail: Detail) -> String {
    let tally = &closing.tally;
    let mut line = format!(
        "checked {} in {}, {}: {}",
        counted(tally.checked, "object"),
        counted(tally.documents, "document"),
        counted(tally.files, "file"),
        findings(tally, detail),
    );
    let parts = [
        fixes(closing),
        suppressed(tally, detail),
        problems(tally),
        skipped(closing),
    ];
    for part in parts {
        if !part.is_empty() {
            let _ = write!(line, "; {part}");
        }
    }
    line.push('\n');
    line
}

fn findings(tally: &Tally, detail: Detail) -> String {
    let found = tally.findings;
    let parts = [
        (found.error, "error"),
        (found.warning, "warning"),
        (found.info, "info"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| match what {
            "info" if detail == Detail::Usual => format!("{count} info (--verbose shows them)"),
            "info" => format!("{count} info"),
            _ => counted(count, what),
        })
        .collect();
    if parts.is_empty() {
        return "no findings".to_owned();
    }
    parts.join(", ")
}

fn fixes(closing: &Closing) -> String {
    let tally = &closing.tally;
    let mut parts = Vec::new();
    if tally.safe_fixes > 0 {
        parts.push(format!("{} by --fix", tally.safe_fixes));
    }
    if tally.unsafe_fixes > 0 {
        parts.push(format!("{} by --unsafe-fixes", tally.unsafe_fixes));
    }
    let parts = parts.join(", ");
    match closing.fixed {
        Some(fixed) if parts.is_empty() => format!("fixed {fixed}"),
        Some(fixed) => format!("fixed {fixed}, fixable {parts}"),
        None if parts.is_empty() => parts,
        None => format!("fixable {parts}"),
    }
}

fn suppressed(tally: &Tally, detail: Detail) -> String {
    match (tally.suppressed, detail) {
        (0, _) => String::new(),
        (count, Detail::Usual) => format!("{count} suppressed (--verbose shows them)"),
        (count, _) => format!("{count} suppressed"),
    }
}

fn problems(tally: &Tally) -> String {
    match tally.unread {
        0 => String::new(),
        count => format!("{} (see above)", counted(count, "problem")),
    }
}

fn skipped(closing: &Closing) -> String {
    let tally = &closing.tally;
    let parts = [
        (tally.objects - tally.checked, "object", " of other kinds"),
        (tally.templates, "template", " (render first)"),
        (tally.foreign, "document", " not of Kubernetes"),
        (tally.empty, "empty document", ""),
        (
            closing.linked_folders.len(),
            "linked folder",
            " (not followed)",
        ),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, what, why)| format!("{}{why}", counted(count, what)))
        .collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("skipped {}", parts.join(", "))
}
