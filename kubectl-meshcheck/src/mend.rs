//! Fixes: from the engine's patches to new texts, file by file.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use json_patch::Patch;
use meshcheck_rules::finding::Location;
use meshcheck_rules::yaml::{Document, Encoding, Options, Position, Stream};
use meshcheck_rules::{Applicability, Mended, Mesh};

use crate::parallel::in_order;
use crate::session::Session;
use meshcheck_rules::yaml::edit::{self, DocumentEdit, Refusal};

/// Edits of one file that are tried one by one where they did not go together: each costs another
/// reading of the file.
const MOST_TRIES: usize = 64;

/// What became of one file.
#[derive(Debug)]
pub struct Mending {
    /// Which input.
    pub index: usize,
    /// Its bytes as they were read.
    pub before: Arc<Vec<u8>>,
    /// Its text as it was read.
    pub old_text: String,
    /// The text with all fixes that could be made.
    pub new_text: String,
    /// How the bytes were encoded.
    pub encoding: Encoding,
    /// What was mended.
    pub fixed: Vec<Fixed>,
    /// What could not be mended in the text.
    pub refused: Vec<Refused>,
}

/// The fix of one finding.
#[derive(Debug)]
pub struct Fixed {
    /// The rule.
    pub rule: &'static str,
    /// Index of the document.
    pub document: usize,
    /// Where the finding stands in it.
    pub at: Location,
    /// The operations.
    pub patch: Patch,
}

/// A fix that the text did not take.
#[derive(Debug)]
pub struct Refused {
    /// The fix, to be made by hand.
    pub fix: Fixed,
    /// Why.
    pub reason: String,
}

/// Mends the inputs of a run.
pub struct Mender<'s> {
    /// The run.
    pub session: &'s Session<'s>,
    /// What is known about the mesh.
    pub mesh: &'s Mesh,
    /// The fixes that are wanted: these and safer ones.
    pub grade: Applicability,
}

