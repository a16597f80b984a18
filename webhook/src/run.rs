//! The server from start to end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::middleware;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use meshcheck_rules::releases::Releases;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use meshcheck_certs::files::{Files, FilesError, follow};
use meshcheck_certs::managed::{self, Manager};
use meshcheck_certs::self_signed::{self, SelfSignedError};
use meshcheck_certs::{Pair, Serving, Telemetry};

use crate::args::{Args, CertificateSource, UsageError};
use crate::audit::{self, Audit};
use crate::cluster::{Cluster, ClusterError};
use crate::followed;
use crate::handlers;
use crate::health::{self, Health};
use crate::judge::Judge;
use crate::listen::Door;
use crate::metrics::Metrics;
use crate::policy::{self, PolicyError};
use crate::recording::{self, MeshError};
use crate::release_data::{self, ReleaseDataError};
use crate::tls;
use crate::trace::{TraceError, Traces};
use crate::watch;

/// Longer than the 90 seconds that an API server keeps a connection for: it must be the one that
/// closes, or a request may be on its way into a closed one.
const IDLE: Duration = Duration::from_mins(5);

/// Of one connection; the head of a request must fit. The default grows to six times as much.
const READ_BUFFER: usize = 64 << 10;

/// Why the server did not start, or did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Options that do not go together.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// No policy to judge by.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No recording of the mesh that can be used.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// The machine gives no threads.
    #[error("threads cannot be started: {0}")]
    Threads(#[source] io::Error),
    /// No certificate that can be served.
    #[error("no certificate: {0}")]
    Files(#[from] FilesError),
    /// No API server for what needs one.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// No release table that can be used.
    #[error("no release data: {0}")]
    ReleaseData(#[from] ReleaseDataError),
    /// The self-signed certificate went wrong.
    #[error(transparent)]
    SelfSigned(#[from] SelfSignedError),
    /// Reviews cannot be traced.
    #[error(transparent)]
    Traces(#[from] TraceError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(#[source] io::Error),
    /// A server gave up.
    #[error("cannot serve any longer: {0}")]
    Serve(#[source] io::Error),
    /// A second signal came.
    #[error("a second signal came before all was answered")]
    Interrupted,
}

impl RunError {
    /// The exit code of the program, as `--help` says.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Policy(_)
            | Self::Mesh(_)
            | Self::Files(_)
            | Self::ReleaseData(_)
            | Self::SelfSigned(_)
            | Self::Traces(_)
            | Self::Cluster(_) => 2,
            _ => 1,
        }
    }
}

/// Serves until a signal comes, then until all is answered.
pub async fn run(args: Args) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(RunError::Signals)?;
    let mut running = Running::start(&args).await?;
    let stop = tokio::select! {
        stop = signals.next() => stop,
        failure = running.failure() => return Err(failure),
    };
    running.health.stops();
    // Another replica goes on with the audit while this one still serves.
    let audit = tokio::spawn(audit::stop(running.audit.take()));
    let traces = running.traces.take();
    let delay = match stop {
        Stop::Drain => args.shutdown_delay,
        Stop::Now => Duration::ZERO,
    };
    tracing::info!(?delay, "stopping: not ready, serving on");
    tokio::select! {
        drained = running.drain(delay, args.drain_timeout) => drained?,
        _ = signals.next() => return Err(RunError::Interrupted),
    }
    // It has given up by now: it waits for less than a drain.
    drop(audit.await);
    if let Some(traces) = traces {
        traces.flush().await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// Both ports, served.
struct Running {
    health: Arc<Health>,
    handle: Handle<SocketAddr>,
    reviews: JoinHandle<io::Result<()>>,
    probes: JoinHandle<io::Result<()>>,
    audit: Option<Audit>,
    traces: Option<Traces>,
}

impl Running {
    async fn start(args: &Args) -> Result<Self, RunError> {
        let mesh = recording::mesh(args.mesh.settings(), args.mesh.mesh.as_deref())?;
        let judge = Judge::new(args.mesh.settings(), args.as_of, args.updates);
        judge.replace_mesh(mesh.clone());
        let judge = Arc::new(judge);
        let metrics = Arc::new(Metrics::default());
        let cluster = cluster(args).await?;
        policy(args, cluster.as_ref(), &judge, &metrics)?;
        let serving = certificate(args, cluster.as_ref(), &metrics)?;
        let health = Arc::new(Health::new(Arc::clone(&serving)));
        release_data(args, &judge, &metrics)?;
        if let Some(cluster) = cluster.as_ref().filter(|_| args.mesh.watch) {
            let client = cluster.client.clone();
            watch::start(client, mesh, Arc::clone(&judge), &metrics).await;
        }
        let audit = audit(args, cluster.as_ref(), &judge, &metrics);
        let traces = Traces::new(&args.traces)?;
        let (reviews, address) = bind(args.listen)?;
        let (probes, health_address) = bind(args.health_listen)?;

        let part = middleware::from_fn_with_state(Arc::clone(&health), health::part);
        let mut router = handlers::router(judge, Arc::clone(&metrics), args.limits());
        if let Some(traces) = &traces {
            router = traces.around(router);
        }
        let router = router.layer(part);
        let door = Door::new(
            tls::config(serving)?,
            Arc::clone(&metrics),
            args.client_timeout,
        );
        let handle = Handle::new();
        let reviews = http(reviews).acceptor(door).handle(handle.clone());
        let probe_router = health::router(Arc::clone(&health), metrics);
        let running = Self {
            reviews: tokio::spawn(reviews.serve(router.into_make_service())),
            probes: tokio::spawn(http(probes).serve(probe_router.into_make_service())),
            handle,
            health,
            audit,
            traces,
        };
        running.health.listens();
        tracing::info!(%address, %health_address, version = env!("CARGO_PKG_VERSION"), "listening");
        Ok(running)
    }

    /// A server that ends by itself.
    async fn failure(&mut self) -> RunError {
        let ended = tokio::select! {
            ended = &mut self.reviews => ended,
            ended = &mut self.probes => ended,
        };
        match ended.map_err(io::Error::other).flatten() {
            Ok(()) => RunError::Serve(io::ErrorKind::ConnectionAborted.into()),
            Err(error) => RunError::Serve(error),
        }
    }

    /// Serves on for `delay`, then takes no new connections and waits for the open ones. The probes
    /// are answered to the end.
    async fn drain(self, delay: Duration, patience: Duration) -> Result<(), RunError> {
        tokio::time::sleep(delay).await;
        self.handle.graceful_shutdown(Some(patience));
        let ended = self.reviews.await.map_err(io::Error::other).flatten();
        ended.map_err(RunError::Serve)
    }
}

/// The policy to start with. From a file it is followed from then on.
fn policy(
    args: &Args,
    cluster: Option<&Cluster>,
    judge: &Arc<Judge>,
    metrics: &Arc<Metrics>,
) -> Result<(), PolicyError> {
    let Some(path) = &args.policy else {
        return Ok(());
    };
    let mut file = followed::File::new(path);
    let first = file.first()?;
    tracing::info!(path = %path.display(), modes = %policy::Modes(&first), "policy");
    judge.replace_policy(first);
    metrics.policy.starts(file.fingerprint());
    let (judge, metrics) = (Arc::clone(judge), Arc::clone(metrics));
    let teller = cluster.and_then(policy::Teller::new);
    let every = args.certificate.cert_poll_interval;
    tokio::spawn(followed::follow(file, every, move |read, print| {
        policy::replace(&judge, &metrics, teller.as_ref(), read, print);
    }));
    Ok(())
}

/// The one connection to the API server, for all that needs it; `None` where nothing does.
async fn cluster(args: &Args) -> Result<Option<Cluster>, RunError> {
    if !args.asks_a_cluster() {
        return Ok(None);
    }
    Ok(Some(Cluster::connect().await?))
}

/// The certificate to start with, if there is one already. It is followed from then on.
fn certificate(
    args: &Args,
    cluster: Option<&Cluster>,
    metrics: &Metrics,
) -> Result<Arc<Serving>, RunError> {
    let telemetry = Arc::new(metrics.certificates.clone());
    let args = &args.certificate;
    match args.source()? {
        CertificateSource::SelfSigned { ca_out } => {
            Ok(serve(self_signed::pair(ca_out.as_deref())?, &*telemetry))
        }
        CertificateSource::Files(dir) => {
            let mut files = Files::new(&dir);
            let serving = serve(files.first()?, &*telemetry);
            let following = Arc::clone(&serving);
            tokio::spawn(follow(files, following, telemetry, args.cert_poll_interval));
            Ok(serving)
        }
        CertificateSource::Managed(source) => {
            let cluster = cluster.expect("`Args::asks_a_cluster` names this source");
            let serving = Arc::new(Serving::default());
            let manager = Manager::new(
                cluster.client.clone(),
                source.settings(&cluster.namespace),
                Arc::clone(&cluster.clock),
                Arc::clone(&serving),
                telemetry,
            );
            tokio::spawn(managed::follow(manager));
            Ok(serving)
        }
    }
}

/// The background audit, if there is to be one.
fn audit(
    args: &Args,
    cluster: Option<&Cluster>,
    judge: &Arc<Judge>,
    metrics: &Arc<Metrics>,
) -> Option<Audit> {
    let cluster = cluster.filter(|_| args.audit.is_on())?;
    let (judge, metrics) = (Arc::clone(judge), Arc::clone(metrics));
    Some(audit::start(cluster, judge, metrics, args))
}

fn serve(pair: Pair, telemetry: &dyn Telemetry) -> Arc<Serving> {
    telemetry.serves(&pair);
    if !pair.is_valid_now() {
        tracing::error!(
            "the certificate is not valid at this time: not ready until it is replaced"
        );
    }
    Arc::new(Serving::new(pair))
}

/// The release table to start with. From a file it is followed from then on.
fn release_data(
    args: &Args,
    judge: &Arc<Judge>,
    metrics: &Arc<Metrics>,
) -> Result<(), ReleaseDataError> {
    let Some(path) = &args.release_data else {
        metrics.judges_by(&Releases::embedded());
        judge.prepare();
        return Ok(());
    };
    let mut file = followed::File::new(path);
    let table = file.first()?;
    metrics.judges_by(&table);
    judge.replace_releases(table);
    judge.prepare();
    let (judge, metrics) = (Arc::clone(judge), Arc::clone(metrics));
    let every = args.certificate.cert_poll_interval;
    tokio::spawn(followed::follow(file, every, move |read, _| {
        release_data::replace(&judge, &metrics, read);
    }));
    Ok(())
}

fn bind(address: SocketAddr) -> Result<(Server<SocketAddr>, SocketAddr), RunError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        Ok((axum_server::from_tcp(listener)?, bound))
    };
    listen().map_err(|source| RunError::Listen { address, source })
}

/// HTTP/1.1 alone, with a limit on idle connections.
fn http(mut server: Server<SocketAddr>) -> Server<SocketAddr> {
    let mut http = server.http_builder().http1();
    http.timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(READ_BUFFER);
    server.http1_only()
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// SIGTERM: the orchestrator's, which tells clients at the same time.
    Drain,
    /// SIGINT: a person's, who does not want to wait.
    Now,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Drain,
            _ = self.interrupt.recv() => Stop::Now,
        }
    }
}
