//! Round after round, for as long as the server runs.

use std::fmt::Debug;
use std::time::Duration;

use futures::stream::{BoxStream, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::clock::now;
use crate::managed::{Kind, Manager, SyncError};

// Metadata alone are watched: no key is sent, and nothing is kept.
type Secrets = PartialObjectMeta<Secret>;
type Mutating = PartialObjectMeta<MutatingWebhookConfiguration>;
type Validating = PartialObjectMeta<ValidatingWebhookConfiguration>;

/// For a whole round. The API server ends its own requests after a minute.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two rounds, whatever happens: who fights for a field shall not keep the API server busy.
const BREATH: Duration = Duration::from_millis(500);

/// Keeps certificates in order, for ever. A change of the Secret or of a configuration is seen at
/// once, by a watch; should no watch be possible, after a minute.
pub async fn follow(mut manager: Manager) {
    let mut changes = changes(&manager);
    let longest = manager.settings().lives.pause();
    let breath = BREATH.min(longest);
    let mut trouble = Trouble::default();
    loop {
        let round = timeout(PATIENCE, manager.round(now())).await;
        let round = round.unwrap_or(Err(SyncError::Late(PATIENCE)));
        let pause = match round {
            Ok(()) => {
                trouble.ends();
                longest
            }
            Err(error) => {
                manager.telemetry().failed(&error);
                longest.min(breath * trouble.goes_on(&error))
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            Some(()) = changes.next() => sleep(breath).await,
        }
        while changes.next().now_or_never().flatten().is_some() {}
    }
}

/// What is going wrong, said once.
#[derive(Default)]
struct Trouble {
    said: String,
    rounds: u32,
}

impl Trouble {
    /// Tells by how much longer to wait than at first.
    fn goes_on(&mut self, error: &SyncError) -> u32 {
        let text = error.to_string();
        if text != self.said {
            tracing::error!(%error, "certificates cannot be kept in order, trying again");
            self.said = text;
        }
        self.rounds += 1;
        1 << self.rounds.min(10)
    }

    fn ends(&mut self) {
        if self.rounds > 0 {
            tracing::info!(rounds = self.rounds, "certificates are in order again");
        }
        *self = Self::default();
    }
}

fn changes(manager: &Manager) -> SelectAll<BoxStream<'static, ()>> {
    let (client, settings) = (manager.client().clone(), manager.settings());
    let secrets = Api::<Secrets>::namespaced(client.clone(), &settings.namespace);
    let mut all = SelectAll::new();
    all.push(changes_of(secrets, &settings.secret));
    for (kind, name) in &settings.configurations {
        let client = client.clone();
        all.push(match kind {
            Kind::Mutating => changes_of(Api::<Mutating>::all(client), name),
            Kind::Validating => changes_of(Api::<Validating>::all(client), name),
        });
    }
    all
}

/// That the one object of this name changed.
fn changes_of<K>(api: Api<K>, name: &str) -> BoxStream<'static, ()>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = Config::default().fields(&format!("metadata.name={name}"));
    let events = watcher(api, config).default_backoff();
    let changes = events.filter_map(async |event| match event {
        Ok(_) => Some(()),
        Err(error) => {
            tracing::debug!(%error, "a watch has ended, beginning again");
            None
        }
    });
    changes.boxed()
}
