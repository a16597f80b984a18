//! The background audit: everything in the cluster is judged again at an interval, and when the date
//! changes: a version goes out of support while nobody applies anything.
//!
//! One replica does it, which an election finds. No review waits for it, and nothing that
//! goes wrong here ends the server.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use meshcheck_rules::plane::Plane;
use meshcheck_rules::{Engine, Mesh};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::args::Args;
use crate::cluster::Cluster;
use crate::judge::Judge;
use crate::metrics::{Metrics, PassSeen};

use election::Election;
use error::AuditError;
use events::Errors;
use findings::Findings;
use pass::Pass;
use report::Drafts;
use reports::Reports;

mod election;
mod error;
mod events;
mod families;
mod findings;
mod kinds;
mod pages;
mod pass;
mod report;
mod reports;
#[cfg(test)]
mod tests;

/// Between two looks at whether the date, the policy or the release table has changed.
const GLANCE: Duration = Duration::from_secs(5);
/// What is known of the mesh may change all the time, and then each time has its share of the interval.
const SETTLING: u32 = 12;
/// After a pass that could look at nothing.
const AGAIN: Duration = Duration::from_secs(30);
/// Within which watches have told what there is.
const FIRST_MOMENTS: Duration = Duration::from_secs(10);
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
    identity: String,
    /// Whether the mesh is learned from the cluster.
    is_watching: bool,
}

/// What is known from one pass to the next.
#[derive(Default)]
struct Memory {
    findings: Findings,
    /// Errors that were told; `None` before it was looked what another replica told.
    told: Option<Errors>,
}

