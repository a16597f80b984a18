//! From facts to a mesh, away from the requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshcheck_rules::Mesh;

use super::{Watching, kinds};
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
        let (reading, base, judging) = (library.clone(), base.clone(), judge.clone());
        let began = Instant::now();
        let built = tokio::task::spawn_blocking(move || {
            judging.replace_mesh(reading.mesh(&base));
        });
        if built.await.is_err() {
            tracing::error!("the mesh could not be built, the one before stays");
        }
        let took = began.elapsed();
        count(&watching);
        library.metrics.built(took);
        tokio::time::sleep(took * REST).await;
    }
}

fn count(watching: &Watching) {
    let library = &watching.library;
    for kind in kinds::ALL {
        let is_synced = library.is_synced(*kind);
        let objects = library.objects(*kind);
        library.metrics.knows(kind.plural, is_synced, objects);
    }
}
