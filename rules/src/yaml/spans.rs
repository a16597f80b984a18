//! Locations to places in the text.

use std::ops::Range;

use super::embedded;
use super::event::Style;
use super::lines::Lines;
use super::split::Chunk;
use super::tree::{Content, Id, Member, Tree};
use super::{Located, Span};
use crate::finding::{Location, Part, Pointer};

/// The places of a document's nodes.
#[derive(Debug)]
pub struct Spans<'t> {
    text: &'t str,
    body: Range<usize>,
    lines: Lines<'t>,
    tree: Tree<'t>,
}

/// What a pointer led to, so far.
struct Walk<'s> {
    /// The node as written, wherever that is; it may be an alias.
    id: Id,
    /// Its entry, where it stands in a mapping.
    member: Option<&'s Member>,
    /// What stands in its place, if an alias or a merge above it brought it here.
    through: Option<Through<'s>>,
}

enum Through<'s> {
    Alias(Id),
    Merge(&'s Member),
}

impl<'t> Spans<'t> {
    pub(super) fn new(text: &'t str, body: Range<usize>, lines: Lines<'t>, tree: Tree<'t>) -> Self {
        Self {
            text,
            body,
            lines,
            tree,
        }
    }

    /// Of a document that could not be read again: only its beginning is known.
    pub(super) fn unknown(text: &'t str, chunk: &Chunk) -> Self {
        let lines = Lines::new(text, chunk.whole.clone(), chunk.line);
        Self::new(text, chunk.body.clone(), lines, Tree::default())
    }

    /// The place of a location. A pointer that leads nowhere gives the key of the nearest node above
    /// it, so that no finding is without a place. An inner pointer gives the exact place inside a
    /// literal block (`|`), the whole scalar otherwise.
    pub fn locate(&self, at: &Location) -> Located {
        let (here, there) = self.places(at);
        Located {
            span: self.lines.span(here),
            defined_at: there.map(|range| self.lines.span(range)),
        }
    }

    /// Every key that its mapping has already: kubectl and Istio take the last one, and no reader of
    /// a file sees which.
    pub fn repeated_keys(&self) -> Vec<(Span, String)> {
        let keys = self.tree.repeated_keys();
        keys.map(|(at, key)| (self.lines.span(at), key.to_owned()))
            .collect()
    }

    /// Where the content of a location is written, in bytes.
    pub(super) fn written(&self, at: &Location) -> Range<usize> {
        let (here, there) = self.places(at);
        there.unwrap_or(here)
    }

    fn places(&self, at: &Location) -> (Range<usize>, Option<Range<usize>>) {
        let Some(root) = self.tree.root() else {
            return (self.body.start..self.body.start, None);
        };
        let mut walk = Walk {
            id: root,
            member: None,
            through: None,
        };
        let complete = at
            .pointer
            .tokens()
            .all(|token| self.descend(&mut walk, &token));
        let part = if complete { at.part } else { Part::Key };
        let inner = at.inner.as_ref().filter(|_| complete);
        let inside = inner.and_then(|inner| self.inside(walk.id, inner, at.part));
        let target = self.tree.resolve(walk.id);
        let is_alias = target != walk.id && (part != Part::Key || inside.is_some());
        let written = match inside {
            Some(range) => range,
            None if is_alias => self.tree.node(target).at.clone(),
            None => self.range(walk.id, walk.member, part),
        };
        match walk.through {
            Some(Through::Alias(alias)) => (self.tree.node(alias).at.clone(), Some(written)),
            Some(Through::Merge(member)) => (self.entry(member, part), Some(written)),
            None if is_alias => (self.range(walk.id, walk.member, part), Some(written)),
            None => (written, None),
        }
    }

    /// Follows one token; false if it leads nowhere.
    fn descend<'s>(&'s self, walk: &mut Walk<'s>, token: &str) -> bool {
        let container = self.tree.resolve(walk.id);
        let (child, member, merge) = match &self.tree.node(container).content {
            Content::Sequence(items) => {
                let item = token.parse().ok().and_then(|index: usize| items.get(index));
                let Some(item) = item else { return false };
                (*item, None, None)
            }
            Content::Mapping(members) => {
                let Some((member, merge)) = self.find(members, token) else {
                    return false;
                };
                (member.value, Some(member), merge)
            }
            Content::Scalar(..) | Content::Alias(_) => return false,
        };
        if walk.through.is_none() {
            let alias = (container != walk.id).then_some(Through::Alias(walk.id));
            walk.through = alias.or(merge.map(Through::Merge));
        }
        (walk.id, walk.member) = (child, member);
        true
    }

    /// The entry that gives a mapping this key, and the merge entry through which it comes: the last
    /// one that has it, as the values are built.
    fn find<'s>(
        &'s self,
        members: &'s [Member],
        key: &str,
    ) -> Option<(&'s Member, Option<&'s Member>)> {
        members.iter().rev().find_map(|member| match &member.key {
            Some(own) => (own == key).then_some((member, None)),
            None => Some((self.find_merged(member.value, key)?, Some(member))),
        })
    }

    fn find_merged(&self, id: Id, key: &str) -> Option<&Member> {
        match &self.tree.node(self.tree.resolve(id)).content {
            Content::Mapping(members) => self.find(members, key).map(|(member, _)| member),
            Content::Sequence(items) => items.iter().find_map(|item| self.find_merged(*item, key)),
            Content::Scalar(..) | Content::Alias(_) => None,
        }
    }

    fn range(&self, id: Id, member: Option<&Member>, part: Part) -> Range<usize> {
        let node = self.tree.node(id);
        match (member, &node.content) {
            (Some(member), _) => self.entry(member, part),
            // The root has no key: its first one is a better mark than the whole document.
            (None, Content::Mapping(members))
                if part == Part::Key && Some(id) == self.tree.root() =>
            {
                members
                    .first()
                    .map_or(node.at.clone(), |member| member.key_at.clone())
            }
            (None, _) => node.at.clone(),
        }
    }

    fn entry(&self, member: &Member, part: Part) -> Range<usize> {
        let value = &self.tree.node(member.value).at;
        match part {
            Part::Key => member.key_at.clone(),
            Part::Value => value.clone(),
            Part::Whole => member.key_at.start..value.end,
        }
    }

    fn inside(&self, id: Id, inner: &Pointer, part: Part) -> Option<Range<usize>> {
        let node = self.tree.node(self.tree.resolve(id));
        match &node.content {
            Content::Scalar(Style::Literal, content) => {
                embedded::locate(self.text, node.at.start, content, inner, part)
            }
            _ => None,
        }
    }
}
