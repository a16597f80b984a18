//! The second pass: judges every object and puts each finding in its place.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use meshcheck_rules::config::Policy;
use meshcheck_rules::finding::{Related, RelatedPlace};
use meshcheck_rules::istio::install::installer_of;
use meshcheck_rules::suppress::{By, Why};
use meshcheck_rules::yaml::{Document, Located, Spans, Stream};
use meshcheck_rules::{Engine, Finding, Mesh, Object, Place, Source};

use crate::output::Render;
use crate::parallel::in_order;
use crate::policy::PolicyFile;
use crate::problem::{Kind, Problem};
use crate::report::{Note, NotePlace, Shown, Tally, definition};
use crate::session::Session;
use crate::since::{Former, Since};
use crate::source::{Unreadable, for_people};

use places::Places;

mod places;
#[cfg(test)]
mod tests;

/// What there is to say of one file.
#[derive(Debug, Default)]
pub struct FileReport {
    /// The input.
    pub file: Arc<str>,
    /// Counts.
    pub tally: Tally,
    /// Findings as the format shows them, in the order of their places.
    pub findings: Vec<String>,
    /// Findings that were left out, in the same way, where the format shows them.
    pub suppressed: Vec<String>,
    /// The entries of the policy's `ignores` that fitted a finding.
    pub policy_entries: BTreeSet<usize>,
    /// Problems, each with what the format shows of it.
    pub problems: Vec<(Problem, String)>,
    /// Objects of installers whose settings are not judged, as people read them.
    pub installers: Vec<String>,
}

/// Judges all inputs of a run against what is known about their mesh.
pub struct Judge<'s> {
    session: &'s Session<'s>,
    mesh: &'s Mesh,
    render: &'s dyn Render,
    policy: Option<&'s PolicyFile>,
    since: Option<&'s Since>,
    places: Places<'s>,
}

/// One file on its way through the judge.
struct Work<'a> {
    file: &'a Arc<str>,
    path: &'a str,
    /// Of the document that is judged.
    place: Place<'a>,
    report: FileReport,
}

/// A finding that is to be shown.
struct Found<'o> {
    object: &'o Object<'o>,
    finding: Finding,
    /// Why it is left out, if it is.
    why: Option<Why>,
}

impl<'s> Judge<'s> {
    /// A judge for one run.
    pub fn new(session: &'s Session<'s>, mesh: &'s Mesh, render: &'s dyn Render) -> Self {
        Self {
            session,
            mesh,
            render,
            policy: None,
            since: None,
            places: Places::new(session),
        }
    }

    /// The same judge, which knows the file that the engine's policy came from, if from any.
    #[must_use]
    pub fn with_policy(mut self, policy: Option<&'s PolicyFile>) -> Self {
        self.policy = policy;
        self
    }

    /// The same judge, which holds every object against what was there before.
    #[must_use]
    pub fn since(mut self, since: Option<&'s Since>) -> Self {
        self.since = since;
        self
    }

    /// Judges every input, and hands over the reports in the order of the inputs.
    pub fn run(&self, mut each: impl FnMut(FileReport)) {
        let work = |index| {
            catch_unwind(AssertUnwindSafe(|| self.file(index)))
                .unwrap_or_else(|_| self.broken_down(index))
        };
        in_order(self.session.inputs.len(), work, |_, report| each(report));
    }

    fn broken_down(&self, index: usize) -> FileReport {
        let file = &self.session.inputs[index].name;
        let problem = Problem::internal(file, None, "this file broke the program down");
        FileReport::of(problem, self.render)
    }

