//! A file: all of its documents.

use super::event::Fault;
use super::lines::Lines;
use super::split::{Chunk, split};
use super::{Document, Encoding, Options, Problem, ProblemKind, Stream, decode, document, json};

pub(super) fn read(bytes: &[u8], options: &Options) -> Stream {
    let mut documents = Vec::new();
    let stream = each(bytes, options, |_, document| documents.push(document));
    Stream {
        documents,
        ..stream
    }
}

pub(super) fn each(bytes: &[u8], options: &Options, take: impl FnMut(&str, Document)) -> Stream {
    if let Some(problem) = too_large(bytes.len(), options) {
        return whole(problem);
    }
    let (text, encoding) = match decode::decode(bytes) {
        Ok(decoded) => decoded,
        Err(problem) => return whole(problem),
    };
    let mut reading = Reading {
        text: &text,
        options,
        next_index: 0,
        problems: Vec::new(),
        take,
    };
    for chunk in split(&text) {
        reading.chunk(&chunk);
    }
    let problems = reading.problems;
    Stream {
        text,
        encoding,
        documents: Vec::new(),
        problems,
    }
}

/// A file while it is read.
struct Reading<'t, T> {
    text: &'t str,
    options: &'t Options,
    /// Documents and problems together have every index once.
    next_index: usize,
    problems: Vec<Problem>,
    take: T,
}

impl<T: FnMut(&str, Document)> Reading<'_, T> {
    fn chunk(&mut self, chunk: &Chunk) {
        let Err(fault) = self.document(chunk) else {
            return;
        };
        let cuts = json::cuts(self.text, chunk.body.clone(), &self.options.limits);
        if cuts.is_empty() {
            self.problem(chunk, fault);
            return;
        }
        for part in chunk.parts(self.text, &cuts) {
            if let Err(fault) = self.document(&part) {
                self.problem(&part, fault);
            }
        }
    }

    fn document(&mut self, chunk: &Chunk) -> Result<(), Fault> {
        let value = document::value(self.text, chunk, self.options)?;
        let document = Document {
            index: self.next_index,
            value,
            bytes: chunk.body.clone(),
            chunk: chunk.clone(),
        };
        self.next_index += 1;
        (self.take)(self.text, document);
        Ok(())
    }

    fn problem(&mut self, chunk: &Chunk, fault: Fault) {
        let problem = problem(self.text, self.next_index, chunk, fault);
        self.next_index += 1;
        self.problems.push(problem);
    }
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
