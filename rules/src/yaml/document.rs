//! One document: its value, its places, or what is wrong with it.

use serde_json::Value;

use super::event::{Fault, Sink};
use super::lines::Lines;
use super::spans::Spans;
use super::split::Chunk;
use super::templates::{self, Remember};
use super::tree::Tree;
use super::values::Values;
use super::{Options, granit, letters};

/// The value of the document in a chunk of the text.
pub(super) fn value(text: &str, chunk: &Chunk, options: &Options) -> Result<Value, Fault> {
    let mut values = Values::new(&options.limits);
    let mut sink = Remember {
        sink: &mut values,
        scalars: Vec::new(),
    };
    match read(text, chunk, options, &mut sink) {
        Ok(()) => Ok(values.finish()),
        Err(fault) => {
            let scalars = sink.scalars;
            Err(templates::explain(
                text,
                chunk.whole.clone(),
                &scalars,
                fault,
            ))
        }
    }
}

/// The places of its nodes.
pub(super) fn spans<'t>(
    text: &'t str,
    chunk: &Chunk,
    options: &Options,
) -> Result<Spans<'t>, Fault> {
    let mut tree = Tree::default();
    read(text, chunk, options, &mut tree)?;
    let lines = Lines::new(text, chunk.whole.clone(), chunk.line);
    Ok(Spans::new(text, chunk.body.clone(), lines, tree))
}

fn read<'t>(
    text: &'t str,
    chunk: &Chunk,
    options: &Options,
    sink: &mut impl Sink<'t>,
) -> Result<(), Fault> {
    letters::check(text, chunk.whole.clone())?;
    granit::read(text, chunk.whole.clone(), &options.limits, sink)
}
