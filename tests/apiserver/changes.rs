//! What watches are told: every change since the version that they begin at, as an API server does.
//! So nothing is lost between a list and its watch, nor between two watches.

use serde_json::{Value, json};
use tokio::sync::watch;

/// Every change of every object, in order.
pub(crate) struct Changes {
    past: Vec<Change>,
    /// The first version that a watch can begin at.
    oldest: u64,
    /// Wakes watches at each change, and tells how often all of them were ended.
    news: watch::Sender<u64>,
}

struct Change {
    version: u64,
    path: String,
    event: Value,
}

/// Where a watch of one object stands.
pub(crate) struct Watch {
    path: String,
    after: u64,
    ends: u64,
    news: watch::Receiver<u64>,
}

/// What a watch is told.
pub(crate) enum Told {
    Event(Value),
    /// Nothing yet.
    Nothing,
    End,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self {
            past: Vec::new(),
            oldest: 0,
            news: watch::channel(0).0,
        }
    }

    pub(crate) fn add(&mut self, version: u64, path: &str, kind: &str, object: &Value) {
        self.past.push(Change {
            version,
            path: path.to_owned(),
            event: json!({"type": kind, "object": metadata(object)}),
        });
        self.news.send_modify(|_| {});
    }

    /// Ends all watches, as an API server does every few minutes.
    pub(crate) fn end_watches(&self) {
        self.news.send_modify(|ends| *ends += 1);
    }

    /// Forgets what was before this version.
    pub(crate) fn forget(&mut self, version: u64) {
        self.oldest = version;
    }

    /// A watch of what comes after this version, or what is said where that is forgotten.
    pub(crate) fn watch(&self, path: String, after: u64) -> Result<Watch, Value> {
        if after < self.oldest {
            return Err(gone());
        }
        let news = self.news.subscribe();
        let ends = *news.borrow();
        Ok(Watch {
            path,
            after,
            ends,
            news,
        })
    }

    /// What comes next on a watch.
    pub(crate) fn tell(&self, watch: &mut Watch) -> Told {
        if *watch.news.borrow_and_update() != watch.ends {
            return Told::End;
        }
        let mut past = self.past.iter();
        let next = past.find(|one| one.version > watch.after && one.path == watch.path);
        next.map_or(Told::Nothing, |change| {
            watch.after = change.version;
            Told::Event(change.event.clone())
        })
    }
}

impl Watch {
    /// Until there may be something to tell.
    pub(crate) async fn wait(&mut self) {
        let changed = self.news.changed().await;
        changed.expect("who watches keeps the server");
    }
}

/// As much of an object as is watched.
pub(crate) fn metadata(object: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

fn gone() -> Value {
    let status = json!({
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "message": "too old resource version",
        "reason": "Expired",
        "code": 410,
    });
    json!({"type": "ERROR", "object": status})
}
