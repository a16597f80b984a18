//! One document: its value, its places, or what is wrong with it.

use serde_json::Value;

use super::event::{Fault, Sink};
use super::lines::Lines;
use super::spans::Spans;
use super::split::Chunk;
use super::templates::{self, Remember};
use super::tree::Tree;
use super::values::Values;
use super::{Options, fast, granit, json, letters};

/// The value of the document in a chunk of the text.
pub(super) fn value(text: &str, chunk: &Chunk, options: &Options) -> Result<Value, Fault> {
    build(text, chunk, options, || Values::new(&options.limits)).map(Values::finish)
}

/// The places of its nodes.
pub(super) fn spans<'t>(
    text: &'t str,
    chunk: &Chunk,
    options: &Options,
) -> Result<Spans<'t>, Fault> {
    let tree = build(text, chunk, options, Tree::default)?;
    let lines = Lines::new(text, chunk.whole.clone(), chunk.line);
    Ok(Spans::new(text, chunk.body.clone(), lines, tree))
}

/// Feeds a new sink with the events of the document, from the first source that can read it.
fn build<'t, S: Sink<'t>>(
    text: &'t str,
    chunk: &Chunk,
    options: &Options,
    new: impl Fn() -> S,
) -> Result<S, Fault> {
    let json = || {
        let mut sink = new();
        json::read(text, chunk.body.clone(), &options.limits, &mut sink).map(|()| sink)
    };
    let fast = || {
        let mut sink = new();
        fast::read(text, chunk, &mut sink).map(|()| sink)
    };
    if options.plain {
        return full(text, chunk, options, new()).or_else(|fault| json().ok_or(fault));
    }
    json()
        .or_else(fast)
        .map_or_else(|| full(text, chunk, options, new()), Ok)
}

fn full<'t, S: Sink<'t>>(
    text: &'t str,
    chunk: &Chunk,
    options: &Options,
    mut sink: S,
) -> Result<S, Fault> {
    let mut remember = Remember {
        sink: &mut sink,
        scalars: Vec::new(),
    };
    let whole = chunk.whole.clone();
    let done = letters::check(text, whole.clone())
        .and_then(|()| granit::read(text, whole.clone(), &options.limits, &mut remember));
    match done {
        Ok(()) => Ok(sink),
        Err(fault) => Err(templates::explain(text, whole, &remember.scalars, fault)),
    }
}