/// Starts the audit, which goes on until it is stopped.
pub fn start(cluster: &Cluster, judge: Arc<Judge>, metrics: Arc<Metrics>, args: &Args) -> Audit {
    let is_watching = args.mesh.watch;
    let args = &args.audit;
    let mut excluded: BTreeSet<_> = args.audit_excluded_namespaces.iter().cloned().collect();
    excluded.insert(cluster.namespace.clone());
    let identity = identity();
    let election = Election::new(
        cluster.client.clone(),
        &cluster.namespace,
        args.audit_lease.clone(),
        identity.clone(),
        args.audit_lease_duration,
    );
    let worker = Worker {
        client: cluster.client.clone(),
        judge,
        metrics,
        interval: args.audit_interval,
        excluded,
        identity,
        is_watching,
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

async fn run(worker: Worker, mut election: Election, stopped: watch::Receiver<bool>) {
    let (leads, follow) = watch::channel(false);
    tokio::select! {
        () = elect(&mut election, &leads, stopped, &worker.metrics) => {}
        () = worker.work(follow) => {}
    }
    worker.metrics.audit.leads(false);
    match timeout(PATIENCE, election.release()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("{error}"),
        Err(_) => tracing::warn!("the API server is too late for giving the Lease back"),
    }
}

/// Keeps the Lease, or waits for it, until the audit is stopped. A round is never left half done.
async fn elect(
    election: &mut Election,
    leads: &watch::Sender<bool>,
    mut stopped: watch::Receiver<bool>,
    metrics: &Metrics,
) {
    let pause = election.duration() / 3;
    let mut trouble = Trouble::default();
    let mut renewed = Instant::now();
    loop {
        let began = Instant::now();
        let is_held = match election.round_within(pause).await {
            Ok(is_held) => {
                trouble = Trouble::default();
                renewed = began;
                is_held
            }
            Err(error) => {
                metrics.audit.failed(error.reason());
                trouble.goes_on(&error);
                // For as long as nobody else may take it.
                *leads.borrow() && renewed.elapsed() < pause * 2
            }
        };
        if *leads.borrow() != is_held {
            tracing::info!(leads = is_held, "audit");
            metrics.audit.leads(is_held);
            leads.send_replace(is_held);
        }
        tokio::select! {
            () = sleep(pause.saturating_sub(began.elapsed())) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// What is going wrong, said once.
#[derive(Default)]
struct Trouble(String);

impl Trouble {
    fn goes_on(&mut self, error: &AuditError) {
        let text = error.to_string();
        if text != self.0 {
            tracing::warn!("{text}, trying again");
            self.0 = text;
        }
    }
}

impl Worker {
    /// Passes for as long as this replica leads.
    async fn work(&self, mut leads: watch::Receiver<bool>) {
        while leads.wait_for(|leads| *leads).await.is_ok() {
            tokio::select! {
                // First, or a pass that ends now would show what it found all the same.
                biased;
                _ = leads.wait_for(|leads| !*leads) => {}
                () = self.passes() => {}
            }
        }
    }

    async fn passes(&self) {
        let mut memory = Memory::default();
        if self.is_watching {
            self.settle().await;
        }
        loop {
            let began = Instant::now();
            let (engine, mesh) = (self.judge.engine(), self.judge.mesh());
            let is_seen = self.pass(&engine, &mesh, &mut memory).await;
            let interval = if is_seen {
                self.interval
            } else {
                self.interval.min(AGAIN)
            };
            let is_due = |elapsed: Duration| {
                let is_stale =
                    elapsed >= interval / SETTLING && !Arc::ptr_eq(&mesh, &self.judge.mesh());
                elapsed >= interval || is_stale || !Arc::ptr_eq(&engine, &self.judge.engine())
            };
            while !is_due(began.elapsed()) {
                sleep(GLANCE.min(interval.saturating_sub(began.elapsed()))).await;
            }
        }
    }

    /// Waits for what is learned of the mesh in the first moments: without it there would be findings
    /// that are gone at the next pass.
    async fn settle(&self) {
        let began = Instant::now();
        let mut mesh = self.judge.mesh();
        while began.elapsed() < FIRST_MOMENTS {
            sleep(FIRST_MOMENTS / 10).await;
            let before = mem::replace(&mut mesh, self.judge.mesh());
            if Arc::ptr_eq(&before, &mesh) {
                break;
            }
        }
    }

    /// One pass. Whether anything could be looked at.
    async fn pass(&self, engine: &Engine, mesh: &Mesh, memory: &mut Memory) -> bool {
        let began = Instant::now();
        let pass = Pass {
            client: &self.client,
            engine,
            mesh,
            metrics: &self.metrics,
            excluded: &self.excluded,
        };
        let mut is_whole = match pass
            .run(&mut memory.findings, |error| self.tell(error))
            .await
        {
            Ok(is_whole) => is_whole,
            Err(error) => {
                self.tell(&error);
                return false;
            }
        };
        let metrics = &self.metrics.audit;
        metrics.shows(memory.findings.tally());
        if let Err(error) = self.publish(memory).await {
            self.tell(&error);
            is_whole = false;
        }
        let objects = memory.findings.objects();
        let took = began.elapsed();
        metrics.passed(PassSeen {
            is_whole,
            objects,
            took,
        });
        tracing::info!(objects, is_whole, ?took, as_of = %engine.as_of(), "audit: a pass has ended");
        tell_support(&memory.findings);
        true
    }

    /// Tells of new errors, then brings the reports in order: what they hold was told.
    async fn publish(&self, memory: &mut Memory) -> Result<(), AuditError> {
        let metrics = &self.metrics.audit;
        let reports = Reports::find(&self.client, metrics).await?;
        let mut told = match memory.told.take() {
            Some(told) => told,
            None => self.told_before(&reports).await,
        };
        let events = events::tell(
            &self.client,
            metrics,
            &self.identity,
            &memory.findings,
            &mut told,
        )
        .await;
        memory.told = Some(told);
        if let Err(error) = events {
            self.tell(&error);
        }
        reports.write(&Drafts::of(&memory.findings)).await
    }

    /// The errors that reports show. Where they cannot be read, the names of events keep one from being
    /// made twice.
    async fn told_before(&self, reports: &Reports<'_>) -> Errors {
        let mut told = Errors::new();
        let read = reports.errors(|result| {
            told.insert(events::key_of_result(result));
        });
        if let Err(error) = read.await {
            self.tell(&error);
        }
        told
    }

    fn tell(&self, error: &AuditError) {
        self.metrics.audit.failed(error.reason());
        tracing::warn!("audit: {error}");
    }
}

/// The one sentence for whoever is on call: what is out of support, and what runs beside it.
fn tell_support(findings: &Findings) {
    let is_over = |plane: &&&Plane| plane.days_left.is_some_and(|days| days < 0);
    let planes = findings.planes();
    let over: Vec<_> = planes
        .iter()
        .filter(is_over)
        .map(|plane| findings::in_words(plane))
        .collect();
    if over.is_empty() {
        return;
    }
    let rest = planes.iter().filter(|plane| !is_over(plane));
    let rest: Vec<_> = rest.map(|plane| findings::in_words(plane)).collect();
    let beside = if rest.is_empty() {
        String::new()
    } else {
        format!("; beside it there is {}", rest.join(", "))
    };
    tracing::warn!(
        "audit: istiod {} gets no patches any more{beside}",
        over.join(", ")
    );
}