impl Mender<'_> {
    /// Hands over every input that has something to mend, in the order of the inputs.
    pub fn run(&self, mut each: impl FnMut(Mending)) {
        let work = |index| {
            // What breaks the program down is reported by the pass that judges.
            catch_unwind(AssertUnwindSafe(|| self.file(index))).unwrap_or_default()
        };
        in_order(self.session.inputs.len(), work, |_, mending| {
            if let Some(mending) = mending {
                each(mending);
            }
        });
    }

    fn file(&self, index: usize) -> Option<Mending> {
        let before = self.session.texts.get(index).ok()?;
        let stream = Stream::read(&before, &self.session.options);
        let plans: Vec<(&Document, Mended)> = stream
            .documents
            .iter()
            .filter_map(|document| Some((document, self.plan(index, document)?)))
            .collect();
        if plans.is_empty() {
            return None;
        }
        let edits: Vec<_> = plans
            .iter()
            .map(|(document, mended)| edit_of(document, &mended.patch))
            .collect();
        let edited = edit::apply(&stream, &edits, &self.session.options);
        let mut mending = Mending {
            index,
            before,
            encoding: stream.encoding,
            old_text: String::new(),
            new_text: edited.text,
            fixed: Vec::new(),
            refused: Vec::new(),
        };
        self.settle(plans, &edited.refused, &mut mending);
        mending.old_text = stream.text;
        Some(mending)
    }

    /// Sorts out what was mended and what was refused.
    fn settle(&self, plans: Vec<(&Document, Mended)>, refused: &[Refusal], mending: &mut Mending) {
        let mut tries = MOST_TRIES;
        for (document, mended) in plans {
            let index = document.index;
            match refused.iter().find(|refusal| refusal.document == index) {
                None => mending.fixed.extend(fixes(index, mended)),
                Some(refusal) if mended.fixed.len() < 2 || tries == 0 => {
                    let reason = because(&refusal.reason);
                    mending.refuse_all(fixes(index, mended), &reason);
                }
                Some(_) => self.one_by_one(index, mending, &mut tries),
            }
        }
    }

    /// What the engine would do to a document; `None` where there is nothing to do.
    fn plan(&self, input: usize, document: &Document) -> Option<Mended> {
        let engine = &self.session.engine;
        let place = self.session.place(input, document.index);
        let objects = self.mesh.objects(&document.value, place);
        if !objects.iter().any(|object| engine.looks_at(object)) {
            return None;
        }
        let mended = engine.mend(&document.value, self.mesh, place, self.grade);
        (!mended.fixed.is_empty()).then_some(mended)
    }

    /// Where the fixes of a document cannot all be made, makes those that can be.
    fn one_by_one(&self, document: usize, mending: &mut Mending, tries: &mut usize) {
        let mut given_up: Vec<(&'static str, String)> = Vec::new();
        while *tries > 0 {
            *tries -= 1;
            let stream = Stream::read(mending.new_text.as_bytes(), &self.session.options);
            let Some(document) = stream.documents.iter().find(|d| d.index == document) else {
                return;
            };
            let Some(next) = self.next(mending.index, document, &given_up) else {
                return;
            };
            let edit = edit_of(document, &next.patch);
            let edited = edit::apply(&stream, &[edit], &self.session.options);
            match edited.refused.first() {
                None => {
                    mending.new_text = edited.text;
                    mending.fixed.push(next);
                }
                Some(refusal) => {
                    given_up.push((next.rule, next.key()));
                    mending.refuse_all([next], &because(&refusal.reason));
                }
            }
        }
    }

    fn next(
        &self,
        input: usize,
        document: &Document,
        given_up: &[(&'static str, String)],
    ) -> Option<Fixed> {
        let place = self.session.place(input, document.index);
        let objects = self.mesh.objects(&document.value, place);
        let reports = objects
            .iter()
            .map(|object| self.session.engine.check(object, self.mesh, place));
        reports
            .flat_map(|report| report.findings)
            .filter_map(|finding| {
                let fix = finding.fix?;
                (fix.applicability <= self.grade).then_some(Fixed {
                    rule: finding.rule,
                    document: document.index,
                    at: finding.at,
                    patch: fix.patch,
                })
            })
            .find(|fixed| !given_up.contains(&(fixed.rule, fixed.key())))
    }
}

impl Fixed {
    /// Tells one refused fix from another of the same rule.
    fn key(&self) -> String {
        format!("{:?}", self.patch)
    }
}

impl Mending {
    /// Whether the text changes.
    pub fn changes(&self) -> bool {
        self.new_text != self.old_text
    }

    /// The bytes to write.
    pub fn after(&self) -> Vec<u8> {
        edit::encode(&self.new_text, self.encoding)
    }

    /// Nothing of it could be written: the text stays, and what was to be fixed was refused.
    pub fn refuse(&mut self, reason: &str) {
        self.new_text.clone_from(&self.old_text);
        let fixed = std::mem::take(&mut self.fixed);
        self.refuse_all(fixed, reason);
    }

    fn refuse_all(&mut self, fixes: impl IntoIterator<Item = Fixed>, reason: &str) {
        let refused = fixes.into_iter().map(|fix| Refused {
            fix,
            reason: reason.to_owned(),
        });
        self.refused.extend(refused);
    }

    /// Where the refused findings stand in the text as it is now.
    pub fn places(&self, options: &Options) -> Vec<Option<Position>> {
        if self.refused.is_empty() {
            return Vec::new();
        }
        let stream = Stream::read(self.new_text.as_bytes(), options);
        let place = |refused: &Refused| {
            let index = refused.fix.document;
            let at = stream.documents.binary_search_by_key(&index, |d| d.index);
            let spans = stream.documents[at.ok()?].spans(&stream.text, options);
            Some(spans.locate(&refused.fix.at).span.start)
        };
        self.refused.iter().map(place).collect()
    }
}

/// A reason with all that lies behind it.
fn because(reason: &dyn Error) -> String {
    let mut text = reason.to_string();
    let mut cause = reason.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn edit_of<'e>(document: &'e Document, patch: &'e Patch) -> DocumentEdit<'e> {
    DocumentEdit { document, patch }
}

fn fixes(document: usize, mended: Mended) -> impl Iterator<Item = Fixed> {
    mended.fixed.into_iter().map(move |finding| Fixed {
        rule: finding.rule,
        document,
        at: finding.at,
        patch: finding.fix.map(|fix| fix.patch).unwrap_or_default(),
    })
}
