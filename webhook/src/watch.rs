//! The mesh from watches of the cluster.
//!
//! Of every object only its facts are kept, as [`Learned`](meshcheck_rules::mesh::Learned): what
//! [`Mesh::learn`] takes, and nothing that it does not. From them a whole [`Mesh`] is built whenever
//! something changed, away from the requests, and handed to the judge. A request takes the one that is
//! there; it never waits for a watch, nor for the API server behind it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::runtime::watcher::Config;
use kube::{Api, Client};
use meshcheck_rules::Mesh;
use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::mesh;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::judge::Judge;
use crate::metrics::Metrics;
use crate::metrics::WatchMetrics;

use seen::{Kind, Seen, Watched};
use shelf::{Facts, Shelf};

pub use revisions::Revisions;
pub use trouble::Reason;

mod build;
mod follow;
mod kinds;
mod pulse;
mod revisions;
mod seen;
mod shelf;
mod trouble;

/// All resources that are watched, as metrics name them.
pub fn resources() -> impl Iterator<Item = &'static str> {
    kinds().map(|kind| kind.plural).chain([pulse::RESOURCE])
}

/// All that has to be readable, by group and resource.
pub fn permissions() -> impl Iterator<Item = (&'static str, &'static str)> {
    kinds().map(|kind| (kind.group, kind.plural))
}

fn kinds() -> impl Iterator<Item = &'static Kind> {
    kinds::OF_THE_MESH.iter().chain(kinds::OF_REVISIONS)
}

/// How long a start waits for the mesh. A replica that comes in a rollout should know as much as the one
/// that leaves; one that comes while the API server is away has to answer all the same.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// Begins to watch, and hands what is known to the judge for as long as the server runs. `base` is what
/// is known besides: options, which are stronger, and a recording, which is weaker. Comes back when all
/// is known, or after a moment.
pub async fn start(client: Client, base: Mesh, judge: Arc<Judge>, metrics: &Metrics) {
    metrics.watches.begin();
    let library = Arc::new(Library::new(metrics.watches.clone()));
    let watching = Watching {
        client: client.clone(),
        library: Arc::clone(&library),
    };
    watching.start_all();
    watching.follow_revisions(&judge.revisions());
    tokio::spawn(pulse::follow(client, Arc::clone(&library)));
    tokio::spawn(build::keep(watching, base, judge));
    let mut synced = library.synced.subscribe();
    if timeout(FIRST_LOOK, synced.wait_for(|all| *all))
        .await
        .is_err()
    {
        tracing::warn!("not all of the mesh is known yet: what is not is unknown to the rules");
    }
}

/// What all watches know together.
struct Library {
    shelves: Mutex<Vec<Arc<Shelf<Facts>>>>,
    /// The namespaces in which is watched what keeps istiod's pods.
    beside: Mutex<HashSet<String>>,
    kubernetes: Mutex<Option<KubernetesVersion>>,
    changed: Notify,
    /// A watch has failed: the pulse is to be felt.
    unrest: Notify,
    /// Grows whenever the API server has another history: every watch begins anew.
    histories: watch::Sender<u64>,
    /// Whether the judge knows all that there is to know.
    synced: watch::Sender<bool>,
    metrics: WatchMetrics,
}

impl Library {
    fn new(metrics: WatchMetrics) -> Self {
        Self {
            shelves: Mutex::default(),
            beside: Mutex::default(),
            kubernetes: Mutex::default(),
            changed: Notify::new(),
            unrest: Notify::new(),
            histories: watch::Sender::new(0),
            synced: watch::Sender::new(false),
            metrics,
        }
    }

    fn shelves(&self) -> MutexGuard<'_, Vec<Arc<Shelf<Facts>>>> {
        lock(&self.shelves)
    }

    /// The mesh as far as it is known.
    fn mesh(&self, base: &Mesh) -> Mesh {
        let mut mesh = base.clone();
        let shelves = self.shelves().clone();
        // An object that two watches have seen is one object.
        let mut told = HashSet::new();
        for shelf in &shelves {
            let is_shared = shelves.iter().filter(|one| one.kind == shelf.kind).count() > 1;
            shelf.tell(&mut mesh, |key| {
                !is_shared || told.insert((shelf.kind.plural, key.to_owned()))
            });
        }
        mesh.set_cluster(mesh::Cluster {
            kubernetes: *lock(&self.kubernetes),
            knows_redundancy: self.knows_redundancy(),
        });
        mesh
    }

    /// Whether all objects of a kind were seen.
    fn is_synced(&self, kind: Kind) -> bool {
        let is_beside = kinds::BESIDE_ISTIOD.contains(&kind);
        if is_beside && !(self.is_synced(kinds::Deployment::KIND) && self.is_beside_all()) {
            return false;
        }
        let shelves = self.shelves();
        let mut own = shelves.iter().filter(|shelf| shelf.kind == kind);
        own.all(|shelf| shelf.is_synced())
    }

    /// How many objects of a kind are known; one that two watches have seen is one.
    fn objects(&self, kind: Kind) -> usize {
        let shelves = self.shelves();
        let own: Vec<_> = shelves.iter().filter(|shelf| shelf.kind == kind).collect();
        match own[..] {
            [only] => only.len(),
            _ => own
                .iter()
                .flat_map(|shelf| shelf.keys())
                .collect::<HashSet<_>>()
                .len(),
        }
    }

    fn is_beside_all(&self) -> bool {
        let istiods = self.istiods();
        *lock(&self.beside) == istiods
    }

    fn knows_redundancy(&self) -> bool {
        let kinds = kinds::BESIDE_ISTIOD.iter();
        kinds.copied().all(|kind| self.is_synced(kind))
    }

    /// The namespaces in which an istiod is known.
    fn istiods(&self) -> HashSet<String> {
        let shelves = self.shelves();
        let deployments = shelves
            .iter()
            .filter(|shelf| shelf.kind == kinds::Deployment::KIND);
        let keys = deployments.flat_map(|shelf| shelf.keys());
        let namespaces = keys.filter_map(|key| Some(key.split_once('/')?.0.to_owned()));
        namespaces.collect()
    }
}

