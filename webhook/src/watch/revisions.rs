//! The revisions of workloads that the cluster keeps: what a workload may go back to in an outage.
//!
//! A rollback is an update like any other: neither `kubectl rollout undo` nor Helm says that it is one.
//! But what it goes back to is known to the cluster, as a `ReplicaSet` of the same Deployment, or as a
//! `ControllerRevision` of the same `DaemonSet` or `StatefulSet`. There are some for every workload, so of each
//! only a fingerprint is kept.

use std::hash::{BuildHasher as _, Hash as _, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use super::Library;
use super::kinds::{ControllerRevision, ReplicaSet};
use super::seen::{Kept, Watched as _};
use super::shelf::Shelf;

/// The revisions that are known.
#[derive(Debug)]
pub struct Revisions {
    /// Of Deployments.
    pub(super) sets: Arc<Shelf<Print>>,
    /// Of the rest.
    pub(super) records: Arc<Shelf<Print>>,
}

impl Default for Revisions {
    fn default() -> Self {
        Self {
            sets: Shelf::new(ReplicaSet::KIND),
            records: Shelf::new(ControllerRevision::KIND),
        }
    }
}

impl Revisions {
    /// The revision, such as `ReplicaSet/web-5d4f`, that a workload goes back to in an update: one of its
    /// own that has the same pod template.
    pub fn of(&self, object: &Value, before: &Value) -> Option<String> {
        let metadata = &before["metadata"];
        // The new object need not say its uid.
        let owner = metadata["uid"].as_str()?;
        let print = Print::new(owner, &object["spec"]["template"]);
        // A restart goes nowhere.
        if print == Print::new(owner, &before["spec"]["template"]) {
            return None;
        }
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        [&self.sets, &self.records].into_iter().find_map(|shelf| {
            let name = shelf.name_of(namespace, &print)?;
            Some(format!("{}/{name}", shelf.kind.kind))
        })
    }
}

/// A workload and a pod template, as one number.
///
/// Two of a namespace may have the same by chance, once in 2^64. Then an update passes with a warning that
/// would have been refused, and nothing else. The key is drawn anew at every start, so that nobody can make
/// such a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print(u64);

static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// What controllers and `kubectl` put into a template, or into its copy: a label of Pods, when they were
/// restarted, and that a patch replaces the whole.
const NOT_OF_THE_TEMPLATE: [&str; 3] = [
    "pod-template-hash",
    "kubectl.kubernetes.io/restartedAt",
    "$patch",
];

impl Print {
    fn new(owner: &str, template: &Value) -> Self {
        let mut hasher = KEY.build_hasher();
        owner.hash(&mut hasher);
        write(template, &mut hasher);
        Self(hasher.finish())
    }
}

/// Copies differ in what says nothing: a `creationTimestamp` that is null, and `resources` that are empty.
fn write(value: &Value, to: &mut impl Hasher) {
    match value {
        Value::Object(members) => {
            to.write_u8(b'{');
            for (key, value) in members.iter().filter(|(key, value)| counts(key, value)) {
                key.hash(to);
                write(value, to);
            }
            to.write_u8(b'}');
        }
        Value::Array(items) => {
            to.write_u8(b'[');
            for item in items {
                write(item, to);
            }
            to.write_u8(b']');
        }
        single => single.hash(to),
    }
}

fn counts(key: &str, value: &Value) -> bool {
    !NOT_OF_THE_TEMPLATE.contains(&key) && says_something(value)
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.iter().any(|(key, value)| counts(key, value)),
        _ => true,
    }
}

impl Kept for Print {
    const STALE: &'static str = "a rollback to what came since is not known as one";

    fn of(revision: &Value) -> Option<Self> {
        let owners = revision["metadata"]["ownerReferences"].as_array()?;
        let owner = owners.iter().find(|owner| owner["controller"] == true)?;
        // Others than workloads keep revisions as well, of something else.
        let place = ["/spec/template", "/data/spec/template"];
        let template = place.iter().find_map(|place| revision.pointer(place))?;
        Some(Self::new(owner["uid"].as_str()?, template))
    }

    fn has_changed(shelf: &Shelf<Self>, library: &Library) {
        let (resource, is_synced) = (shelf.kind.plural, shelf.is_synced());
        library.metrics.knows(resource, is_synced, shelf.len());
    }
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use serde_json::json;

    use super::*;
    use crate::watch::seen::{Seen, Watched};

