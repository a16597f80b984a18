//! Events to the places of nodes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::event::{Fault, Kind, Scalar, Sink, Style};
use super::values::{is_merge, key_text};

/// Index of a node in [`Tree::nodes`].
pub(super) type Id = usize;

/// The places of the nodes of one document.
#[derive(Debug, Default)]
pub(super) struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    stack: Vec<Open>,
    anchors: HashMap<usize, Id>,
    /// The text of each anchored scalar as a key.
    keys: HashMap<usize, String>,
}

/// A node as written.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) at: Range<usize>,
    pub(super) content: Content<'t>,
}

#[derive(Debug)]
pub(super) enum Content<'t> {
    Scalar(Style, Cow<'t, str>),
    Sequence(Vec<Id>),
    Mapping(Vec<Member>),
    /// Another node is meant.
    Alias(Id),
}

/// An entry of a mapping.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) key_at: Range<usize>,
    /// `None` for the merge key.
    pub(super) key: Option<String>,
    pub(super) value: Id,
}

#[derive(Debug)]
struct Open {
    id: Id,
    key: Option<(Range<usize>, Option<String>)>,
}

impl<'t> Tree<'t> {
    /// The first node, unless the document is empty.
    pub(super) fn root(&self) -> Option<Id> {
        (!self.nodes.is_empty()).then_some(0)
    }

    pub(super) fn node(&self, id: Id) -> &Node<'t> {
        &self.nodes[id]
    }

    /// The node itself, or the one that an alias means.
    pub(super) fn resolve(&self, id: Id) -> Id {
        match self.nodes[id].content {
            Content::Alias(target) => target,
            _ => id,
        }
    }

    /// Keys that their mapping has already, with their places.
    pub(super) fn repeated_keys(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.nodes.iter().flat_map(|node| {
            let members = match &node.content {
                Content::Mapping(members) => members.as_slice(),
                _ => &[],
            };
            let mut seen = HashSet::new();
            members.iter().filter_map(move |member| {
                let key = member.key.as_deref()?;
                (!seen.insert(key)).then(|| (member.key_at.clone(), key))
            })
        })
    }

    fn wants_key(&self) -> bool {
        self.stack.last().is_some_and(|open| {
            open.key.is_none() && matches!(self.nodes[open.id].content, Content::Mapping(_))
        })
    }

    fn set_key(&mut self, at: Range<usize>, key: Option<String>) {
        if let Some(open) = self.stack.last_mut() {
            open.key = Some((at, key));
        }
    }

    fn add(&mut self, at: Range<usize>, anchor: usize, content: Content<'t>) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node { at, content });
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        let Some(open) = self.stack.last_mut() else {
            return id;
        };
        match &mut self.nodes[open.id].content {
            Content::Sequence(items) => items.push(id),
            Content::Mapping(members) => {
                if let Some((key_at, key)) = open.key.take() {
                    members.push(Member {
                        key_at,
                        key,
                        value: id,
                    });
                }
            }
            Content::Scalar(..) | Content::Alias(_) => {}
        }
        id
    }
}

impl<'t> Sink<'t> for Tree<'t> {
    fn scalar(&mut self, mut scalar: Scalar<'t>) -> Result<(), Fault> {
        let at = scalar.at.clone();
        if !self.wants_key() {
            if scalar.anchor > 0 {
                // Errors are for the values to report; here a key is missing at worst.
                let key = key_text(&mut scalar.clone()).unwrap_or_default();
                self.keys.insert(scalar.anchor, key);
            }
            self.add(
                at,
                scalar.anchor,
                Content::Scalar(scalar.style, scalar.text),
            );
            return Ok(());
        }
        if is_merge(&scalar) {
            self.set_key(at, None);
            return Ok(());
        }
        let text = scalar.text.clone();
        let key = key_text(&mut scalar)?;
        if scalar.anchor > 0 {
            // A node apart, for aliases to this key.
            self.anchors.insert(scalar.anchor, self.nodes.len());
            self.keys.insert(scalar.anchor, key.clone());
            let content = Content::Scalar(scalar.style, text);
            self.nodes.push(Node {
                at: at.clone(),
                content,
            });
        }
        self.set_key(at, Some(key));
        Ok(())
    }

    fn open(&mut self, kind: Kind, anchor: usize, at: usize) -> Result<(), Fault> {
        let content = match kind {
            Kind::Mapping => Content::Mapping(Vec::new()),
            Kind::Sequence => Content::Sequence(Vec::new()),
        };
        let id = self.add(at..at, anchor, content);
        self.stack.push(Open { id, key: None });
        Ok(())
    }

    fn close(&mut self, at: usize) -> Result<(), Fault> {
        if let Some(open) = self.stack.pop() {
            self.nodes[open.id].at.end = at;
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Range<usize>) -> Result<(), Fault> {
        let Some(target) = self.anchors.get(&anchor).copied() else {
            return Err(Fault::syntax(at.start, "unknown anchor"));
        };
        if self.wants_key() {
            let key = self.keys.get(&anchor).cloned().unwrap_or_default();
            self.set_key(at, Some(key));
        } else {
            self.add(at, 0, Content::Alias(target));
        }
        Ok(())
    }
}
