//! Events to values.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Value};

use super::Limits;
use super::event::{Fault, Kind, Scalar, Sink, Style};
use super::expansion::{Expansion, Size};
use super::granit::too_deep;
use super::resolve::{self, Resolved};
use super::tags::Tag;

/// Builds the value of one document, as kubectl would send it.
#[derive(Debug)]
pub(super) struct Values<'l> {
    limits: &'l Limits,
    stack: Vec<Frame>,
    root: Value,
    anchors: HashMap<usize, Anchored>,
    expansion: Expansion<'l>,
}

#[derive(Debug)]
struct Frame {
    anchor: usize,
    size: Size,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Key),
}

/// What the next node of a mapping is.
#[derive(Debug)]
enum Key {
    /// A key.
    Wanted,
    /// The value of this key.
    Of(String),
    /// The value of a `<<`.
    Merge,
}

/// A node that aliases can repeat.
#[derive(Debug)]
struct Anchored {
    value: Value,
    /// For a scalar: what it is as a key, or why it cannot be one.
    key: Option<Result<String, String>>,
    size: Size,
}

impl<'l> Values<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            stack: Vec::new(),
            root: Value::Null,
            anchors: HashMap::new(),
            expansion: Expansion::new(limits),
        }
    }

    pub(super) fn finish(self) -> Value {
        self.root
    }

    fn wants_key(&self) -> bool {
        let content = self.stack.last().map(|frame| &frame.content);
        matches!(content, Some(Content::Mapping(_, Key::Wanted)))
    }

    fn set_key(&mut self, next: Key, of_key: &Size) {
        if let Some(Frame {
            content: Content::Mapping(_, key),
            size,
            ..
        }) = self.stack.last_mut()
        {
            *key = next;
            size.add(of_key);
        }
    }

    fn keep(
        &mut self,
        anchor: usize,
        anchored: impl FnOnce() -> Anchored,
        at: usize,
    ) -> Result<(), Fault> {
        if anchor == 0 {
            return Ok(());
        }
        let anchored = anchored();
        self.expansion.copy(&anchored.size, at)?;
        self.anchors.insert(anchor, anchored);
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, value: Value, size: Size, origin: Origin, at: usize) -> Result<(), Fault> {
        let Some(frame) = self.stack.last_mut() else {
            self.root = value;
            return Ok(());
        };
        frame.size.add(&size);
        match &mut frame.content {
            Content::Sequence(items) => items.push(value),
            Content::Mapping(map, key) => match std::mem::replace(key, Key::Wanted) {
                Key::Of(key) => {
                    map.insert(key, value);
                }
                Key::Merge => merge(map, value, origin, at)?,
                Key::Wanted => return Err(complex_key(at)),
            },
        }
        Ok(())
    }
}

/// Whether a value was written in place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Written,
    Alias,
}

/// go-yaml v2 merges where the `<<` stands: it overrides what is written in front of it, and is
/// overridden by what follows. Of a list, the first mapping wins.
fn merge(
    map: &mut Map<String, Value>,
    value: Value,
    origin: Origin,
    at: usize,
) -> Result<(), Fault> {
    let fault = || Fault::syntax(at, "`<<` needs a mapping or a list of mappings");
    match value {
        Value::Object(members) => map.extend(members),
        Value::Array(items) if origin == Origin::Written => {
            for item in items.into_iter().rev() {
                match item {
                    Value::Object(members) => map.extend(members),
                    _ => return Err(fault()),
                }
            }
        }
        _ => return Err(fault()),
    }
    Ok(())
}

fn complex_key(at: usize) -> Fault {
    Fault::syntax(at, "a mapping or a list cannot be a key")
}

fn resolve<'t>(scalar: &mut Scalar<'t>) -> Result<Resolved<'t>, Fault> {
    let text = std::mem::take(&mut scalar.text);
    match scalar.tag {
        Some(tag) => {
            resolve::tagged(tag, text).map_err(|message| Fault::syntax(scalar.at.start, message))
        }
        None if scalar.style == Style::Plain => Ok(resolve::plain(text)),
        None => Ok(Resolved::Text(text)),
    }
}

/// Whether a key is the merge key.
pub(super) fn is_merge(scalar: &Scalar<'_>) -> bool {
    let plain = scalar.tag.is_none() && scalar.style == Style::Plain;
    scalar.text == "<<" && (plain || scalar.tag == Some(Tag::Merge))
}

/// The member name that a scalar is.
pub(super) fn key_text(scalar: &mut Scalar<'_>) -> Result<String, Fault> {
    let at = scalar.at.start;
    resolve(scalar)?
        .into_key()
        .map_err(|message| Fault::syntax(at, message))
}

impl<'t> Sink<'t> for Values<'_> {
    fn scalar(&mut self, mut scalar: Scalar<'t>) -> Result<(), Fault> {
        let at = scalar.at.start;
        self.expansion.node(at)?;
        let as_key = self.wants_key();
        if as_key && is_merge(&scalar) {
            self.set_key(Key::Merge, &Size::scalar(&scalar.text));
            return Ok(());
        }
        let size = Size::scalar(&scalar.text);
        let resolved = resolve(&mut scalar)?;
        let fault = |message| Fault::syntax(at, message);
        if scalar.anchor > 0 {
            let anchored = Anchored {
                value: resolved.clone().into_value().map_err(fault)?,
                key: Some(resolved.clone().into_key()),
                size,
            };
            self.keep(scalar.anchor, || anchored, at)?;
        }
        if as_key {
            self.set_key(Key::Of(resolved.into_key().map_err(fault)?), &size);
            return Ok(());
        }
        self.put(
            resolved.into_value().map_err(fault)?,
            size,
            Origin::Written,
            at,
        )
    }

    fn open(&mut self, kind: Kind, anchor: usize, at: usize) -> Result<(), Fault> {
        self.expansion.node(at)?;
        if self.wants_key() {
            return Err(complex_key(at));
        }
        if self.stack.len() >= self.limits.depth {
            return Err(too_deep(at, self.limits));
        }
        let content = match kind {
            Kind::Sequence => Content::Sequence(Vec::new()),
            Kind::Mapping => Content::Mapping(Map::new(), Key::Wanted),
        };
        self.stack.push(Frame {
            anchor,
            size: Size::collection(),
            content,
        });
        Ok(())
    }

    fn close(&mut self, at: usize) -> Result<(), Fault> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        let value = match frame.content {
            Content::Sequence(items) => Value::Array(items),
            Content::Mapping(map, _) => Value::Object(map),
        };
        let size = frame.size;
        let anchored = || Anchored {
            value: value.clone(),
            key: None,
            size,
        };
        self.keep(frame.anchor, anchored, at)?;
        self.put(value, size, Origin::Written, at)
    }

    fn alias(&mut self, anchor: usize, at: Range<usize>) -> Result<(), Fault> {
        let wants_key = self.wants_key();
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(Fault::syntax(at.start, "an anchor's value contains itself"));
        };
        self.expansion.alias(&anchored.size, at.start)?;
        if wants_key {
            let key = match &anchored.key {
                Some(key) => key.clone().map_err(|m| Fault::syntax(at.start, m))?,
                None => return Err(complex_key(at.start)),
            };
            let size = anchored.size.repeated();
            self.set_key(Key::Of(key), &size);
            return Ok(());
        }
        if self.stack.len() + anchored.size.height > self.limits.depth {
            return Err(too_deep(at.start, self.limits));
        }
        let (value, size) = (anchored.value.clone(), anchored.size.repeated());
        self.put(value, size, Origin::Alias, at.start)
    }
}
