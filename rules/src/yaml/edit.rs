//! Patches to edits of a file's text that keep its comments, its layout and its line ends.
//!
//! A plan follows the patch node by node, so that each node keeps its origin; the rewriter turns
//! what changed into splices of the text. Neither is trusted: an edit counts only if the edited text,
//! read again, is the patched value in that document and the other documents are untouched. The rest
//! is refused, with the reason.

mod block;
mod encode;
mod entries;
mod flow;
mod layout;
mod lines;
mod literal;
mod plan;
mod render;
mod rewrite;
mod scalar;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::yaml::{Document, Options, Stream};
use json_patch::{Patch, PatchError};
use serde_json::Value;

pub use self::encode::encode;
use self::layout::Layout;
use self::plan::Plan;
use self::render::Manner;
use self::rewrite::Splice;

/// A patch for one document of a stream.
#[derive(Clone, Copy, Debug)]
pub struct DocumentEdit<'a> {
    /// The document, one of the stream's.
    pub document: &'a Document,
    /// What shall become of it.
    pub patch: &'a Patch,
}

/// A text after its edits.
#[derive(Debug)]
pub struct Edited {
    /// The whole text; what was refused is as before.
    pub text: String,
    /// The documents that were left alone.
    pub refused: Vec<Refusal>,
}

/// A document that was left alone, and why.
#[derive(Debug)]
pub struct Refusal {
    /// [`Document::index`].
    pub document: usize,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a document was left alone. Nothing of it was changed.
#[derive(Debug, thiserror::Error)]
pub enum RefusalReason {
    /// The patch is not one for this document.
    #[error("the patch does not fit the document")]
    Patch(#[from] PatchError),
    /// The value is written once and used in several places: changing it there would change them all.
    #[error(
        "the value comes from the anchor `&{name}` on line {line}, which is used in {uses} {}",
        if *uses == 1 { "place" } else { "places" }
    )]
    Shared {
        /// Name of the anchor.
        name: String,
        /// Line of the anchor, from 1.
        line: usize,
        /// How many aliases use it.
        uses: usize,
    },
    /// The text around the value is laid out in a way that edits do not cover.
    #[error("the layout around line {line} is one that edits do not cover")]
    Layout {
        /// Line, from 1.
        line: usize,
    },
    /// The editor broke down.
    #[error("the edit broke down, which is a defect of meshcheck")]
    Defect,
    /// The proof failed.
    #[error("the edited text would not read back as the patched document")]
    Unproved,
}

/// An edit that looks right and is to be proved.
struct Candidate<'a> {
    edit: DocumentEdit<'a>,
    wanted: Value,
    splices: Vec<Splice>,
}

