//! Patches to edits of a file's text that keep its comments, its layout and its line ends.
//!
//! A [`plan`] follows the patch node by node, so that each node keeps its origin; the rewriter turns
//! what changed into splices of the text. Neither is trusted: an edit counts only if the edited text,
//! read again, is the patched value in that document and the other documents are untouched. The rest
//! is refused, with the reason.

mod block;
mod diff;
mod encode;
mod flow;
mod layout;
mod lines;
mod literal;
mod plan;
mod render;
mod rewrite;
mod scalar;

use json_patch::{Patch, PatchError};
use meshcheck_rules::yaml::{Document, Options, Stream};
use serde_json::Value;

pub use self::diff::unified_diff;
pub use self::encode::encode;
use self::layout::Layout;
use self::plan::Plan;
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
    /// The proof failed.
    #[error("the edited text would not read back as the patched document")]
    Unproved,
}

/// An edit that looks right and is to be proved.
struct Candidate<'a> {
    edit: DocumentEdit<'a>,
    wanted: Value,
    splices: Vec<Splice>,
    /// The reason to give where the proof fails.
    excuse: RefusalReason,
}

/// Edits the text of a stream. Each document has at most one edit.
pub fn apply(stream: &Stream, edits: &[DocumentEdit<'_>], options: &Options) -> Edited {
    let mut refused = Vec::new();
    let mut candidates = Vec::new();
    for edit in edits {
        match candidate(stream, *edit, options) {
            Ok(candidate) => candidates.push(candidate),
            Err(reason) => refused.push(refusal(edit.document, reason)),
        }
    }
    let text = loop {
        let Some(text) = written(stream, &candidates) else {
            refused.extend(candidates.drain(..).map(Candidate::refused));
            continue;
        };
        let failed = disproved(stream, &text, &candidates, options);
        if failed.is_empty() {
            break text;
        }
        // From behind, so that the indices stay right.
        refused.extend(
            failed
                .into_iter()
                .rev()
                .map(|at| candidates.remove(at).refused()),
        );
    };
    refused.sort_by_key(|refusal| refusal.document);
    Edited { text, refused }
}

fn candidate<'a>(
    stream: &Stream,
    edit: DocumentEdit<'a>,
    options: &Options,
) -> Result<Candidate<'a>, RefusalReason> {
    let mut wanted = edit.document.value.clone();
    json_patch::patch(&mut wanted, edit.patch)?;
    let plan = Plan::new(&edit.document.value, edit.patch);
    let layout = Layout::new(&stream.text, edit.document, options);
    let splices = rewrite::rewrite(&layout, &plan)?;
    let mut changed = plan.root.changed().into_iter();
    let excuse = changed.find_map(|pointer| layout.anchored(pointer));
    Ok(Candidate {
        edit,
        wanted,
        splices,
        excuse: excuse.unwrap_or(RefusalReason::Unproved),
    })
}

fn refusal(document: &Document, reason: RefusalReason) -> Refusal {
    Refusal {
        document: document.index,
        reason,
    }
}

impl Candidate<'_> {
    fn refused(self) -> Refusal {
        refusal(self.edit.document, self.excuse)
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
    if candidates.is_empty() {
        return Vec::new();
    }
    let after = Stream::read(&encode(text, stream.encoding), options);
    let all = || (0..candidates.len()).collect();
    if after.documents.len() != stream.documents.len()
        || after.problems.len() != stream.problems.len()
        || after.text != text
    {
        return all();
    }
    let mut failed = Vec::new();
    for (before, after_document) in stream.documents.iter().zip(&after.documents) {
        let edited = candidates
            .iter()
            .position(|candidate| candidate.edit.document.index == before.index);
        let same = match edited {
            Some(at) => after_document.value == candidates[at].wanted,
            None => {
                stream.text[before.bytes.clone()] == after.text[after_document.bytes.clone()]
                    && before.value == after_document.value
            }
        };
        match edited {
            _ if same => {}
            Some(at) => failed.push(at),
            None => return all(),
        }
    }
    failed.sort_unstable();
    failed
}
