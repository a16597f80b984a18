//! The version of the API server, which nothing watches: it is asked for.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use meshcheck_rules::istio::version::KubernetesVersion;
use tokio::time::{sleep, timeout};

use super::{Library, Reason};

/// What metrics call it.
pub(super) const RESOURCE: &str = "version";

/// An upgrade takes longer.
const EVERY: Duration = Duration::from_mins(1);
/// After a failure.
const SOON: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks at an interval, for ever. The last answer stays.
pub(super) async fn follow(client: Client, library: Arc<Library>) {
    let mut works = true;
    loop {
        let failure = match timeout(PATIENCE, client.apiserver_version()).await {
            Ok(Ok(info)) => {
                learn(&library, KubernetesVersion::parse(&info.git_version));
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
        sleep(if works { EVERY } else { SOON }).await;
    }
}

fn learn(library: &Library, version: Option<KubernetesVersion>) {
    library.metrics.heard(RESOURCE);
    library
        .metrics
        .knows(RESOURCE, version.is_some(), usize::from(version.is_some()));
    let changed = {
        let mut known = super::lock(&library.kubernetes);
        version.is_some() && std::mem::replace(&mut *known, version) != version
    };
    if changed {
        library.changed.notify_one();
    }
}
