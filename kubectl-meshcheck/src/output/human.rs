//! The report for people, in the manner of the Rust compiler.

use annotate_snippets::{Group, Level, Origin, Renderer, normalize_untrusted_str};
use meshcheck_rules::suppress::Why;
use meshcheck_rules::yaml::Position;
use meshcheck_rules::{Applicability, Finding, Object, RunFinding, Severity};

use crate::judge::FileReport;
use crate::output::{Closing, Print, Render, Streams};
use crate::problem::{Kind, Problem};
use crate::report::{Note, NotePlace, Shown};
use crate::source::for_people;

use excerpt::Excerpt;
use skipped::Skipped;

mod excerpt;
mod skipped;
mod summary;

/// Renders findings and problems for people.
#[derive(Clone, Debug)]
pub struct Human {
    /// Colours in the findings.
    pub findings: Renderer,
    /// Colours in the problems.
    pub problems: Renderer,
    /// The lowest severity that is shown, `None` for no findings at all.
    pub lowest: Option<Severity>,
}

/// Prints what was rendered, and the summary.
#[derive(Debug)]
pub struct Printer {
    notes: Renderer,
    detail: Detail,
    strict: bool,
    explain: String,
    skipped: Skipped,
    shown: bool,
}

/// How much is told beside findings and problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    Quiet,
    /// The summary and notes.
    Usual,
    /// Every template by its name too.
    Verbose,
}

/// A renderer with or without colours.
pub fn renderer(colored: bool) -> Renderer {
    if colored {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
}

impl Human {
    fn shows_severity(&self, severity: Severity) -> bool {
        self.lowest.is_some_and(|lowest| severity >= lowest)
    }
}

fn level<'l>(severity: Severity) -> Level<'l> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    }
}

impl Render for Human {
    fn shows(&self, finding: &Finding) -> bool {
        self.shows_severity(finding.severity)
    }

    fn run_finding(&self, finding: &RunFinding) -> Option<String> {
        if !self.shows_severity(finding.severity) {
            return None;
        }
        let title = level(finding.severity)
            .primary_title(finding.message.as_str())
            .id(finding.rule);
        let group = Group::with_title(title);
        Some(format!("{}\n\n", self.findings.render(&[group])))
    }

    fn shows_suppressed(&self) -> bool {
        self.lowest == Some(Severity::Info)
    }

    fn finding(&self, shown: &Shown<'_>) -> String {
        let finding = shown.finding;
        let level = level(finding.severity);
        let title = level
            .clone()
            .primary_title(finding.message.as_str())
            .id(finding.rule);
        let excerpt = Excerpt::of(shown.text, &shown.span);
        let mut groups = excerpt.below(title, level, for_people(shown.file));
        if let Some(last) = groups.pop() {
            groups.push(last.element(about(shown)));
        }
        for note in &shown.notes {
            groups.extend(note_groups(note, shown));
        }
        if let Some(fix) = &finding.fix {
            let how = match fix.applicability {
                Applicability::Safe => "safe: --fix does it",
                Applicability::Unsafe => "look at it first: --unsafe-fixes does it",
            };
            let title = normalize_untrusted_str(&fix.title);
            let help = Level::HELP.secondary_title(format!("{title} ({how})"));
            groups.push(Group::with_title(help));
        }
        format!("{}\n\n", self.findings.render(&groups))
    }

    fn suppressed(&self, shown: &Shown<'_>, _: &Why, at: &Note<'_>) -> String {
        let finding = shown.finding;
        let level = Level::INFO.with_name("suppressed");
        let title = level
            .clone()
            .primary_title(finding.message.as_str())
            .id(finding.rule);
        let excerpt = Excerpt::of(shown.text, &shown.span);
        let mut groups = excerpt.below(title, level, for_people(shown.file));
        if let Some(last) = groups.pop() {
            groups.push(last.element(about(shown)));
        }
        groups.extend(note_groups(at, shown));
        format!("{}\n\n", self.findings.render(&groups))
    }

    fn problem(&self, problem: &Problem, line: Option<&str>) -> String {
        let place = (&*problem.file, problem.position(), line);
        located(
            &self.problems,
            problem.kind.as_str(),
            &problem.message,
            place,
        )
    }
}