    fn template() -> Value {
        json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        })
    }

    fn workload(template: &Value) -> Value {
        let metadata = json!({"name": "web", "namespace": "shop", "uid": "w-1"});
        json!({"metadata": metadata, "spec": {"template": template}})
    }

    fn after(template: &Value) -> Value {
        let mut other = template.clone();
        other["spec"]["containers"][0]["image"] = "web:2".into();
        workload(&other)
    }

    /// A revision of an owner, as it comes in a list.
    fn revision<K: Watched>(name: &str, owner: &str, rest: &Value) -> Event<Seen<K>> {
        let owners = json!([{"uid": "other"}, {"uid": owner, "controller": true}]);
        let mut object = rest.clone();
        object["metadata"] = json!({"name": name, "namespace": "shop", "ownerReferences": owners});
        Event::Apply(serde_json::from_value(object).unwrap())
    }

    fn set(owner: &str, template: &Value) -> Event<Seen<ReplicaSet>> {
        revision("web-5d4f", owner, &json!({"spec": {"template": template}}))
    }

    #[test]
    fn a_way_back_leads_to_a_revision_of_its_own() {
        let (old, revisions) = (template(), Revisions::default());
        let back = || revisions.of(&workload(&old), &after(&old));
        assert_eq!(back(), None);
        revisions.sets.take(set("w-2", &old));
        assert_eq!(back(), None, "of another one");
        revisions.sets.take(set("w-1", &old));
        assert_eq!(back().as_deref(), Some("ReplicaSet/web-5d4f"));

        let mut elsewhere = after(&old);
        elsewhere["metadata"]["namespace"] = "shop-2".into();
        assert_eq!(revisions.of(&workload(&old), &elsewhere), None);
        // `kubectl replace` of a file.
        let mut unnamed = workload(&old);
        unnamed["metadata"] = json!({"name": "web"});
        assert!(revisions.of(&unnamed, &after(&old)).is_some());
        assert_eq!(revisions.of(&after(&old), &workload(&old)), None, "onwards");

        let Event::Apply(gone) = set("w-1", &old) else {
            unreachable!()
        };
        revisions.sets.take(Event::Delete(gone));
        assert_eq!(back(), None);
    }

    #[test]
    fn a_copy_says_the_same_in_other_words() {
        let old = template();
        let mut copy = old.clone();
        copy["metadata"]["labels"]["pod-template-hash"] = "5d4f".into();
        copy["metadata"]["creationTimestamp"] = Value::Null;
        let restarted = json!({"kubectl.kubernetes.io/restartedAt": "2026-11-22T10:00:00Z"});
        copy["metadata"]["annotations"] = restarted;
        copy["spec"]["containers"][0]["resources"] = json!({});
        copy["spec"]["volumes"] = json!([]);
        copy["$patch"] = "replace".into();
        assert_eq!(Print::new("a", &copy), Print::new("a", &old));
        // Whatever the order of keys is in what was read.
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (one, other) = (read(r#"{"a": 1, "b": [2]}"#), read(r#"{"b": [2], "a": 1}"#));
        assert_eq!(Print::new("a", &one), Print::new("a", &other));
    }

    #[test]
    fn what_says_something_else_is_another_one() {
        let base = Print::new("a", &json!({"a": {"b": 1}, "c": ["d", "e"]}));
        for other in [
            json!({"a": {"b": 2}, "c": ["d", "e"]}),
            json!({"a": {"b": "1"}, "c": ["d", "e"]}),
            json!({"a": {}, "b": 1, "c": ["d", "e"]}),
            json!({"a": {"b": 1, "c": ["d", "e"]}}),
            json!({"a": {"b": 1}, "c": ["de"]}),
            json!({"a": {"b": 1}, "c": ["e", "d"]}),
            json!({"a": {"b": 1}, "c": ["d", "e", {}]}),
        ] {
            assert_ne!(Print::new("a", &other), base, "{other}");
        }
        assert_ne!(
            Print::new("b", &json!({"a": {"b": 1}, "c": ["d", "e"]})),
            base
        );
    }

    #[test]
    fn a_restart_is_no_way_back() {
        let (old, revisions) = (template(), Revisions::default());
        revisions.sets.take(set("w-1", &old));
        let mut restarted = old.clone();
        restarted["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/restartedAt": "now"});
        assert_eq!(revisions.of(&workload(&restarted), &workload(&old)), None);
        // What was restarted since runs all the same.
        assert!(revisions.of(&workload(&restarted), &after(&old)).is_some());
    }

    #[test]
    fn a_record_holds_the_template_as_a_patch() {
        let (old, revisions) = (template(), Revisions::default());
        let mut patch = old.clone();
        patch["$patch"] = "replace".into();
        let rest = json!({"data": {"spec": {"template": patch}}, "revision": 3});
        let record = revision::<ControllerRevision>("web-7f9", "w-1", &rest);
        revisions.records.take(record);
        let back = revisions.of(&workload(&old), &after(&old));
        assert_eq!(back.as_deref(), Some("ControllerRevision/web-7f9"));
        // Of something that is no workload.
        let other = json!({"data": {"template": patch}});
        assert!(Print::of(&other).is_none());
    }
}
