//! The way to the collector: in the background, and never a reason for a review to wait.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// For one batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of an answer, which says whether some spans were not taken.
const MOST_BYTES: usize = 64 << 10;

/// Why reviews cannot be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file of `--otlp-ca` cannot be used.
    #[error("--otlp-ca={}: {source}", path.display())]
    Authorities {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// It has no certificate.
    #[error("--otlp-ca={}: there is no certificate in it", .0.display())]
    NoAuthority(PathBuf),
    /// There is none of the system's either.
    #[error("this system trusts no certificate authority, the collector's is for --otlp-ca: {0}")]
    System(#[source] io::Error),
    /// TLS cannot be set up.
    #[error("TLS to the collector cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The exporter refuses what the environment says.
    #[error("traces cannot be exported: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Sends spans to this address.
pub(super) fn exporter(collector: &str, ca: Option<&Path>) -> Result<SpanExporter, TraceError> {
    let tls = match ca {
        _ if !collector.starts_with("https:") => trusting(RootCertStore::empty())?,
        Some(path) => trusting(authorities(path)?)?,
        None => system()?,
    };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    let sender = Sender {
        runtime: Handle::current(),
        client: Client::builder(TokioExecutor::new()).build(connector),
        is_cut_off: AtomicBool::new(false),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(sender)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(collector);
    Ok(exporter.build()?)
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    let ring = Arc::new(ring::default_provider());
    ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions()
}

fn trusting(roots: RootCertStore) -> Result<ClientConfig, TraceError> {
    Ok(builder()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn system() -> Result<ClientConfig, TraceError> {
    let trusting = builder()?.with_native_roots().map_err(TraceError::System)?;
    Ok(trusting.with_no_client_auth())
}

fn authorities(path: &Path) -> Result<RootCertStore, TraceError> {
    let refused = |source| TraceError::Authorities {
        path: path.to_owned(),
        source,
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(refused)? {
        roots.add(certificate.map_err(refused)?)?;
    }
    if roots.is_empty() {
        return Err(TraceError::NoAuthority(path.to_owned()));
    }
    Ok(roots)
}

/// The SDK sends from a thread of its own, which waits; the sockets are the runtime's.
#[derive(Debug)]
struct Sender {
    runtime: Handle,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    is_cut_off: AtomicBool,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.client.request(request.map(Full::new));
        let sending = async {
            let (head, body) = response.await?.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        let in_time = async move { timeout(PATIENCE, sending).await };
        let sent = match self.runtime.spawn(in_time).await {
            Ok(Ok(sent)) => sent,
            Ok(Err(late)) => Err(late.into()),
            Err(ended) => Err(ended.into()),
        };
        self.tell(&sent);
        sent
    }
}

impl Sender {
    /// Once when it begins and once when it is over: a collector may be away for days.
    fn tell(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let why = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answered {}", response.status())),
            Err(error) => Some(with_causes(&**error)),
        };
        if self.is_cut_off.swap(why.is_some(), Ordering::Relaxed) == why.is_some() {
            return;
        }
        if let Some(why) = why {
            tracing::warn!(
                why,
                "spans do not reach the collector; reviews go on without it"
            );
        } else {
            tracing::info!("spans reach the collector again");
        }
    }
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
