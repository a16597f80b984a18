//! The background audit: everything in the cluster is judged again at an interval, and when the date
//! changes: a version goes out of support while nobody applies anything.
//!
//! One replica does it, which an [`election::Election`] finds. No review waits for it, and nothing that
//! goes wrong here ends the server.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use meshcheck_rules::Engine;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::args::AuditArgs;
use crate::cluster::Cluster;
use crate::judge::Judge;
use crate::metrics::{Metrics, PassSeen};

use election::Election;
use error::AuditError;
use findings::Findings;
use pass::Pass;

mod election;
mod error;
mod findings;
mod kinds;
mod pages;
mod pass;

/// Between two looks at whether the date, the policy or the release table has changed.
const GLANCE: Duration = Duration::from_secs(5);
/// After a pass that could look at nothing.
const AGAIN: Duration = Duration::from_secs(30);
/// For giving the Lease back.
const PATIENCE: Duration = Duration::from_secs(2);

/// An audit that runs.
pub struct Audit {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Does the passes.
struct Worker {
    client: Client,
    judge: Arc<Judge>,
    metrics: Arc<Metrics>,
    interval: Duration,
    excluded: BTreeSet<String>,
}

/// Starts the audit, which goes on until it is stopped.
pub fn start(
    cluster: &Cluster,
    judge: Arc<Judge>,
    metrics: Arc<Metrics>,
    args: &AuditArgs,
) -> Audit {
    let mut excluded: BTreeSet<_> = args.audit_excluded_namespaces.iter().cloned().collect();
    excluded.insert(cluster.namespace.clone());
    let election = Election::new(
        cluster.client.clone(),
        &cluster.namespace,
        args.audit_lease.clone(),
        identity(),
        args.audit_lease_duration,
    );
    let worker = Worker {
        client: cluster.client.clone(),
        judge,
        metrics,
        interval: args.audit_interval,
        excluded,
    };
    worker.metrics.audit.starts(worker.interval);
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(run(worker, election, stopped));
    Audit { stop, task }
}

/// Ends an audit, and gives the Lease back.
pub async fn stop(audit: Option<Audit>) {
    if let Some(Audit { stop, task }) = audit {
        stop.send_replace(true);
        // One that has broken down is over as well.
        drop(task.await);
    }
}

/// The name of this replica, which no other has and none had before.
fn identity() -> String {
    let host = std::env::var("HOSTNAME")
        .ok()
        .filter(|name| !name.is_empty());
    let host = host.unwrap_or_else(|| format!("meshcheck-webhook-{}", std::process::id()));
    let unique = RandomState::new().hash_one(std::process::id());
    format!("{host}_{unique:016x}")
}

async fn run(worker: Worker, mut election: Election, mut stopped: watch::Receiver<bool>) {
    let (leads, follow) = watch::channel(false);
    tokio::select! {
        () = elect(&mut election, &leads, &worker.metrics) => {}
        () = worker.work(follow) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    worker.metrics.audit.leads(false);
    if let Ok(Err(error)) = timeout(PATIENCE, election.release()).await {
        tracing::warn!("{error}");
    }
}

/// Keeps the Lease, or waits for it.
async fn elect(election: &mut Election, leads: &watch::Sender<bool>, metrics: &Metrics) {
    let duration = election.duration();
    let pause = duration / 3;
    let mut said = String::new();
    let mut renewed = Instant::now();
    loop {
        let began = Instant::now();
        let round = timeout(pause, election.round()).await;
        let is_held = match round {
            Ok(Ok(is_held)) => {
                said.clear();
                renewed = began;
                is_held
            }
            Ok(Err(error)) => {
                metrics.audit.failed(error.reason());
                if said != error.to_string() {
                    said = error.to_string();
                    tracing::warn!("{said}, trying again");
                }
                *leads.borrow() && renewed.elapsed() < pause * 2
            }
            Err(_) => *leads.borrow() && renewed.elapsed() < pause * 2,
        };
        if *leads.borrow() != is_held {
            tracing::info!(leads = is_held, "audit");
            metrics.audit.leads(is_held);
            leads.send_replace(is_held);
        }
        sleep(pause.saturating_sub(began.elapsed())).await;
    }
}

impl Worker {
    /// Passes for as long as this replica leads.
    async fn work(&self, mut leads: watch::Receiver<bool>) {
        while leads.wait_for(|leads| *leads).await.is_ok() {
            tokio::select! {
                () = self.passes() => {}
                _ = leads.wait_for(|leads| !*leads) => {}
            }
        }
    }

    async fn passes(&self) {
        let mut findings = Findings::default();
        loop {
            let began = Instant::now();
            let engine = self.judge.engine();
            let is_seen = self.pass(&engine, &mut findings).await;
            let pause = if is_seen {
                self.interval
            } else {
                self.interval.min(AGAIN)
            };
            while began.elapsed() < pause && Arc::ptr_eq(&engine, &self.judge.engine()) {
                sleep(GLANCE.min(pause.saturating_sub(began.elapsed()))).await;
            }
        }
    }

    /// One pass. Whether anything could be looked at.
    async fn pass(&self, engine: &Engine, findings: &mut Findings) -> bool {
        let began = Instant::now();
        let mesh = self.judge.mesh();
        let pass = Pass {
            client: &self.client,
            engine,
            mesh: &mesh,
            metrics: &self.metrics,
            excluded: &self.excluded,
        };
        let is_whole = match pass.run(findings, |error| self.tell(error)).await {
            Ok(is_whole) => is_whole,
            Err(error) => {
                self.tell(&error);
                return false;
            }
        };
        self.metrics.audit.stands(findings.standing());
        self.metrics.audit.passed(PassSeen {
            is_whole,
            objects: findings.objects(),
            took: began.elapsed(),
        });
        tracing::info!(
            objects = findings.objects(),
            is_whole,
            took = ?began.elapsed(),
            as_of = %engine.as_of(),
            "audit: everything was judged"
        );
        true
    }

    fn tell(&self, error: &AuditError) {
        self.metrics.audit.failed(error.reason());
        tracing::warn!("audit: {error}");
    }
}
