//! What a document shall become, node by node, with each node's origin in the text.
//!
//! A patch applied to a bare value forgets where things came from. Here a slot that an operation did
//! not touch still knows its source, so that its text, comments included, can be kept or carried
//! along; a `replace` by a similar value comes down to the nodes that differ.

use crate::finding::Pointer;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::{Map, Value};

/// A place for a value.
#[derive(Debug)]
pub(super) struct Slot {
    /// The node of the source that this slot still is.
    pub(super) origin: Option<Pointer>,
    /// Whether it was taken out of its list and put back elsewhere.
    pub(super) carried: bool,
    pub(super) state: State,
}

/// What has become of a slot.
#[derive(Debug)]
pub(super) enum State {
    /// As in the source.
    Kept,
    /// Another value.
    Set(Value),
    /// A mapping of the source with changes somewhere below.
    Members(Vec<(String, Slot)>),
    /// A list of the source with changes somewhere below.
    Items {
        now: Vec<Slot>,
        /// Taken out; one that is added again with the same value was moved.
        gone: Vec<Slot>,
    },
}

/// The source and what shall become of it.
#[derive(Debug)]
pub(super) struct Plan<'v> {
    source: &'v Value,
    pub(super) root: Slot,
}

enum Act {
    Add(Value),
    Replace(Value),
    Remove,
}

impl<'v> Plan<'v> {
    /// A plan for a patch that is known to fit the value.
    pub(super) fn new(source: &'v Value, patch: &Patch) -> Self {
        let mut plan = Self {
            source,
            root: Slot::kept(Pointer::root()),
        };
        for operation in patch.iter() {
            plan.follow(operation);
        }
        plan
    }

    fn follow(&mut self, operation: &PatchOperation) {
        match operation {
            PatchOperation::Add(op) => self.act(op.path.as_str(), Act::Add(op.value.clone())),
            PatchOperation::Replace(op) => {
                self.act(op.path.as_str(), Act::Replace(op.value.clone()));
            }
            PatchOperation::Remove(op) => self.act(op.path.as_str(), Act::Remove),
            PatchOperation::Move(op) => {
                let value = self.value_at(op.from.as_str());
                self.act(op.from.as_str(), Act::Remove);
                self.act(op.path.as_str(), Act::Add(value));
            }
            PatchOperation::Copy(op) => {
                let value = self.value_at(op.from.as_str());
                self.act(op.path.as_str(), Act::Add(value));
            }
            PatchOperation::Test(_) => {}
        }
    }

    fn value_at(&self, path: &str) -> Value {
        let value = self.root.value(self.source);
        value.pointer(path).cloned().unwrap_or_default()
    }

    fn act(&mut self, path: &str, act: Act) {
        let tokens: Vec<String> = Pointer::parse(path).unwrap_or_default().tokens().collect();
        self.root.act(&tokens, act, self.source);
    }
}

impl Slot {
    fn kept(origin: Pointer) -> Self {
        Self {
            origin: Some(origin),
            carried: false,
            state: State::Kept,
        }
    }

    fn new(value: Value) -> Self {
        Self {
            origin: None,
            carried: false,
            state: State::Set(value),
        }
    }

    /// The value that this slot comes to.
    pub(super) fn value(&self, source: &Value) -> Value {
        match &self.state {
            State::Kept => self.before(source).cloned().unwrap_or_default(),
            State::Set(value) => value.clone(),
            State::Members(members) => members
                .iter()
                .map(|(key, slot)| (key.clone(), slot.value(source)))
                .collect::<Map<_, _>>()
                .into(),
            State::Items { now, .. } => now.iter().map(|slot| slot.value(source)).collect(),
        }
    }

