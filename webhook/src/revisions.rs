//! The revisions of istiod that the cluster keeps: what an istiod may go back to in an outage.
//!
//! A rollback is an update like any other: neither `kubectl rollout undo` nor Helm says that it is one.
//! But what it goes back to is known to the cluster, as a `ReplicaSet` of the same Deployment. Those of
//! istiods are watched, for they are few; of the others, there are as many as there are releases.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client};
use serde_json::Value;

/// What has to be readable, by group and resource.
pub const PERMISSION: (&str, &str) = ("apps", "replicasets");

/// Charts have put `istiod` on its pods since 1.5, and `pilot` before.
const OF_ISTIOD: &str = "app in (istiod, pilot)";

/// So many are in memory at a time, as text.
const PAGE: u32 = 50;

/// The label that the controller adds to a template.
const HASH: &str = "pod-template-hash";

/// The revisions that are known.
#[derive(Debug, Default)]
pub struct Revisions {
    known: Mutex<BTreeMap<String, Revision>>,
}

#[derive(Debug)]
struct Revision {
    /// Of the Deployment.
    owner: String,
    title: String,
    template: Value,
}

impl Revisions {
    /// The revision of an object that has the same pod template as the object has now.
    pub fn of(&self, object: &Value) -> Option<String> {
        let owner = object["metadata"]["uid"].as_str()?;
        let template = plain(&object["spec"]["template"]);
        let known = self.known();
        let mut own = known.values().filter(|revision| revision.owner == owner);
        let same = own.find(|revision| revision.template == template)?;
        Some(same.title.clone())
    }

    /// Takes up a `ReplicaSet` as it is now.
    pub fn put(&self, set: &Value) {
        if let Some((key, revision)) = read(set) {
            self.known().insert(key, revision);
        }
    }

    /// Forgets a `ReplicaSet`.
    pub fn remove(&self, set: &Value) {
        self.known().remove(&key(set));
    }

    fn replace(&self, sets: BTreeMap<String, Revision>) {
        *self.known() = sets;
    }

    /// The lock guards entries that are replaced whole.
    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Revision>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(set: &Value) -> String {
    let text = |key: &str| set["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn read(set: &Value) -> Option<(String, Revision)> {
    let owners = set["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let revision = Revision {
        owner: owner["uid"].as_str()?.to_owned(),
        title: format!("ReplicaSet/{}", set["metadata"]["name"].as_str()?),
        template: plain(&set["spec"]["template"]),
    };
    Some((key(set), revision))
}

/// A template without what the controller puts there.
fn plain(template: &Value) -> Value {
    let mut template = template.clone();
    let metadata = template["metadata"].as_object_mut();
    if let Some(metadata) = metadata {
        if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
            labels.remove(HASH);
        }
        metadata.retain(|_, value| !value.is_null());
    }
    template
}

/// Follows the `ReplicaSets` of istiods, for ever. Whatever breaks, what is known stays known.
pub async fn follow(client: Client, revisions: Arc<Revisions>) {
    let (group, plural) = PERMISSION;
    let resource = ApiResource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        api_version: format!("{group}/v1"),
        kind: "ReplicaSet".to_owned(),
        plural: plural.to_owned(),
    };
    let sets = Api::<DynamicObject>::all_with(client, &resource);
    let config = Config::default().labels(OF_ISTIOD).page_size(PAGE);
    let mut events = pin!(watcher(sets, config).default_backoff());
    let (mut listed, mut is_told) = (BTreeMap::new(), false);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                // The first word of every attempt, also of one that fails.
                is_told &= matches!(event, Event::Init);
                take(event, &mut listed, &revisions);
            }
            Err(error) if !is_told => {
                is_told = true;
                tracing::warn!(
                    resource = "replicasets.apps",
                    %error,
                    "cannot be watched, trying again: a rollback of istiod to what came since is not known as one"
                );
            }
            Err(_) => {}
        }
    }
}

fn take(
    event: Event<DynamicObject>,
    listed: &mut BTreeMap<String, Revision>,
    revisions: &Revisions,
) {
    let value = |set: &DynamicObject| serde_json::to_value(set).unwrap_or_default();
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(set) => listed.extend(read(&value(&set))),
        Event::InitDone => revisions.replace(std::mem::take(listed)),
        Event::Apply(set) => revisions.put(&value(&set)),
        Event::Delete(set) => revisions.remove(&value(&set)),
    }
}
