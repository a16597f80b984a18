//! One watch, for as long as the server runs. Whatever breaks, what is known stays known.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Api;
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::{Config, DefaultBackoff, Error, Event, watcher};
use tokio::time::{sleep, timeout};

use super::Library;
use super::seen::{Kept, Seen, Watched};
use super::shelf::Shelf;
use super::trouble::{Reason, Trouble};

/// A watch that fails so often in a row begins anew with a list.
const MOST_FAILURES: u32 = 3;
/// Without an error for so long, it is well again. An attempt to connect is given up before.
const WELL_AFTER: Duration = Duration::from_secs(40);
/// Without anything for so long, it begins anew: nobody knows that it is not stuck.
const STUCK_AFTER: Duration = Duration::from_mins(15);
/// How often to look for a kind that the cluster does not have.
const ABSENT: Duration = Duration::from_mins(1);

/// Follows objects, and keeps of them what is to be kept.
pub(super) async fn follow<K: Watched>(
    api: Api<Seen<K>>,
    config: Config,
    shelf: Arc<Shelf<K::Kept>>,
    library: Arc<Library>,
) {
    let mut histories = library.histories.subscribe();
    let mut follower = Follower::<K> {
        trouble: Trouble::new(K::KIND, K::Kept::STALE, library.metrics.clone()),
        backoff: DefaultBackoff::default(),
        failures: 0,
        shelf,
        library,
    };
    loop {
        follower.failures = 0;
        tokio::select! {
            () = follower.attempt(&api, &config) => {}
            // The library, which is kept here, holds the other end.
            _ = histories.changed() => {}
        }
    }
}

struct Follower<K: Watched> {
    trouble: Trouble,
    backoff: DefaultBackoff,
    /// In a row.
    failures: u32,
    shelf: Arc<Shelf<K::Kept>>,
    library: Arc<Library>,
}

impl<K: Watched> Follower<K> {
    /// From a list on, until it is to be begun anew.
    async fn attempt(&mut self, api: &Api<Seen<K>>, config: &Config) {
        let mut events = pin!(watcher(api.clone(), config.clone()));
        while self.failures < MOST_FAILURES {
            let patience = if self.failures > 0 {
                WELL_AFTER
            } else {
                STUCK_AFTER
            };
            match timeout(patience, events.next()).await {
                Ok(Some(Ok(event))) => self.take(event),
                Ok(Some(Err(error))) if is_absent::<K>(&error) => {
                    self.is_well();
                    self.changed_if(self.shelf.is_absent());
                    return sleep(ABSENT).await;
                }
                Ok(Some(Err(error))) => {
                    self.failures += 1;
                    self.trouble.goes_on(&error);
                    self.library.unrest.notify_one();
                    sleep(self.backoff.next().unwrap_or(ABSENT)).await;
                }
                Err(_elapsed) if self.failures > 0 => self.is_well(),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn take(&mut self, event: Event<Seen<K>>) {
        // The first word of every attempt, also of one that fails.
        if !matches!(event, Event::Init) {
            self.is_well();
            self.library.metrics.heard(K::KIND.plural);
        }
        self.changed_if(self.shelf.take(event));
    }

    fn is_well(&mut self) {
        self.failures = 0;
        self.backoff.reset();
        self.trouble.ends();
    }

    fn changed_if(&self, changed: bool) {
        if changed {
            K::Kept::has_changed(&self.shelf, &self.library);
        }
    }
}

/// Whether the error says that a kind of somebody's definition is not there.
fn is_absent<K: Watched>(error: &Error) -> bool {
    !K::KIND.is_built_in() && Reason::of(error) == Reason::NotFound
}
