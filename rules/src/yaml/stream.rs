//! A file: all of its documents.

use super::event::Fault;
use super::lines::Lines;
use super::split::{Chunk, split};
use super::{Document, Encoding, Options, Problem, ProblemKind, Stream, decode, document, json};

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
    for chunk in split(&stream.text) {
        stream.add(&chunk, options);
    }
    stream
}

impl Stream {
    fn add(&mut self, chunk: &Chunk, options: &Options) {
        let Err(fault) = self.try_add(chunk, options) else {
            return;
        };
        let cuts = json::cuts(&self.text, chunk.body.clone(), &options.limits);
        if cuts.is_empty() {
            self.add_problem(chunk, fault);
            return;
        }
        for part in chunk.parts(&self.text, &cuts) {
            if let Err(fault) = self.try_add(&part, options) {
                self.add_problem(&part, fault);
            }
        }
    }

    /// Documents and problems together have every index once.
    fn next_index(&self) -> usize {
        self.documents.len() + self.problems.len()
    }

    fn try_add(&mut self, chunk: &Chunk, options: &Options) -> Result<(), Fault> {
        let value = document::value(&self.text, chunk, options)?;
        self.documents.push(Document {
            index: self.next_index(),
            value,
            bytes: chunk.body.clone(),
            chunk: chunk.clone(),
        });
        Ok(())
    }

    fn add_problem(&mut self, chunk: &Chunk, fault: Fault) {
        let problem = problem(&self.text, self.next_index(), chunk, fault);
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
