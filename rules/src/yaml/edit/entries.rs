//! The entries of a collection in the text, and the slots that they have become.

use std::collections::HashMap;
use std::ops::Index;

use crate::finding::Pointer;

use super::layout::Entry;
use super::plan::Slot;

/// A slot with the name it has in its mapping.
pub(super) type Named<'s> = (Option<&'s str>, &'s Slot);

/// The entries of a list or mapping, in the order of the text.
pub(super) struct Entries {
    all: Vec<Entry>,
    /// Indices of those that are nodes; a merge is none.
    places: HashMap<Pointer, usize>,
    /// Whether it is a list.
    pub(super) list: bool,
}

impl Entries {
    pub(super) fn new(all: Vec<Entry>, list: bool) -> Self {
        let origins = all.iter().enumerate();
        let places = origins
            .filter_map(|(at, entry)| Some((entry.origin.clone()?, at)))
            .collect();
        Self { all, places, list }
    }

    pub(super) fn all(&self) -> &[Entry] {
        &self.all
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Entry> {
        self.all.get(at)
    }

    /// Whether a member of the value is written here, not merged in.
    pub(super) fn has(&self, origin: &Pointer) -> bool {
        self.places.contains_key(origin)
    }

    /// Where the entry stands that a slot was.
    pub(super) fn position(&self, slot: &Slot) -> Option<usize> {
        self.places.get(slot.origin.as_ref()?).copied()
    }

    /// The slots of a collection: members as they stand, new ones last; items as they shall be.
    pub(super) fn in_order<'s>(&self, slot: &'s Slot) -> Vec<Named<'s>> {
        let mut now = slot.children();
        if !self.list {
            // What a merge brings in has no place of its own.
            now.retain(|(_, slot)| slot.origin.is_none() || self.position(slot).is_some());
            now.sort_by_key(|(_, slot)| self.position(slot).unwrap_or(usize::MAX));
        }
        now
    }

    /// Whether entries came, went or moved.
    pub(super) fn is_restructured(&self, now: &[Named<'_>]) -> bool {
        let strange = |(_, slot): &Named<'_>| slot.carried || slot.origin.is_none();
        now.iter().any(strange) || now.len() != self.places.len()
    }
}

impl Index<usize> for Entries {
    type Output = Entry;

    fn index(&self, at: usize) -> &Entry {
        &self.all[at]
    }
}
