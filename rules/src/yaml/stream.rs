//! A file: all of its documents.

use super::event::Fault;
use super::lines::Lines;
use super::split::{Chunk, split};
use super::{Document, Encoding, Options, Problem, ProblemKind, Stream, decode, document};

pub(super) fn read(bytes: &[u8], options: &Options) -> Stream {
    if let Some(problem) = too_large(bytes.len(), options) {
        return whole(problem);
    }
    let (text, encoding) = match decode::decode(bytes) {
        Ok(decoded) => decoded,
        Err(problem) => return whole(problem),
    };
    let mut stream = Stream {
        text,
        encoding,
        documents: Vec::new(),
        problems: Vec::new(),
    };
    for (index, chunk) in split(&stream.text).into_iter().enumerate() {
        match document::value(&stream.text, &chunk, options) {
            Ok(value) => stream.documents.push(Document {
                index,
                value,
                bytes: chunk.body.clone(),
                chunk,
            }),
            Err(fault) => stream
                .problems
                .push(problem(&stream.text, index, &chunk, fault)),
        }
    }
    stream
}

pub(super) fn too_large(bytes: usize, options: &Options) -> Option<Problem> {
    (bytes > options.limits.bytes).then(|| Problem {
        document: None,
        at: None,
        kind: ProblemKind::Limit,
        message: format!("larger than {} bytes", options.limits.bytes),
    })
}

/// A file that cannot be read at all.
fn whole(problem: Problem) -> Stream {
    Stream {
        text: String::new(),
        encoding: Encoding::Utf8 { bom: false },
        documents: Vec::new(),
        problems: vec![problem],
    }
}

pub(super) fn problem(text: &str, index: usize, chunk: &Chunk, fault: Fault) -> Problem {
    let lines = Lines::new(text, chunk.whole.clone(), chunk.line);
    Problem {
        document: Some(index),
        at: Some(lines.position(fault.at.min(chunk.whole.end))),
        kind: fault.kind,
        message: fault.message,
    }
}