    /// The slots in a collection with the names they have there.
    pub(super) fn children(&self) -> Vec<(Option<&str>, &Self)> {
        match &self.state {
            State::Kept | State::Set(_) => Vec::new(),
            State::Members(members) => members
                .iter()
                .map(|(key, slot)| (Some(key.as_str()), slot))
                .collect(),
            State::Items { now, .. } => now.iter().map(|slot| (None, slot)).collect(),
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        matches!(self.state, State::Kept)
    }

    /// The nodes of the source whose text changes.
    pub(super) fn changed(&self) -> Vec<&Pointer> {
        if self.is_kept() {
            return Vec::new();
        }
        let below = self
            .children()
            .into_iter()
            .flat_map(|(_, slot)| slot.changed());
        below.chain(&self.origin).collect()
    }

    /// The value that it was.
    fn before<'v>(&self, source: &'v Value) -> Option<&'v Value> {
        source.pointer(self.origin.as_ref()?.as_str())
    }

    fn act(&mut self, tokens: &[String], act: Act, source: &Value) {
        let Some((token, below)) = tokens.split_first() else {
            if let Act::Add(value) | Act::Replace(value) = act {
                self.set(value, source);
            }
            return;
        };
        self.open(source);
        match &mut self.state {
            State::Kept => {}
            State::Set(value) => patch_below(value, tokens, act),
            State::Members(members) => {
                let at = members.iter().position(|(key, _)| key == token);
                match (at, below, act) {
                    (Some(at), [], Act::Remove) => drop(members.remove(at)),
                    (Some(at), below, act) => members[at].1.act(below, act, source),
                    (None, [], Act::Add(value)) => {
                        let slot = Self::revived(self.origin.as_ref(), token, value, source);
                        members.push((token.clone(), slot));
                    }
                    (None, ..) => {}
                }
            }
            State::Items { now, gone } => {
                let at = token.parse().unwrap_or(now.len());
                match (below, act) {
                    ([], Act::Remove) if at < now.len() => gone.push(now.remove(at)),
                    ([], Act::Add(value)) if at <= now.len() => {
                        now.insert(at, Self::carried(gone, value, source));
                    }
                    (below, act) if at < now.len() => now[at].act(below, act, source),
                    _ => {}
                }
            }
        }
    }

    /// A member that comes (back) into a mapping: one that the source had keeps its place there.
    fn revived(parent: Option<&Pointer>, key: &str, value: Value, source: &Value) -> Self {
        let origin = parent.map(|parent| parent.join(key));
        match origin.filter(|origin| source.pointer(origin.as_str()).is_some()) {
            None => Self::new(value),
            Some(origin) => {
                let mut slot = Self::kept(origin);
                slot.set(value, source);
                slot
            }
        }
    }

    /// An item that comes into a list: one that was just taken out, if there is an equal one.
    fn carried(gone: &mut Vec<Self>, value: Value, source: &Value) -> Self {
        let same = gone.iter().rposition(|slot| slot.value(source) == value);
        match same {
            None => Self::new(value),
            Some(at) => {
                let mut slot = gone.remove(at);
                slot.carried = slot.origin.is_some();
                slot
            }
        }
    }

    /// Makes the children of an untouched collection visible.
    fn open(&mut self, source: &Value) {
        if !matches!(self.state, State::Kept) {
            return;
        }
        let Some(origin) = &self.origin else { return };
        self.state = match source.pointer(origin.as_str()) {
            Some(Value::Object(members)) => {
                let slots = members.keys().map(|key| (key.clone(), origin.join(key)));
                State::Members(slots.map(|(key, at)| (key, Self::kept(at))).collect())
            }
            Some(Value::Array(items)) => {
                let slots = (0..items.len()).map(|index| origin.join(&index.to_string()));
                State::Items {
                    now: slots.map(Self::kept).collect(),
                    gone: Vec::new(),
                }
            }
            _ => return,
        };
    }

    /// Gives the slot a value, changing as little as possible below it.
    fn set(&mut self, value: Value, source: &Value) {
        if self.value(source) == value {
            return;
        }
        if self.before(source) == Some(&value) {
            self.state = State::Kept;
            return;
        }
        self.open(source);
        match (&mut self.state, value) {
            (State::Members(members), Value::Object(value)) if !value.is_empty() => {
                members.retain(|(key, _)| value.contains_key(key));
                for (key, value) in value {
                    if let Some((_, slot)) = members.iter_mut().find(|(have, _)| *have == key) {
                        slot.set(value, source);
                    } else {
                        let slot = Self::revived(self.origin.as_ref(), &key, value, source);
                        members.push((key, slot));
                    }
                }
            }
            (State::Items { now, gone }, Value::Array(value)) if !value.is_empty() => {
                align(now, gone, value, source);
            }
            (state, value) => *state = State::Set(value),
        }
    }
}

/// Turns a list into another: what is equal at both ends stays, the middle is paired item by item.
fn align(now: &mut Vec<Slot>, gone: &mut Vec<Slot>, value: Vec<Value>, source: &Value) {
    let same = |(slot, value): &(&Slot, &Value)| slot.value(source) == **value;
    let head = now.iter().zip(&value).take_while(same).count();
    let rest = now[head..].iter().rev().zip(value[head..].iter().rev());
    let tail = rest.take_while(same).count();
    let (old_end, new_end) = (now.len() - tail, value.len() - tail);
    if old_end > new_end {
        gone.extend(now.drain(new_end..old_end));
    }
    for (index, value) in value.into_iter().enumerate().take(new_end).skip(head) {
        if index < old_end {
            now[index].set(value, source);
        } else {
            now.insert(index, Slot::carried(gone, value, source));
        }
    }
}

/// Applies the rest of an operation to a value that is not in the source.
fn patch_below(value: &mut Value, tokens: &[String], act: Act) {
    let mut pointer = Pointer::root();
    for token in tokens {
        pointer.push(token);
    }
    let Ok(path) = json_patch::jsonptr::PointerBuf::parse(pointer.as_str().to_owned()) else {
        return;
    };
    let operation = match act {
        Act::Add(value) => PatchOperation::Add(AddOperation { path, value }),
        Act::Replace(value) => PatchOperation::Replace(ReplaceOperation { path, value }),
        Act::Remove => PatchOperation::Remove(RemoveOperation { path }),
    };
    // The whole patch is known to fit; if this part does not, the proof will tell.
    drop(json_patch::patch(value, &[operation]));
}
