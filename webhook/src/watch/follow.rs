//! One watch, for as long as the server runs. Whatever breaks, what is known stays known.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Api;
use kube::runtime::utils::Backoff as _;
use kube::runtime::watcher::{Config, DefaultBackoff, Error, Event, watcher};
use tokio::time::{sleep, timeout};

use super::seen::{Seen, Watched};
use super::trouble::{Reason, Trouble};
use super::{Library, Shelf};

/// A watch that fails so often in a row begins anew with a list: what it goes on from may be lost,
/// as after an API server was restored from a backup.
const MOST_FAILURES: u32 = 3;
/// Without an error for so long, it is well again. An attempt to connect is given up before.
const WELL_AFTER: Duration = Duration::from_secs(40);
/// Without anything for so long, it begins anew: nobody knows that it is not stuck.
const STUCK_AFTER: Duration = Duration::from_mins(15);
/// How often to look for a kind that the cluster does not have.
const ABSENT: Duration = Duration::from_mins(1);

/// Follows objects, and keeps their facts.
pub(super) async fn follow<K: Watched>(
    api: Api<Seen<K>>,
    config: Config,
    shelf: Arc<Shelf>,
    library: Arc<Library>,
) {
    let mut trouble = Trouble::new(K::KIND, library.metrics.clone());
    let mut backoff = DefaultBackoff::default();
    loop {
        let mut events = pin!(watcher(api.clone(), config.clone()));
        let mut failures = 0;
        while failures < MOST_FAILURES {
            let patience = if failures > 0 {
                WELL_AFTER
            } else {
                STUCK_AFTER
            };
            match timeout(patience, events.next()).await {
                Ok(Some(Ok(event))) => {
                    // The first word of every attempt, also of one that fails.
                    if !matches!(event, Event::Init) {
                        failures = 0;
                        backoff.reset();
                        trouble.ends();
                        library.metrics.heard(K::KIND.plural);
                    }
                    if shelf.take(event) {
                        library.changed.notify_one();
                    }
                }
                Ok(Some(Err(error))) if is_absent::<K>(&error) => {
                    trouble.ends();
                    if shelf.is_absent() {
                        library.changed.notify_one();
                    }
                    sleep(ABSENT).await;
                    break;
                }
                Ok(Some(Err(error))) => {
                    failures += 1;
                    trouble.goes_on(&error);
                    sleep(backoff.next().unwrap_or(ABSENT)).await;
                }
                Err(_elapsed) if failures > 0 => {
                    failures = 0;
                    trouble.ends();
                }
                Ok(None) | Err(_) => break,
            }
        }
    }
}

/// Whether the error says that a kind of somebody's definition is not there.
fn is_absent<K: Watched>(error: &Error) -> bool {
    !K::KIND.is_built_in() && Reason::of(error) == Reason::NotFound
}
