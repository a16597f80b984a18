//! The connection to the cluster, as kubectl would make it.

use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use rustls::crypto::ring;

use crate::args::DoctorArgs;

/// To connect. A cluster that takes longer does not answer kubectl either.
const CONNECT: Duration = Duration::from_secs(10);
/// For an answer: above the longest `timeoutSeconds` of two webhooks one after the other.
const ANSWER: Duration = Duration::from_secs(65);
/// Shown in the audit log of the API server.
const USER_AGENT: &str = concat!("kubectl-meshcheck/", env!("CARGO_PKG_VERSION"));

/// Why no cluster can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The file that was named, or the one of the environment, is of no use.
    #[error("the kubeconfig cannot be used: {}", chain(.0))]
    Kubeconfig(#[source] KubeconfigError),
    /// It has no context of that name.
    #[error("the kubeconfig has no context `{name}`: it has {}", has.join(", "))]
    NoContext {
        /// As asked for.
        name: String,
        /// Those that there are.
        has: Vec<String>,
    },
    /// There is no kubeconfig, and this is no Pod either.
    #[error("no cluster to ask: neither a kubeconfig ({}) nor the account of a Pod", chain(.0))]
    Nowhere(#[source] KubeconfigError),
    /// What the kubeconfig says cannot be used.
    #[error("the kubeconfig cannot be used: {}", chain(.0))]
    Client(#[source] kube::Error),
    /// The API server did not answer.
    #[error("the API server {server} cannot be asked: {}", chain(.source))]
    Unreachable {
        /// Its URL.
        server: String,
        /// Why.
        source: kube::Error,
    },
    /// It answered, and does not want to say what everything else depends on.
    #[error("cannot list {what} at {server}: {}", chain(.source))]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// Its URL.
        server: String,
        /// Why.
        source: kube::Error,
    },
    /// The system gives no runtime.
    #[error("the network cannot be used: {0}")]
    Runtime(#[from] std::io::Error),
}

/// An error with its causes, which those of the client do not name themselves.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(kube::Error::Api(status)) = error.downcast_ref() {
        return status.message.clone();
    }
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// A cluster to ask.
pub(super) struct Connection {
    pub(super) client: Client,
    /// Name of the context, where a kubeconfig led here.
    pub(super) context: Option<String>,
    /// URL of the API server.
    pub(super) server: String,
}

impl Connection {
    /// Nothing is sent yet.
    pub(super) async fn new(arguments: &DoctorArgs) -> Result<Self, ClusterError> {
        // The one provider that is built in. Somebody else in this process may have come first.
        let _ = ring::default_provider().install_default();
        let (mut config, context) = config(arguments).await?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(ANSWER);
        // An answer that says no is one.
        config.default_retry = false;
        config.headers.push((
            http::header::USER_AGENT,
            http::HeaderValue::from_static(USER_AGENT),
        ));
        let server = config.cluster_url.to_string();
        Ok(Self {
            client: Client::try_from(config).map_err(ClusterError::Client)?,
            context,
            server: server.trim_end_matches('/').to_owned(),
        })
    }

    /// The error of a request that everything else depends on.
    pub(super) fn refused(&self, what: &'static str, source: kube::Error) -> ClusterError {
        let server = self.server.clone();
        match source {
            kube::Error::Api(_) => ClusterError::Refused {
                what,
                server,
                source,
            },
            _ => ClusterError::Unreachable { server, source },
        }
    }
}

async fn config(arguments: &DoctorArgs) -> Result<(Config, Option<String>), ClusterError> {
    let file = match &arguments.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(ClusterError::Kubeconfig)?,
        None => match Kubeconfig::read() {
            Ok(file) => file,
            Err(error) => return in_cluster(arguments, error),
        },
    };
    let context = arguments.context.clone();
    let context = context.or_else(|| file.current_context.clone());
    if let Some(name) = &context {
        has_context(&file, name)?;
    }
    let options = KubeConfigOptions {
        context: arguments.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(file, &options).await;
    Ok((config.map_err(ClusterError::Kubeconfig)?, context))
}

fn has_context(file: &Kubeconfig, name: &str) -> Result<(), ClusterError> {
    let has: Vec<_> = file.contexts.iter().map(|one| one.name.clone()).collect();
    if has.iter().any(|one| one == name) {
        return Ok(());
    }
    let name = name.to_owned();
    Err(ClusterError::NoContext { name, has })
}

/// As a Pod asks, where there is no kubeconfig at all and nobody asked for a part of one.
fn in_cluster(
    arguments: &DoctorArgs,
    error: KubeconfigError,
) -> Result<(Config, Option<String>), ClusterError> {
    let is_missing = match &error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(cause, _) => cause.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    };
    if !is_missing || arguments.context.is_some() {
        return Err(ClusterError::Kubeconfig(error));
    }
    let config: Result<Config, InClusterError> = Config::incluster();
    match config {
        Ok(config) => Ok((config, None)),
        Err(_) => Err(ClusterError::Nowhere(error)),
    }
}
