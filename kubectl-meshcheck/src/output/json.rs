//! `-o json`: the schema of `docs/json-output.md`, one finding a line.

use jiff::civil::Date;
use meshcheck_rules::suppress::{By, Why};
use meshcheck_rules::yaml::Span;
use meshcheck_rules::{Finding, Fix, Object, Pointer, RunFinding};
use serde::Serialize;

use crate::judge::FileReport;
use crate::output::{Closing, Print, Render, Streams};
use crate::problem::Problem;
use crate::report::{Note, NotePlace, Shown, Tally};

/// Version of the schema. A member that is added does not raise it.
const VERSION: u32 = 1;

/// Renders findings and problems as JSON objects.
#[derive(Debug)]
pub struct Json;

/// Collects the objects and writes the report at the end.
#[derive(Debug, Default)]
pub struct Collector {
    findings: Vec<String>,
    suppressed: Vec<String>,
    problems: Vec<(String, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingOut<'a> {
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    file: &'a str,
    document: usize,
    #[serde(flatten)]
    place: PlaceOut,
    pointer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner_pointer: Option<&'a str>,
    object: ObjectOut<'a>,
    related: Vec<RelatedOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<SuppressionOut<'a>>,
}

#[derive(Serialize)]
struct SuppressionOut<'a> {
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Date>,
    by: &'a str,
    #[serde(flatten)]
    at: PointOut<'a>,
}

/// A finding of the whole run: the members that tell a place are there, and null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunFindingOut<'a> {
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    file: Option<&'a str>,
    document: Option<usize>,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    pointer: Option<&'a str>,
    object: Option<ObjectOut<'a>>,
    related: Vec<RelatedOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceOut {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectOut<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RelatedOut<'a> {
    message: &'a str,
    #[serde(flatten)]
    at: PointOut<'a>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PointOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<usize>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    place: Option<PlaceOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner_pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

#[derive(Serialize)]
struct FixOut<'a> {
    title: &'a str,
    applicability: &'a str,
    patch: &'a json_patch::Patch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryOut {
    files: usize,
    documents: usize,
    objects: usize,
    checked: usize,
    findings: CountsOut,
    suppressed: usize,
    fixable: FixableOut,
    skipped: SkippedOut,
    problems: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<usize>,
}

#[derive(Serialize)]
struct CountsOut {
    error: usize,
    warning: usize,
    info: usize,
}

#[derive(Serialize)]
struct FixableOut {
    safe: usize,
    r#unsafe: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SkippedOut {
    templates: usize,
    not_kubernetes: usize,
    empty: usize,
    linked_folders: usize,
    installers: usize,
}

impl Render for Json {
    fn shows(&self, _: &Finding) -> bool {
        true
    }

    fn shows_suppressed(&self) -> bool {
        true
    }

    fn finding(&self, shown: &Shown<'_>) -> String {
        to_line(&FindingOut::of(shown))
    }

    fn suppressed(&self, shown: &Shown<'_>, why: &Why, at: &Note<'_>) -> String {
        let by = match why.by {
            By::Annotation(_) => "annotation",
            By::Policy(_) => "policy",
        };
        to_line(&FindingOut {
            suppression: Some(SuppressionOut {
                reason: &why.reason,
                until: why.until,
                by,
                at: PointOut::of(at, shown),
            }),
            ..FindingOut::of(shown)
        })
    }

    fn run_finding(&self, finding: &RunFinding) -> Option<String> {
        Some(to_line(&RunFindingOut {
            rule: finding.rule,
            severity: finding.severity.as_str(),
            message: &finding.message,
            file: None,
            document: None,
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            pointer: None,
            object: None,
            related: Vec::new(),
        }))
    }

    fn problem(&self, problem: &Problem, _: Option<&str>) -> String {
        to_line(problem)
    }
}

impl<'a> FindingOut<'a> {
    fn of(shown: &'a Shown<'_>) -> Self {
        let finding = shown.finding;
        Self {
            rule: finding.rule,
            severity: finding.severity.as_str(),
            message: &finding.message,
            file: shown.file,
            document: shown.document,
            place: PlaceOut::from(&shown.span),
            pointer: finding.at.pointer.as_str(),
            inner_pointer: finding.at.inner.as_ref().map(Pointer::as_str),
            object: ObjectOut::from(shown.object),
            related: shown
                .notes
                .iter()
                .map(|note| RelatedOut {
                    message: &note.message,
                    at: PointOut::of(note, shown),
                })
                .collect(),
            fix: finding.fix.as_ref().map(FixOut::from),
            suppression: None,
        }
    }
}

