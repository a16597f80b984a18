//! What is kept of the objects of one watch.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use kube::runtime::watcher::Event;
use meshcheck_rules::mesh::Learned;
use meshcheck_rules::{Mesh, Source};

use super::seen::{Kind, Seen};

/// The facts of the objects of one watch.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) kind: Kind,
    state: Mutex<State>,
}

/// By namespace and name. Objects without facts are not kept.
type Objects = HashMap<Box<str>, Box<[Learned]>>;

#[derive(Debug, Default)]
struct State {
    /// Whether all objects were seen once. They stay known when the watch breaks.
    is_synced: bool,
    objects: Objects,
    /// Those of a list that is not read to its end.
    listed: Objects,
}

impl Shelf {
    pub(super) fn new(kind: Kind) -> Arc<Self> {
        let state = Mutex::default();
        Arc::new(Self { kind, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        super::lock(&self.state)
    }

    /// Takes what a watch tells; whether that changes what is known.
    pub(super) fn take<K>(&self, event: Event<Seen<K>>) -> bool {
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

impl State {
    fn settle(&mut self, objects: Objects) -> bool {
        let is_news = !self.is_synced || self.objects != objects;
        self.is_synced = true;
        self.objects = objects;
        is_news
    }
}

fn put<K>(objects: &mut Objects, seen: Seen<K>) -> bool {
    let key = seen.key();
    if seen.facts.is_empty() {
        return objects.remove(&key).is_some();
    }
    if objects.get(&key) == Some(&seen.facts) {
        return false;
    }
    objects.insert(key, seen.facts);
    true
}
