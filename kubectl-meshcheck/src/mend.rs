//! Fixes: from the engine's patches to new texts, file by file.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use json_patch::Patch;
use meshcheck_rules::yaml::{Document, Encoding, Stream};
use meshcheck_rules::{Applicability, Mended, Mesh, Object, Place};

use crate::edit::{self, DocumentEdit, Edited};
use crate::parallel::in_order;
use crate::session::Session;

/// Edits that are tried one by one where they did not go together.
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

/// A finding that was mended.
#[derive(Debug)]
pub struct Fixed {
    /// The rule.
    pub rule: &'static str,
    /// Index of the document.
    pub document: usize,
    /// The operations.
    pub patch: Patch,
}

/// A fix that the text did not take.
#[derive(Debug)]
pub struct Refused {
    /// The rules whose findings stay.
    pub rules: Vec<&'static str>,
    /// Index of the document.
    pub document: usize,
    /// Why.
    pub reason: String,
    /// What to do by hand.
    pub patch: Patch,
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
        let place = Place::file(&self.session.inputs[index].place);
        let plans: Vec<(&Document, Mended)> = stream
            .documents
            .iter()
            .filter_map(|document| Some((document, self.plan(document, place)?)))
            .collect();
        if plans.is_empty() {
            return None;
        }
        let edits: Vec<_> = plans
            .iter()
            .map(|(document, mended)| edit_of(document, &mended.patch))
            .collect();
        let Edited { text, refused } = edit::apply(&stream, &edits, &self.session.options);
        let mut mending = Mending {
            index,
            before,
            encoding: stream.encoding,
            old_text: String::new(),
            new_text: text,
            fixed: Vec::new(),
            refused: Vec::new(),
        };
        for (document, mended) in plans {
            match refused
                .iter()
                .find(|refusal| refusal.document == document.index)
            {
                None => mending.fixed.extend(all_fixed(document, mended)),
                Some(refusal) if mended.fixed.len() < 2 => {
                    let reason = because(&refusal.reason);
                    mending
                        .refused
                        .push(Refused::all(document.index, &mended, reason));
                }
                Some(_) => self.one_by_one(document.index, place, &mut mending),
            }
        }
        mending.old_text = stream.text;
        Some(mending)
    }

    /// What the engine would do to a document; `None` where there is nothing to do.
    fn plan(&self, document: &Document, place: Place<'_>) -> Option<Mended> {
        let engine = &self.session.engine;
        let objects = Object::all(&document.value);
        if !objects.iter().any(|object| engine.looks_at(object)) {
            return None;
        }
        let mended = engine.mend(&document.value, self.mesh, place, self.grade);
        (!mended.fixed.is_empty()).then_some(mended)
    }

    /// Where the fixes of a document cannot all be made, makes those that can be.
    fn one_by_one(&self, document: usize, place: Place<'_>, mending: &mut Mending) {
        let mut given_up: Vec<(&'static str, String)> = Vec::new();
        for _ in 0..MOST_TRIES {
            let stream = Stream::read(mending.new_text.as_bytes(), &self.session.options);
            let Some(document) = stream.documents.iter().find(|d| d.index == document) else {
                return;
            };
            let Some(next) = self.next(document, place, &given_up) else {
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
                    mending.refused.push(Refused {
                        rules: vec![next.rule],
                        document: document.index,
                        reason: because(&refusal.reason),
                        patch: next.patch,
                    });
                }
            }
        }
    }

    fn next(
        &self,
        document: &Document,
        place: Place<'_>,
        given_up: &[(&'static str, String)],
    ) -> Option<Fixed> {
        let objects = Object::all(&document.value);
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

impl Refused {
    fn all(document: usize, mended: &Mended, reason: String) -> Self {
        Self {
            rules: mended.fixed.iter().map(|finding| finding.rule).collect(),
            document,
            reason,
            patch: mended.patch.clone(),
        }
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

    /// Nothing of it could be written: what was to be fixed becomes what was refused.
    pub fn refuse(&mut self, reason: &str) {
        for fixed in self.fixed.drain(..) {
            self.refused.push(Refused {
                rules: vec![fixed.rule],
                document: fixed.document,
                reason: reason.to_owned(),
                patch: fixed.patch,
            });
        }
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

fn all_fixed(document: &Document, mended: Mended) -> impl Iterator<Item = Fixed> {
    let index = document.index;
    mended.fixed.into_iter().map(move |finding| Fixed {
        rule: finding.rule,
        document: index,
        patch: finding.fix.map(|fix| fix.patch).unwrap_or_default(),
    })
}
