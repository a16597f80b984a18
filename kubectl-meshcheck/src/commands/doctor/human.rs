//! The diagnosis for people: a checklist.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};
use meshcheck_rules::Severity;

use super::diagnosis::{Diagnosis, Note, Problem};
use super::snapshot::Snapshot;
use crate::output::counted;
use crate::output::text::paragraph;
use crate::source::for_people;

/// Of the column of marks, and of that of names.
const MARK: usize = 9;
const NAME: usize = 16;

/// The whole of it.
pub(super) fn text(snapshot: &Snapshot, diagnosis: &Diagnosis, colored: bool) -> String {
    let mut text = head(snapshot);
    for (id, notes) in &diagnosis.checks {
        for note in notes {
            text += &line(id, note, colored);
        }
    }
    text += &summary(snapshot, diagnosis);
    text
}

fn head(snapshot: &Snapshot) -> String {
    let cluster = &snapshot.cluster;
    let context = cluster
        .context
        .as_ref()
        .map_or_else(String::new, |context| format!("context {context}, "));
    let kubernetes = cluster.kubernetes.as_ref().map_or_else(
        |_| String::new(),
        |version| format!(", Kubernetes {version}"),
    );
    let head = format!("{context}{}{kubernetes}", cluster.server);
    format!(
        "meshcheck {} on {}\nnothing is changed there: objects are tried with dryRun=All\n\n",
        snapshot.plugin,
        for_people(&head)
    )
}

fn line(id: &str, note: &Note, colored: bool) -> String {
    let (mark, color) = match note {
        Note::Fine(_) => ("ok", AnsiColor::Green),
        Note::Unknown(_) => ("unknown", AnsiColor::Magenta),
        Note::Skipped(_) => ("skipped", AnsiColor::Cyan),
        Note::Problem(problem) => (problem.severity.as_str(), color(problem.severity)),
    };
    let plain = format!("{mark:MARK$}");
    let first = format!("{plain}{id:NAME$}");
    let said = match note {
        Note::Fine(text) | Note::Unknown(text) | Note::Skipped(text) => {
            paragraph(&first, &for_people(text))
        }
        Note::Problem(problem) => told(&first, problem),
    };
    if !colored {
        return said;
    }
    let style = Style::new().bold().fg_color(Some(color.into()));
    said.replacen(&plain, &format!("{style}{plain}{style:#}"), 1)
}

fn color(severity: Severity) -> AnsiColor {
    match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Info => AnsiColor::Cyan,
    }
}

fn told(first: &str, problem: &Problem) -> String {
    let what = format!("{}: {}", problem.at, problem.message);
    let mut text = paragraph(first, &for_people(&what));
    let indent = " ".repeat(MARK);
    for (name, words) in [("leads to", &problem.leads_to), ("do", &problem.help)] {
        if !words.is_empty() {
            text += &paragraph(&format!("{indent}{name:NAME$}"), &for_people(words));
        }
    }
    if let Some(command) = &problem.command {
        // In one line: it is there to be copied.
        let _ = writeln!(text, "{indent}{:NAME$}{}", "", for_people(command));
    }
    text
}

fn summary(snapshot: &Snapshot, diagnosis: &Diagnosis) -> String {
    let tally = diagnosis.tally();
    let mut parts = Vec::new();
    for (count, what) in [
        (tally.findings.error, "error"),
        (tally.findings.warning, "warning"),
    ] {
        if count > 0 {
            parts.push(counted(count, what));
        }
    }
    if tally.findings.info > 0 {
        parts.push(format!("{} info", tally.findings.info));
    }
    if tally.unread > 0 {
        parts.push(format!("{} not looked at", tally.unread));
    }
    let said = match (snapshot.is_installed(), parts.is_empty()) {
        (false, true) => "the webhook is not installed in this cluster".to_owned(),
        (true, true) => "the webhook is healthy".to_owned(),
        (_, false) => parts.join(", "),
    };
    format!("\n{said}\n")
}
