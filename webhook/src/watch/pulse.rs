//! What no watch tells, asked for at an interval: the version of the API server, and whether its history
//! is still the one that the watches go on from.

use std::sync::Arc;
use std::time::Duration;

use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use meshcheck_rules::istio::version::KubernetesVersion;
use tokio::time::{sleep, timeout};

use super::seen::Seen;
use super::{Library, Reason, kinds};

/// What metrics call the version.
pub(super) const RESOURCE: &str = "version";

/// An upgrade takes longer.
const EVERY: Duration = Duration::from_mins(1);
/// After a failure.
const SOON: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks for ever. The last answers stay.
pub(super) async fn follow(client: Client, library: Arc<Library>) {
    let mut works = true;
    let mut before = History::default();
    loop {
        let failure = match timeout(PATIENCE, ask(&client)).await {
            Ok(Ok((version, history))) => {
                learn(&library, version);
                compare(&library, &before, &history);
                before = history.or(before);
                None
            }
            Ok(Err(error)) => Some(Reason::of_answer(&error)),
            Err(_elapsed) => Some(Reason::Unreachable),
        };
        // The watches say what is wrong with the API server; this counts.
        if let Some(reason) = failure {
            library.metrics.failed(RESOURCE, reason);
        }
        if works != failure.is_none() {
            works = !works;
            library.metrics.works(RESOURCE, works);
        }
        sleep(SOON).await;
        if works {
            let _ = timeout(EVERY, library.unrest.notified()).await;
        }
    }
}

/// What shows that what is stored is not what was stored; `None` where it is not told.
#[derive(Debug, Default)]
struct History {
    /// Of a namespace that nobody can delete.
    cluster: Option<String>,
    /// Grows with every change.
    version: Option<u64>,
}

impl History {
    /// What is not told now was told before.
    fn or(self, before: Self) -> Self {
        Self {
            cluster: self.cluster.or(before.cluster),
            version: self.version.or(before.version),
        }
    }

    /// Versions grow, unless a backup was put in the place of what was stored, or nothing.
    fn is_another(&self, before: &Self) -> bool {
        let differs = self.cluster.is_some() && before.cluster.is_some();
        let is_older = self.version.is_some() && self.version < before.version;
        is_older || (differs && self.cluster != before.cluster)
    }
}

async fn ask(client: &Client) -> kube::Result<(Option<KubernetesVersion>, History)> {
    let info = client.apiserver_version().await?;
    let version = KubernetesVersion::parse(&info.git_version);
    let namespaces = Api::<Seen<kinds::Namespace>>::all(client.clone());
    let only = ListParams::default().fields("metadata.name=kube-system");
    // Who may not read namespaces is told by their watch.
    let Ok(list) = namespaces.list(&only).await else {
        return Ok((version, History::default()));
    };
    let history = History {
        cluster: list.items.first().and_then(ResourceExt::uid),
        version: list
            .metadata
            .resource_version
            .and_then(|version| version.parse().ok()),
    };
    Ok((version, history))
}

fn learn(library: &Library, version: Option<KubernetesVersion>) {
    library.metrics.heard(RESOURCE);
    let count = usize::from(version.is_some());
    library.metrics.knows(RESOURCE, version.is_some(), count);
    let changed = {
        let mut known = super::lock(&library.kubernetes);
        version.is_some() && std::mem::replace(&mut *known, version) != version
    };
    if changed {
        library.changed.notify_one();
    }
}

/// A watch that goes on from a version of another history is told nothing until that version comes again,
/// and no error either.
fn compare(library: &Library, before: &History, now: &History) {
    if now.is_another(before) {
        tracing::warn!(
            before = before.version,
            now = now.version,
            "what the API server stores is not what it stored, as after a backup was put in its place: \
             everything is listed again"
        );
        library.histories.send_modify(|history| *history += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_history_is_older_or_of_another_cluster() {
        let history = |cluster: Option<&str>, version| History {
            cluster: cluster.map(str::to_owned),
            version,
        };
        let before = history(Some("a"), Some(100));
        for (now, is_another) in [
            (history(Some("a"), Some(100)), false),
            (history(Some("a"), Some(101)), false),
            (history(Some("a"), Some(99)), true),
            (history(Some("b"), Some(101)), true),
            (history(None, None), false),
        ] {
            assert_eq!(now.is_another(&before), is_another, "{now:?}");
        }
        assert!(!before.is_another(&History::default()));
    }
}