impl Print for Collector {
    fn file(&mut self, report: FileReport, _: &mut Streams) {
        self.findings.extend(report.findings);
        self.suppressed.extend(report.suppressed);
        let problems = report.problems.into_iter();
        self.problems
            .extend(problems.map(|(problem, line)| (problem.file.to_string(), line)));
    }

    fn finish(&mut self, closing: &Closing, streams: &mut Streams) {
        // What could not be opened was told first: it too has its place in the order of the paths.
        self.problems.sort_by(|a, b| a.0.cmp(&b.0));
        let summary = SummaryOut::of(&closing.tally, closing);
        let out = &mut streams.report;
        out.put(format!("{{\n  \"version\": {VERSION},\n"));
        out.put(format!("  \"asOf\": \"{}\",\n", closing.as_of));
        let policy = closing.policy.as_ref().map(|policy| &*policy.name);
        out.put(format!("  \"policy\": {},\n", to_line(&policy)));
        out.put(format!("  \"summary\": {},\n", to_line(&summary)));
        if let Some(diff) = &closing.diff {
            out.put(format!("  \"diff\": {},\n", to_line(diff)));
        }
        out.put("  \"findings\": [");
        put_lines(out, self.findings.iter());
        out.put("],\n  \"suppressed\": [");
        put_lines(out, self.suppressed.iter());
        out.put("],\n  \"problems\": [");
        put_lines(out, self.problems.iter().map(|(_, line)| line));
        out.put("]\n}\n");
    }
}

fn put_lines<'l>(out: &mut super::Stream, lines: impl Iterator<Item = &'l String>) {
    let mut any = false;
    for line in lines {
        out.put(if any { ",\n    " } else { "\n    " });
        out.put(line);
        any = true;
    }
    if any {
        out.put("\n  ");
    }
}

fn to_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("every key is a string, and no type of ours fails")
}

impl From<&Span> for PlaceOut {
    fn from(span: &Span) -> Self {
        Self {
            line: span.start.line,
            column: span.start.column,
            end_line: span.end.line,
            end_column: span.end.column,
        }
    }
}

impl<'a> From<&Object<'a>> for ObjectOut<'a> {
    fn from(object: &Object<'a>) -> Self {
        Self {
            api_version: object.api_version,
            kind: object.kind,
            namespace: object.namespace,
            name: object.name,
        }
    }
}

impl<'a> From<&'a Fix> for FixOut<'a> {
    fn from(fix: &'a Fix) -> Self {
        Self {
            title: &fix.title,
            applicability: fix.applicability.as_str(),
            patch: &fix.patch,
        }
    }
}

impl<'a> PointOut<'a> {
    fn of(note: &'a Note<'_>, shown: &'a Shown<'_>) -> Self {
        match &note.place {
            NotePlace::Here { location, span } => Self {
                file: Some(shown.file),
                document: Some(shown.document),
                place: Some(PlaceOut::from(span)),
                pointer: Some(location.pointer.as_str()),
                inner_pointer: location.inner.as_ref().map(Pointer::as_str),
                ..Self::default()
            },
            NotePlace::Elsewhere(there) => Self {
                file: Some(&there.file),
                document: Some(there.document),
                place: there.span.as_ref().map(|(span, _)| PlaceOut::from(span)),
                pointer: Some(&there.pointer),
                ..Self::default()
            },
            NotePlace::Said(source) => Self {
                source: Some(source),
                ..Self::default()
            },
        }
    }
}

impl SummaryOut {
    fn of(tally: &Tally, closing: &Closing) -> Self {
        let found = tally.findings;
        Self {
            files: tally.files,
            documents: tally.documents,
            objects: tally.objects,
            checked: tally.checked,
            findings: CountsOut {
                error: found.error,
                warning: found.warning,
                info: found.info,
            },
            suppressed: tally.suppressed,
            fixable: FixableOut {
                safe: tally.safe_fixes,
                r#unsafe: tally.unsafe_fixes,
            },
            skipped: SkippedOut {
                templates: tally.templates,
                not_kubernetes: tally.foreign,
                empty: tally.empty,
                linked_folders: closing.linked_folders.len(),
                installers: tally.installers,
            },
            problems: tally.unread,
            fixed: closing.fixed,
        }
    }
}