/// Edits the text of a stream. Each document has at most one edit.
pub fn apply(stream: &Stream, edits: &[DocumentEdit<'_>], options: &Options) -> Edited {
    let mut refused = Vec::new();
    let mut candidates = Vec::new();
    for edit in edits {
        // A defect of ours costs this document its fix, not the others theirs.
        let candidate = catch_unwind(AssertUnwindSafe(|| Candidate::new(stream, *edit, options)));
        match candidate.unwrap_or(Err(RefusalReason::Defect)) {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => refused.push(refusal(edit.document, reason)),
        }
    }
    let text = loop {
        let text = written(stream, &candidates);
        let failed = match &text {
            Some(text) => disproved(stream, text, &candidates, options),
            None => (0..candidates.len()).collect(),
        };
        // From behind, so that the indices stay right.
        for at in failed.iter().rev() {
            let candidate = candidates.remove(*at);
            let reason = candidate.excuse(stream, options);
            refused.push(refusal(candidate.edit.document, reason));
        }
        if let (Some(text), true) = (text, failed.is_empty()) {
            break text;
        }
    };
    refused.sort_by_key(|refusal| refusal.document);
    Edited { text, refused }
}

/// The text of a single document, as a string holds it, after a patch; `None` where it cannot be edited
/// so that it reads back as the patched value.
pub fn text(text: &str, patch: &Patch) -> Option<String> {
    let options = Options::default();
    let stream = Stream::read(text.as_bytes(), &options);
    let document = stream
        .documents
        .first()
        .filter(|document| !document.is_null());
    let Some(document) = document else {
        return filled(text, patch);
    };
    let edited = apply(&stream, &[DocumentEdit { document, patch }], &options);
    edited.refused.is_empty().then_some(edited.text)
}

/// The text of an empty document, with its comments, after a patch.
fn filled(text: &str, patch: &Patch) -> Option<String> {
    let mut wanted = Value::Null;
    json_patch::patch(&mut wanted, patch).ok()?;
    let line_break = lines::line_break(text);
    let mut filled = text.to_owned();
    if !(text.is_empty() || text.ends_with('\n')) {
        filled += line_break;
    }
    let manner = Manner {
        step: 2,
        dash: 2,
        json: false,
    };
    for line in manner.members(wanted.as_object()?, 0) {
        filled += &line;
        filled += line_break;
    }
    (super::value_of(&filled).ok()? == wanted).then_some(filled)
}

impl<'a> Candidate<'a> {
    fn new(
        stream: &Stream,
        edit: DocumentEdit<'a>,
        options: &Options,
    ) -> Result<Self, RefusalReason> {
        let mut wanted = edit.document.value.clone();
        json_patch::patch(&mut wanted, edit.patch)?;
        let plan = Plan::new(&edit.document.value, edit.patch);
        let layout = Layout::new(&stream.text, edit.document, options);
        Ok(Self {
            edit,
            wanted,
            splices: rewrite::rewrite(&layout, &plan)?,
        })
    }

    /// Why the proof failed: most likely something that changed or went is used elsewhere, too.
    fn excuse(&self, stream: &Stream, options: &Options) -> RefusalReason {
        let document = self.edit.document;
        let plan = Plan::new(&document.value, self.edit.patch);
        let layout = Layout::new(&stream.text, document, options);
        let mut changed = plan.root.changed().into_iter();
        let mut gone = self.splices.iter().map(|splice| splice.range.clone());
        changed
            .find_map(|pointer| layout.anchored(pointer))
            .or_else(|| gone.find_map(|range| layout.anchor_in(range)))
            .unwrap_or(RefusalReason::Unproved)
    }
}

fn refusal(document: &Document, reason: RefusalReason) -> Refusal {
    Refusal {
        document: document.index,
        reason,
    }
}

/// The text with all the edits; `None` where they overlap or reach out of their documents.
fn written(stream: &Stream, candidates: &[Candidate<'_>]) -> Option<String> {
    let mut splices = Vec::new();
    for candidate in candidates {
        let body = &candidate.edit.document.bytes;
        for splice in &candidate.splices {
            if splice.range.start < body.start || splice.range.end > body.end {
                return None;
            }
            splices.push(splice.clone());
        }
    }
    rewrite::spliced(&stream.text, 0..stream.text.len(), splices)
}

/// The proof: which of the candidates do not read back as they should, by their index in order.
fn disproved(
    stream: &Stream,
    text: &str,
    candidates: &[Candidate<'_>],
    options: &Options,
) -> Vec<usize> {
    let all = || (0..candidates.len()).collect();
    let after = Stream::read(&encode(text, stream.encoding), options);
    let read = after
        .documents
        .iter()
        .map(|document| (document.index, document));
    let read: HashMap<usize, &Document> = read.collect();
    let edits = candidates.iter().enumerate();
    let edits: HashMap<usize, usize> = edits
        .map(|(at, candidate)| (candidate.edit.document.index, at))
        .collect();
    let mut failed = Vec::new();
    for old in &stream.documents {
        let new = read.get(&old.index);
        match edits.get(&old.index) {
            Some(at) if new.is_none_or(|new| new.value != candidates[*at].wanted) => {
                failed.push(*at);
            }
            None if new.is_none_or(|new| {
                old.value != new.value
                    || stream.text[old.bytes.clone()] != after.text[new.bytes.clone()]
            }) =>
            {
                return all();
            }
            Some(_) | None => {}
        }
    }
    if failed.is_empty() && !(after.text == text && same_outline(stream, &after)) {
        return all();
    }
    failed.sort_unstable();
    failed
}

/// Whether two texts have the same documents and the same faults, whatever their content.
fn same_outline(before: &Stream, after: &Stream) -> bool {
    let documents = |stream: &Stream| -> Vec<usize> {
        let indices = stream.documents.iter().map(|document| document.index);
        indices.collect()
    };
    let problems = |stream: &Stream| -> Vec<_> {
        let problems = stream.problems.iter();
        problems
            .map(|problem| (problem.document, problem.kind))
            .collect()
    };
    documents(before) == documents(after) && problems(before) == problems(after)
}
