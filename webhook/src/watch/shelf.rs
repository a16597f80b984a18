//! What is kept of the objects of one watch.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use kube::runtime::watcher::Event;
use meshcheck_rules::mesh::Learned;
use meshcheck_rules::{Mesh, Object, Source};
use serde_json::Value;

use super::Library;
use super::seen::{Kept, Kind, Seen, Watched};

/// What is kept of the objects of one watch.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    pub(super) kind: Kind,
    state: Mutex<State<T>>,
}

/// By namespace and name. Objects of which nothing is kept are not there.
type Objects<T> = BTreeMap<Box<str>, T>;

#[derive(Debug)]
struct State<T> {
    /// Whether all objects were seen once. They stay known when the watch breaks.
    is_synced: bool,
    objects: Objects<T>,
    /// Those of a list that is not read to its end.
    listed: Objects<T>,
}

impl<T: Kept> Shelf<T> {
    pub(super) fn new(kind: Kind) -> Arc<Self> {
        let state = Mutex::new(State {
            is_synced: false,
            objects: Objects::new(),
            listed: Objects::new(),
        });
        Arc::new(Self { kind, state })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        super::lock(&self.state)
    }

    /// Takes what a watch tells; whether that changes what is known.
    pub(super) fn take<K: Watched<Kept = T>>(&self, event: Event<Seen<K>>) -> bool {
        let mut state = self.state();
        match event {
            Event::Init => {
                state.listed = Objects::new();
                false
            }
            Event::InitApply(seen) => {
                put(&mut state.listed, seen);
                false
            }
            Event::InitDone => {
                let listed = mem::take(&mut state.listed);
                state.settle(listed)
            }
            Event::Apply(seen) => put(&mut state.objects, seen),
            Event::Delete(seen) => state.objects.remove(&seen.key()).is_some(),
        }
    }

    /// The kind is not there, so there are no objects of it; whether that is news.
    pub(super) fn is_absent(&self) -> bool {
        self.state().settle(Objects::new())
    }

    pub(super) fn is_synced(&self) -> bool {
        self.state().is_synced
    }

    pub(super) fn len(&self) -> usize {
        self.state().objects.len()
    }

    /// Namespace and name of every object that is known.
    pub(super) fn keys(&self) -> Vec<Box<str>> {
        self.state().objects.keys().cloned().collect()
    }

    /// The name of an object in a namespace of which this is kept.
    pub(super) fn name_of(&self, namespace: &str, kept: &T) -> Option<String> {
        let before = format!("{namespace}/");
        let from = (Bound::Included(before.as_str()), Bound::Unbounded);
        let state = self.state();
        let from = state.objects.range::<str, _>(from);
        let mut own = from.map_while(|(key, one)| Some((key.strip_prefix(&before)?, one)));
        own.find(|(_, one)| *one == kept)
            .map(|(name, _)| name.to_owned())
    }
}

/// The facts of an object.
pub(super) type Facts = Box<[Learned]>;

impl Kept for Facts {
    const STALE: &'static str = "what it says of the mesh stays as it is";

    fn of(object: &Value) -> Option<Self> {
        let objects = Object::all(object);
        let facts: Self = objects.iter().flat_map(Learned::all_in).collect();
        (!facts.is_empty()).then_some(facts)
    }

    fn has_changed(_: &Shelf<Self>, library: &Library) {
        library.changed.notify_one();
    }
}

impl Shelf<Facts> {
    /// Tells what is known of objects that are not `known` yet.
    pub(super) fn tell(&self, mesh: &mut Mesh, mut is_new: impl FnMut(&str) -> bool) {
        for (key, facts) in &self.state().objects {
            if !is_new(key) {
                continue;
            }
            let name = key.rsplit_once('/').map_or(&**key, |(_, name)| name);
            let title = format!("{}/{name}", self.kind.kind).into();
            let source = Source::Cluster { title };
            for fact in facts {
                mesh.take(fact.clone(), &source);
            }
        }
    }
}

impl<T: Kept> State<T> {
    fn settle(&mut self, objects: Objects<T>) -> bool {
        let is_news = !self.is_synced || self.objects != objects;
        self.is_synced = true;
        self.objects = objects;
        is_news
    }
}

fn put<K: Watched>(objects: &mut Objects<K::Kept>, seen: Seen<K>) -> bool {
    let key = seen.key();
    let Some(kept) = seen.kept else {
        return objects.remove(&key).is_some();
    };
    if objects.get(&key) == Some(&kept) {
        return false;
    }
    objects.insert(key, kept);
    true
}