    fn file(&self, index: usize) -> FileReport {
        let input = &self.session.inputs[index];
        let bytes = match self.session.texts.take(index) {
            Ok(bytes) => bytes,
            Err(error) => {
                let name = Arc::clone(&input.name);
                let problem = Problem::io(&Unreadable { name, error });
                return FileReport::of(problem, self.render);
            }
        };
        let mut work = Work {
            file: &input.name,
            path: &input.place,
            place: self.session.place(index, 0),
            report: FileReport {
                file: Arc::clone(&input.name),
                ..FileReport::default()
            },
        };
        let stream = Stream::each(&bytes, &self.session.options, |text, document| {
            work.report.tally.documents += 1;
            work.place = self.session.place(index, document.index);
            self.document(&document, text, &mut work);
        });
        let broken = stream.problems.iter().filter(|p| p.document.is_some());
        work.report.tally.files = 1;
        work.report.tally.documents += broken.count();
        self.tell_problems(&stream, &mut work);
        work.report
    }

    fn tell_problems(&self, stream: &Stream, work: &mut Work<'_>) {
        let Stream { text, problems, .. } = stream;
        if problems.is_empty() {
            return;
        }
        // Once for all: a file may have thousands of them.
        let lines: Vec<_> = text.lines().collect();
        for problem in problems {
            let line = problem.at.and_then(|at| lines.get(at.line.checked_sub(1)?));
            let problem = Problem::read(work.file, problem);
            work.report.tell(problem, line.copied(), self.render);
        }
    }

    fn document(&self, document: &Document, text: &str, work: &mut Work<'_>) {
        let mut objects = self.mesh.objects(&document.value, work.place);
        let tally = &mut work.report.tally;
        tally.empty += usize::from(document.is_null());
        tally.foreign += usize::from(objects.is_empty() && !document.is_null());
        let all = objects.len();
        objects.retain(|object| !Policy::is_policy(object));
        tally.policies += all - objects.len();
        tally.objects += objects.len();
        let mut found: Vec<Found<'_>> = Vec::new();
        for object in &objects {
            if let Some(installer) = installer_of(object) {
                let name = format!("{} of {installer}", for_people(&object.title()));
                work.report.installers.push(name);
                work.report.tally.installers += 1;
            }
            if self.session.engine.looks_at(object) {
                self.object(object, document, work, &mut found);
            }
        }
        if !found.is_empty() {
            self.show(found, document, text, work);
        }
    }

