//! Applies fixes to a document, each on what the one before left.

use json_patch::Patch;
use serde_json::Value;

use super::{Engine, Wanted};
use crate::finding::{Applicability, Finding, Pointer};
use crate::mesh::{Mesh, Place};
use crate::object::Object;

/// Fixes that one object may get before the engine gives up: no object has that many findings, so
/// reaching it means that two fixes undo each other.
const MOST_FIXES: usize = 64;

/// A document with its fixes applied.
#[derive(Debug)]
pub struct Mended {
    /// The document after the patch.
    pub value: Value,
    /// All operations, in order.
    pub patch: Patch,
    /// The findings that were fixed, in the order of their operations.
    pub fixed: Vec<Finding>,
}

/// What holds for all fixes of a document.
#[derive(Clone, Copy)]
struct Terms<'t> {
    document: &'t Value,
    wanted: Wanted<'t>,
    mesh: &'t Mesh,
    place: Place<'t>,
    grade: Applicability,
}

impl Engine {
    /// Applies fixes up to `grade` to every object of a document, one after the other, each on what
    /// the one before left, until none is left.
    pub fn mend(
        &self,
        document: &Value,
        mesh: &Mesh,
        place: Place<'_>,
        grade: Applicability,
    ) -> Mended {
        let mut mended = Mended::nothing_of(document);
        let terms = Terms {
            document,
            wanted: &|_, _| true,
            mesh,
            place,
            grade,
        };
        // No fix moves an object, so that a list of thousands is gone through once and not for each.
        let objects = mesh.objects(document, place).into_iter();
        for at in objects.map(|object| object.root.pointer()) {
            self.mend_object(&mut mended, &at, None, terms);
        }
        mended
    }

    /// The same for a document that is one object, by the rules that are wanted on it; `found` is what
    /// they find in it.
    pub fn mend_found(
        &self,
        found: Vec<Finding>,
        wanted: Wanted<'_>,
        document: &Value,
        mesh: &Mesh,
        place: Place<'_>,
        grade: Applicability,
    ) -> Mended {
        let mut mended = Mended::nothing_of(document);
        let terms = Terms {
            document,
            wanted,
            mesh,
            place,
            grade,
        };
        self.mend_object(&mut mended, &Pointer::root(), Some(found), terms);
        mended
    }

    /// `found` is what the rules say of the object as it is.
    fn mend_object(
        &self,
        mended: &mut Mended,
        at: &Pointer,
        mut found: Option<Vec<Finding>>,
        terms: Terms<'_>,
    ) {
        // Operations that were there before the last fix.
        let mut last: Option<usize> = None;
        let mut useless: Vec<Finding> = Vec::new();
        for _ in 0..MOST_FIXES {
            let Some(object) = Object::at(&mended.value, at, terms.place) else {
                break;
            };
            let is_left = |finding: &Finding| !useless.iter().any(|other| is_same(other, finding));
            let findings = found
                .take()
                .unwrap_or_else(|| self.findings(&object, terms));
            let mut findings = findings.into_iter();
            let next =
                findings.find(|finding| is_fixable(finding, terms.grade) && is_left(finding));
            let Some(finding) = next else { break };
            let operations = mended.patch.0.len();
            // What is said again was not mended by it.
            let again = mended
                .fixed
                .last()
                .is_some_and(|fixed| is_same(fixed, &finding));
            match last.take().filter(|_| again) {
                Some(operations) => {
                    mended.undo(terms.document, operations);
                    useless.push(finding);
                }
                None if mended.apply(finding.clone()) => last = Some(operations),
                None => useless.push(finding),
            }
        }
    }

    fn findings(&self, object: &Object<'_>, terms: Terms<'_>) -> Vec<Finding> {
        let Terms {
            wanted,
            mesh,
            place,
            grade,
            ..
        } = terms;
        self.check_fixable(grade, wanted, object, mesh, place)
            .findings
    }
}

fn is_fixable(finding: &Finding, grade: Applicability) -> bool {
    let fix = finding.fix.as_ref();
    fix.is_some_and(|fix| fix.applicability <= grade)
}

/// Whether it is the same thing at the same place, to be mended in the same way.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.rule == other.rule && one.at == other.at && one.fix == other.fix
}

impl Mended {
    fn nothing_of(document: &Value) -> Self {
        Self {
            value: document.clone(),
            patch: Patch::default(),
            fixed: Vec::new(),
        }
    }

    /// False where the fix does not fit the document, which then stays as it is.
    fn apply(&mut self, finding: Finding) -> bool {
        let Some(fix) = &finding.fix else {
            return false;
        };
        if json_patch::patch(&mut self.value, &fix.patch).is_err() {
            return false;
        }
        self.patch.0.extend(fix.patch.0.iter().cloned());
        self.fixed.push(finding);
        true
    }

    /// Takes the last fix back, before which there were so many operations. That is seldom, so that no
    /// fix keeps a copy of what was before: it is made anew.
    fn undo(&mut self, document: &Value, operations: usize) {
        self.patch.0.truncate(operations);
        self.fixed.pop();
        self.value = document.clone();
        json_patch::patch(&mut self.value, &self.patch).expect("these fitted one after the other");
    }
}
