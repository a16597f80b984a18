//! The API server, and its one client.

use std::time::{Duration, Instant};

use axum::http::Request;
use serde_json::json;
use tempfile::TempDir;

use crate::assets::Assets;
use crate::cases::{self, Case};
use crate::control_plane::{ControlPlane, wait_for};

/// A control plane with a namespace for each who may be asked. It ends with this.
pub(crate) struct Cluster {
    // In the order in which they end.
    pub(crate) plane: ControlPlane,
    _folder: TempDir,
}

impl Cluster {
    pub(crate) fn start(assets: &Assets) -> Self {
        let folder = TempDir::with_prefix("meshcheck-bench-").expect("a temporary folder");
        let plane = ControlPlane::start(assets, &folder.path().join("cluster"));
        for namespace in cases::NAMESPACES {
            plane.namespace(namespace, &json!({}));
        }
        Self {
            plane,
            _folder: folder,
        }
    }

    /// Waits until the answer is right, and as many webhooks were called for it as are to be: the API server
    /// takes up a configuration a moment after it was stored.
    pub(crate) fn verify(&self, case: &Case) {
        wait_for(case.name, || {
            let before = self.calls();
            let answer = self.plane.block_on(self.ask(case));
            let is_right = answer.contains(case.says) && self.calls() - before == case.calls;
            is_right.then_some(())
        });
    }

    /// How often the API server has called a webhook that answered.
    fn calls(&self) -> u64 {
        let metrics = self.plane.kubectl.must(&["get", "--raw", "/metrics"]);
        let counts = metrics.lines().filter_map(|line| {
            let count =
                line.strip_prefix("apiserver_admission_webhook_request_total{code=\"200\"")?;
            let (_, count) = count.rsplit_once(' ')?;
            Some(count.parse::<u64>().expect("a count"))
        });
        counts.sum()
    }

    /// Creates it so often, one after the other; how long each took.
    pub(crate) async fn ask_often(&self, case: &Case, requests: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(requests);
        for _ in 0..requests {
            let start = Instant::now();
            self.ask(case).await;
            times.push(start.elapsed());
        }
        times
    }

    /// The text of the answer, which must be no refusal.
    async fn ask(&self, case: &Case) -> String {
        let request = Request::post(&case.path)
            .header("content-type", "application/json")
            .body(case.body.clone())
            .expect("a path");
        let answer = self.plane.client.request_text(request).await;
        answer.unwrap_or_else(|error| panic!("{}: {error}", case.name))
    }
}