    fn object<'o>(
        &self,
        object: &'o Object<'o>,
        document: &Document,
        work: &mut Work<'_>,
        found: &mut Vec<Found<'o>>,
    ) {
        let former = self.since.map(|since| since.of(object, work.path));
        let before = former.as_ref().map(Former::before).unwrap_or_default();
        let engine = &self.session.engine;
        let report = engine.check_update(object, before, self.mesh, work.place);
        work.report.tally.checked += 1;
        for rule in report.crashed {
            let what = format!("rule {rule} broke down on {}", object.title());
            let problem = Problem::internal(work.file, Some(document.index), &what);
            work.report.tell(problem, None, self.render);
        }
        for finding in report.findings {
            work.report.tally.count(&finding);
            if self.render.shows(&finding) {
                found.push(Found::new(object, finding, None));
            }
        }
        work.report.tally.suppressed += report.suppressed.len();
        work.report.policy_entries.extend(report.policy_entries);
        if self.render.shows_suppressed() {
            let suppressed = report.suppressed.into_iter();
            found.extend(suppressed.map(|it| Found::new(object, it.finding, Some(it.why))));
        }
    }

    /// What the rules about ignores say of the policy itself, once all inputs were judged.
    pub fn policy(&self, file: &PolicyFile, fitted: &BTreeSet<usize>) -> FileReport {
        let mut report = FileReport {
            file: Arc::clone(&file.name),
            ..FileReport::default()
        };
        let objects = Object::all(&file.document.value);
        let found = self
            .session
            .engine
            .check_policy(&file.document.value, fitted);
        let mut shown = Vec::new();
        for finding in found {
            report.tally.count(&finding);
            if self.render.shows(&finding) {
                shown.extend(
                    objects
                        .first()
                        .map(|object| Found::new(object, finding, None)),
                );
            }
        }
        let mut work = Work {
            file: &file.name,
            path: &file.name,
            place: Place::file(&file.name),
            report,
        };
        self.show(shown, &file.document, &file.text, &mut work);
        work.report
    }

    fn show(&self, found: Vec<Found<'_>>, document: &Document, text: &str, work: &mut Work<'_>) {
        let spans = document.spans(text, &self.session.options);
        let mut placed: Vec<_> = found
            .into_iter()
            .map(|found| (spans.locate(&found.finding.at), found))
            .collect();
        // Stable: what stands at one place stays in the order of the rules.
        placed.sort_by_key(|(at, _)| (at.span.bytes.start, at.span.bytes.end));
        for (located, found) in &placed {
            let Found {
                object,
                finding,
                why,
            } = found;
            let shown = Shown {
                file: work.file,
                text,
                document: document.index,
                object,
                finding,
                span: located.span.clone(),
                notes: self.notes(finding, located, &spans),
            };
            match why {
                None => work.report.findings.push(self.render.finding(&shown)),
                Some(why) => {
                    let at = self.note_of(why, &spans);
                    let text = self.render.suppressed(&shown, why, &at);
                    work.report.suppressed.push(text);
                }
            }
        }
    }

    /// Where somebody says that a finding is to be left out.
    fn note_of<'f>(&self, why: &'f Why, spans: &Spans<'_>) -> Note<'f> {
        let place = match (&why.by, self.policy) {
            (By::Annotation(location), _) => {
                let span = spans.locate(location).span;
                NotePlace::Here { location, span }
            }
            (By::Policy(index), Some(policy)) => {
                NotePlace::Elsewhere(Arc::clone(&policy.entries[*index]))
            }
            (By::Policy(_), None) => NotePlace::Said("the policy".to_owned()),
        };
        Note {
            message: format!("suppressed: {why}"),
            place,
        }
    }

    fn notes<'f>(
        &self,
        finding: &'f Finding,
        located: &Located,
        spans: &Spans<'_>,
    ) -> Vec<Note<'f>> {
        let related = finding.related.iter();
        definition(&finding.at, located)
            .into_iter()
            .chain(related.map(|related| self.note(related, spans)))
            .collect()
    }

    fn note<'f>(&self, related: &'f Related, spans: &Spans<'_>) -> Note<'f> {
        let place = match &related.at {
            RelatedPlace::Here(location) => {
                let span = spans.locate(location).span;
                NotePlace::Here { location, span }
            }
            RelatedPlace::Fact(source @ Source::Document { .. }) => self
                .places
                .find(source)
                .map_or_else(|| NotePlace::Said(source.to_string()), NotePlace::Elsewhere),
            RelatedPlace::Fact(source) => NotePlace::Said(source.to_string()),
        };
        Note {
            message: related.message.clone(),
            place,
        }
    }
}

impl<'o> Found<'o> {
    fn new(object: &'o Object<'o>, finding: Finding, why: Option<Why>) -> Self {
        Self {
            object,
            finding,
            why,
        }
    }
}

impl FileReport {
    /// The report of a file of which there is only a problem to tell.
    pub fn of(problem: Problem, render: &dyn Render) -> Self {
        let mut report = Self {
            file: Arc::clone(&problem.file),
            ..Self::default()
        };
        report.tell(problem, None, render);
        report
    }

    /// What there is to say of the whole run, of no file.
    pub fn of_run(engine: &Engine, render: &dyn Render) -> Self {
        let mut report = Self::default();
        for finding in engine.check_run() {
            report.tally.count_severity(finding.severity);
            report.findings.extend(render.run_finding(&finding));
        }
        report
    }

    fn tell(&mut self, problem: Problem, line: Option<&str>, render: &dyn Render) {
        match problem.kind {
            Kind::Template => self.tally.templates += 1,
            _ => self.tally.unread += 1,
        }
        let shown = render.problem(&problem, line);
        self.problems.push((problem, shown));
    }
}