/// An error at a place: the file, where in it, and that line, as far as they are known.
pub fn located(
    renderer: &Renderer,
    id: &str,
    message: &str,
    (file, at, line): (&str, Option<Position>, Option<&str>),
) -> String {
    let level = Level::ERROR;
    let title = level.clone().primary_title(message).id(id);
    let groups = match line.zip(at) {
        Some((line, at)) => Excerpt::at(line, at).below(title, level, for_people(file)),
        None => vec![title.element(origin(file, at))],
    };
    format!("{}\n\n", renderer.render(&groups))
}

fn origin<'o>(file: &str, at: Option<Position>) -> Origin<'o> {
    let origin = Origin::path(for_people(file));
    match at {
        Some(at) => origin.line(at.line).char_column(at.column),
        None => origin,
    }
}

/// The object that a finding is about.
fn about<'a>(shown: &Shown<'_>) -> annotate_snippets::Message<'a> {
    let mut text = normalize_untrusted_str(&named(shown.object));
    if let Some(inner) = &shown.finding.at.inner {
        let inner = normalize_untrusted_str(inner.as_str());
        text = format!("{text}, {inner} in this text");
    }
    Level::NOTE.with_name("object").message(text)
}

fn named(object: &Object<'_>) -> String {
    let title = object.title();
    match object.namespace {
        Some(namespace) => format!("{title} in namespace {namespace}"),
        None => title,
    }
}

fn note_groups<'a>(note: &'a Note<'_>, shown: &'a Shown<'_>) -> Vec<Group<'a>> {
    let text = normalize_untrusted_str(&note.message);
    let title = |text: String| Level::NOTE.secondary_title(text);
    match &note.place {
        NotePlace::Here { span, .. } => {
            Excerpt::of(shown.text, span).below(title(text), Level::NOTE, for_people(shown.file))
        }
        NotePlace::Elsewhere(there) => match &there.span {
            Some((span, line)) => Excerpt::of_line(line, span).below(
                title(text),
                Level::NOTE,
                for_people(&there.file),
            ),
            None => vec![title(text).element(origin(&there.file, None))],
        },
        NotePlace::Said(source) if note.message.contains(source.as_str()) => {
            vec![Group::with_title(title(text))]
        }
        NotePlace::Said(source) => {
            let source = normalize_untrusted_str(source);
            vec![Group::with_title(title(format!("{text} ({source})")))]
        }
    }
}

impl Printer {
    /// A printer that fails templates where `strict`; `program` is how the program is called.
    pub fn new(look: &Human, detail: Detail, strict: bool, program: &str) -> Self {
        Self {
            notes: look.problems.clone(),
            detail,
            strict,
            explain: format!("{program} explain"),
            skipped: Skipped::default(),
            shown: false,
        }
    }

    fn problem(&mut self, problem: &Problem, text: &str, streams: &mut Streams) {
        if problem.kind == Kind::Template && !self.strict {
            return self.skipped.template(problem);
        }
        // A terminal is to show both streams in one order.
        streams.report.flush();
        streams.problems.put(text);
        streams.problems.flush();
    }
}

impl Print for Printer {
    fn file(&mut self, report: FileReport, streams: &mut Streams) {
        for (problem, text) in &report.problems {
            self.problem(problem, text, streams);
        }
        if report.tally.foreign > 0 {
            self.skipped.foreign(&report);
        }
        if report.tally.policies > 0 {
            self.skipped.policy(&report);
        }
        if report.tally.installers > 0 {
            self.skipped.installers(&report);
        }
        for text in report.findings.iter().chain(&report.suppressed) {
            self.shown = true;
            streams.report.put(text);
        }
    }

    fn finish(&mut self, closing: &Closing, streams: &mut Streams) {
        if self.detail == Detail::Quiet {
            return;
        }
        streams.report.flush();
        for note in self.skipped.notes(closing, self.detail == Detail::Verbose) {
            let note = Group::with_title(Level::NOTE.primary_title(note));
            let text = format!("{}\n", self.notes.render(&[note]));
            streams.problems.put(text);
        }
        streams.problems.flush();
        if self.shown {
            let hint = format!("`{} RULE` explains a rule\n", self.explain);
            streams.report.put(hint);
        }
        streams.report.put(summary::line(closing, self.detail));
    }
}
