//! From facts to a mesh, away from the requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshcheck_rules::Mesh;

use super::seen::Kind;
use super::{Library, Watching, kinds};
use crate::judge::Judge;

/// A change seldom comes alone.
const BREATH: Duration = Duration::from_millis(100);
/// So many times as long as the last mesh took to build, nothing is built: a tenth of a processor at
/// most, however large the cluster is.
const REST: u32 = 9;

/// Builds a mesh whenever something has changed, for ever.
pub(super) async fn keep(watching: Watching, base: Mesh, judge: Arc<Judge>) {
    let library = Arc::clone(&watching.library);
    let base = Arc::new(base);
    let mut beside = BTreeMap::new();
    loop {
        library.changed.notified().await;
        tokio::time::sleep(BREATH).await;
        watching.beside(library.istiods(), &mut beside);
        // What comes while the mesh is built may be missing in it, and is told with the next.
        let counted = Counted::of(&library);
        let (reading, base, judging) = (library.clone(), base.clone(), judge.clone());
        let began = Instant::now();
        let built = tokio::task::spawn_blocking(move || {
            judging.replace_mesh(reading.mesh(&base));
        });
        if built.await.is_err() {
            tracing::error!("the mesh could not be built, the one before stays");
        }
        let took = began.elapsed();
        counted.tell(&library);
        library.metrics.built(took);
        tokio::time::sleep(took * REST).await;
    }
}

/// What a mesh is built from.
struct Counted {
    /// Of each kind whether all objects were seen, and how many say something.
    kinds: Vec<(&'static str, bool, usize)>,
    knows_version: bool,
}

impl Counted {
    fn of(library: &Library) -> Self {
        let counted = |kind: &Kind| {
            let is_synced = library.is_synced(*kind);
            (kind.plural, is_synced, library.objects(*kind))
        };
        Self {
            kinds: kinds::OF_THE_MESH.iter().map(counted).collect(),
            knows_version: super::lock(&library.kubernetes).is_some(),
        }
    }

    fn tell(&self, library: &Library) {
        for (resource, is_synced, objects) in &self.kinds {
            library.metrics.knows(resource, *is_synced, *objects);
        }
        let knows_all = self.knows_version && self.kinds.iter().all(|(_, synced, _)| *synced);
        let is_first = |known: &mut bool| knows_all && !std::mem::replace(known, true);
        if library.synced.send_if_modified(is_first) {
            tracing::info!("all of the mesh is known");
        }
    }
}
