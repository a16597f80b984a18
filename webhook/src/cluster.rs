//! The connection to the API server, for everything that asks or watches it. No review waits for it.

use std::sync::Arc;

use http::Response;
use kube::client::ClientBuilder;
use kube::config::InferConfigError;
use kube::{Client, Config};
use meshcheck_certs::clock::ServerClock;
use tower::util::MapResponseLayer;

/// Shown to the API server, in its log and in its audit log.
const USER_AGENT: &str = concat!("meshcheck-webhook/", env!("CARGO_PKG_VERSION"));

/// Why there is no connection to be tried.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Neither a kubeconfig nor a service account.
    #[error("no API server to ask: {0}")]
    Config(#[from] InferConfigError),
    /// What they say cannot be used.
    #[error("the API server cannot be asked: {0}")]
    Client(#[source] kube::Error),
}

/// A client and what it learns by the way.
#[derive(Clone)]
pub struct Cluster {
    /// For all requests: cloned, it shares its connections.
    pub client: Client,
    /// The time at the API server.
    pub clock: Arc<ServerClock>,
    /// The namespace of this process.
    pub namespace: String,
}

impl Cluster {
    /// As `kubectl` would ask: a kubeconfig if there is one, else the service account of the pod.
    /// Nothing is sent yet.
    pub async fn connect() -> Result<Self, ClusterError> {
        let mut config = Config::infer().await?;
        config.headers.push((
            http::header::USER_AGENT,
            http::HeaderValue::from_static(USER_AGENT),
        ));
        let namespace = config.default_namespace.clone();
        let clock = Arc::new(ServerClock::default());
        let seen = Arc::clone(&clock);
        let watch = MapResponseLayer::new(move |response: Response<_>| {
            seen.observe(response.headers());
            response
        });
        let builder = ClientBuilder::try_from(config).map_err(ClusterError::Client)?;
        Ok(Self {
            client: builder.with_layer(&watch).build(),
            clock,
            namespace,
        })
    }
}
