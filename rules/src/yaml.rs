//! Text to documents: values as kubectl reads them, and the places of their nodes.
//!
//! One reader gives both. Positions are computed only where one is asked for
//! ([`Document::spans`]), since most documents have no finding.

use std::ops::Range;

use serde_json::Value;

mod cursor;
mod decode;
mod document;
pub mod edit;
mod embedded;
mod event;
mod expansion;
mod fast;
mod granit;
mod json;
mod letters;
mod lines;
mod resolve;
mod spans;
mod split;
mod stream;
mod tags;
mod templates;
mod tree;
mod values;

pub use embedded::value_of;
pub use spans::Spans;

/// Bounds of what is read. Reaching one is a problem with its place, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one file.
    pub bytes: usize,
    /// Depth of nesting.
    pub depth: usize,
    /// Nodes of one document after aliases were expanded.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            depth: 128,
            nodes: 2_000_000,
        }
    }
}

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Bounds.
    pub limits: Limits,
    /// Leave out every shortcut: slower, same answer. Tests compare the two.
    pub plain: bool,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A stretch of a text; `end` is behind the last character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First character.
    pub start: Position,
    /// Behind the last character.
    pub end: Position,
    /// The same in bytes of [`Stream::text`].
    pub bytes: Range<usize>,
}

/// Why a document could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// Broken YAML or JSON.
    Syntax,
    /// A template (`{{`, ytt): to be rendered first.
    Template,
    /// Bytes that are no text.
    Encoding,
    /// Too deep, too large, too many aliases.
    Limit,
}

/// A document or file that could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Index of the document, `None` where the whole file is meant.
    pub document: Option<usize>,
    /// Where.
    pub at: Option<Position>,
    /// Why.
    pub kind: ProblemKind,
    /// Lower case, no full stop.
    pub message: String,
}

/// A text and its documents.
#[derive(Debug)]
pub struct Stream {
    /// The decoded text, without a byte order mark.
    pub text: String,
    /// How the bytes were encoded: a fixed file is written the same way.
    pub encoding: Encoding,
    /// The documents that could be read, null documents included.
    pub documents: Vec<Document>,
    /// The ones that could not.
    pub problems: Vec<Problem>,
}

/// How a file was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8 {
        /// With a byte order mark.
        bom: bool,
    },
    /// UTF-16, little endian, with its byte order mark.
    Utf16Le,
    /// UTF-16, big endian, with its byte order mark.
    Utf16Be,
}

/// One document.
#[derive(Clone, Debug)]
pub struct Document {
    /// Index among all documents of the file, from 0; null documents and broken ones count.
    pub index: usize,
    /// The value, as kubectl would send it.
    pub value: Value,
    /// Where the document stands in [`Stream::text`], without its `---` line.
    pub bytes: Range<usize>,
    /// The same with all that belongs to it, for [`Document::spans`].
    chunk: split::Chunk,
}

impl Stream {
    /// Reads a file. Never fails as a whole unless its bytes are no text or too many: what cannot be
    /// read is a [`Problem`], the other documents are there.
    pub fn read(bytes: &[u8], options: &Options) -> Self {
        stream::read(bytes, options)
    }

    /// Reads a file one document after the other, and keeps none: a large file costs its text and
    /// one document. The text is handed over with each of them; [`Stream::documents`] stays empty.
    pub fn each(bytes: &[u8], options: &Options, take: impl FnMut(&str, Document)) -> Self {
        stream::each(bytes, options, take)
    }
}

impl Document {
    /// Whether there is nothing in it.
    pub fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// Works out where the nodes of this document stand; `text` is [`Stream::text`].
    pub fn spans<'t>(&self, text: &'t str, options: &Options) -> Spans<'t> {
        document::spans(text, &self.chunk, options)
            .unwrap_or_else(|_| Spans::unknown(text, &self.chunk))
    }
}

/// Where a location stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The place: for a value that came through an alias, the alias; through a merge, the `<<`.
    pub span: Span,
    /// Where the value is written, if that is elsewhere (the anchor).
    pub defined_at: Option<Span>,
}