/// The locks guard values that are replaced whole.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The watches themselves.
struct Watching {
    client: Client,
    library: Arc<Library>,
}

impl Watching {
    fn start_all(&self) {
        use kinds::{
            ConfigMap, Deployment, HelmRepository, IstioRevisionTag, MutatingWebhookConfiguration,
            Namespace, Node, OCIRepository,
        };
        self.everywhere::<Namespace>([kinds::small()]);
        self.everywhere::<Node>([kinds::nodes()]);
        self.everywhere::<ConfigMap>(kinds::config_maps());
        self.everywhere::<Deployment>(kinds::deployments());
        self.everywhere::<MutatingWebhookConfiguration>([kinds::injectors()]);
        self.everywhere::<IstioRevisionTag>([kinds::small()]);
        self.everywhere::<HelmRepository>([kinds::small()]);
        self.everywhere::<OCIRepository>([kinds::small()]);
    }

    /// What the mesh does not change with.
    fn follow_revisions(&self, revisions: &Revisions) {
        let Revisions { sets, records } = revisions;
        self.follow::<kinds::ReplicaSet>(self.all(), kinds::large(), sets);
        self.follow::<kinds::ControllerRevision>(self.all(), kinds::large(), records);
    }

    fn all<K: Watched>(&self) -> Api<Seen<K>> {
        Api::all(self.client.clone())
    }

    fn everywhere<K: Watched<Kept = Facts>>(&self, configs: impl IntoIterator<Item = Config>) {
        for config in configs {
            drop(self.start::<K>(self.all(), config));
        }
    }

    fn start<K: Watched<Kept = Facts>>(&self, objects: Api<Seen<K>>, config: Config) -> Started {
        let facts = Shelf::new(K::KIND);
        self.library.shelves().push(Arc::clone(&facts));
        Started {
            task: self.follow(objects, config, &facts),
            shelf: facts,
        }
    }

    fn follow<K: Watched>(
        &self,
        objects: Api<Seen<K>>,
        config: Config,
        to: &Arc<Shelf<K::Kept>>,
    ) -> AbortHandle {
        let (to, library) = (Arc::clone(to), Arc::clone(&self.library));
        tokio::spawn(follow::follow(objects, config, to, library)).abort_handle()
    }

    /// What keeps istiod's pods is watched in the namespaces of istiods alone: elsewhere it changes all
    /// the time, and is of no use.
    fn beside(&self, namespaces: HashSet<String>, started: &mut BTreeMap<String, [Started; 2]>) {
        use kinds::{HorizontalPodAutoscaler, PodDisruptionBudget};
        started.retain(|namespace, watches| {
            let stays = namespaces.contains(namespace);
            if !stays {
                for watch in watches {
                    watch.task.abort();
                    let is_other = |shelf: &Arc<Shelf<Facts>>| !Arc::ptr_eq(shelf, &watch.shelf);
                    self.library.shelves().retain(is_other);
                }
            }
            stays
        });
        for namespace in namespaces {
            let client = || self.client.clone();
            let name = namespace.clone();
            started.entry(namespace).or_insert_with(|| {
                let scalers = Api::namespaced_with(client(), &name, &());
                let budgets = Api::namespaced_with(client(), &name, &());
                [
                    self.start::<HorizontalPodAutoscaler>(scalers, kinds::small()),
                    self.start::<PodDisruptionBudget>(budgets, kinds::small()),
                ]
            });
        }
        *lock(&self.library.beside) = started.keys().cloned().collect();
    }
}

/// A watch that may be ended.
struct Started {
    task: AbortHandle,
    shelf: Arc<Shelf<Facts>>,
}

#[cfg(test)]
mod tests;
