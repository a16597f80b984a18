//! What a source of events (a parser) tells a sink (a builder).

use std::borrow::Cow;
use std::ops::Range;

use super::ProblemKind;
use super::tags::Tag;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Literal,
    Folded,
}

/// A scalar with its place: from the opening quote, or the `|` of a block scalar, to the last
/// character of content. An absent value is an empty plain scalar behind its `:` or `-`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) style: Style,
    pub(super) tag: Option<Tag>,
    /// The anchor's id, 0 for none.
    pub(super) anchor: usize,
    pub(super) at: Range<usize>,
}

/// A mapping or a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mapping,
    Sequence,
}

/// Why a document cannot be taken, found by a source or a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: ProblemKind,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn syntax(at: usize, message: impl Into<String>) -> Self {
        Self::new(at, ProblemKind::Syntax, message)
    }

    pub(super) fn limit(at: usize, message: impl Into<String>) -> Self {
        Self::new(at, ProblemKind::Limit, message)
    }

    fn new(at: usize, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            at,
            kind,
            message: message.into(),
        }
    }
}

/// Takes the nodes of one document in order. Offsets are into the whole text.
///
/// In a mapping, keys and values alternate.
pub(super) trait Sink<'t> {
    fn scalar(&mut self, scalar: Scalar<'t>) -> Result<(), Fault>;

    /// A mapping or sequence begins at its first token; the dash, for a block sequence.
    fn open(&mut self, kind: Kind, anchor: usize, at: usize) -> Result<(), Fault>;

    /// It ends behind its last token.
    fn close(&mut self, at: usize) -> Result<(), Fault>;

    /// A use of the node with this anchor.
    fn alias(&mut self, anchor: usize, at: Range<usize>) -> Result<(), Fault>;
}
