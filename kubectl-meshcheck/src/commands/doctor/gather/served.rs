//! Certificates as they are served, whether or not anybody would trust them.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};
use meshcheck_certs::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::access::{Reader, unseen};
use super::install::webhook_container;
use crate::commands::doctor::snapshot::{Configuration, Seen, Served, Unseen, hooks_of};

#[cfg(test)]
mod tests;

/// For a connection and its handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of the Pods of all manifests, where they do not say another.
const PORT: u16 = 8443;

/// What each Pod that runs serves, through a connection that the API server forwards.
pub(super) async fn by_pods(reader: &Reader<'_>, namespace: &str, pods: &[Pod]) -> Vec<Served> {
    let mut served = Vec::new();
    for pod in pods.iter().filter(|pod| is_running(pod)) {
        served.push(Served {
            by: format!("Pod {namespace}/{}", pod.name_any()),
            chain: of_pod(reader, namespace, pod).await,
        });
    }
    served
}

fn is_running(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    status.is_some_and(|status| status.phase.as_deref() == Some("Running"))
}

async fn of_pod(reader: &Reader<'_>, namespace: &str, pod: &Pod) -> Seen<Vec<Certificate>> {
    let pods = Api::<Pod>::namespaced(reader.client().clone(), namespace);
    let name = pod.name_any();
    let cannot = || format!("cannot look at what Pod {namespace}/{name} serves");
    let late = || Unseen(format!("{}: no answer within {PATIENCE:?}", cannot()));
    let port = port(pod);
    let forwarded = timeout(PATIENCE, pods.portforward(&name, &[port])).await;
    let mut forwarded = forwarded
        .map_err(|_| late())?
        .map_err(|error| unseen(&cannot(), &error))?;
    let stream = forwarded.take_stream(port).ok_or_else(late)?;
    let localhost = ServerName::try_from("localhost").expect("a name");
    handshake(stream, localhost)
        .await
        .map_err(|why| Unseen(format!("{}: {why}", cannot())))
}

fn port(pod: &Pod) -> u16 {
    let container = pod.spec.as_ref().and_then(webhook_container);
    let ports = container.and_then(|container| container.ports.as_ref());
    let mut ports = ports.into_iter().flatten();
    let port = ports.find(|port| port.name.as_deref() == Some("https"));
    let port = port.and_then(|port| u16::try_from(port.container_port).ok());
    port.unwrap_or(PORT)
}

/// What each URL serves that a webhook of ours leads to.
pub(super) async fn by_urls(configurations: &[Configuration]) -> Vec<Served> {
    let hooks = configurations.iter().flat_map(hooks_of);
    let mut bases: Vec<_> = hooks
        .filter_map(|hook| hook.url())
        .filter_map(base)
        .collect();
    bases.sort_unstable();
    bases.dedup();
    let mut served = Vec::new();
    for (host, port) in bases {
        let chain = of_address(&host, port).await;
        served.push(Served {
            by: format!("https://{host}:{port}"),
            chain: chain.map_err(|why| {
                Unseen(format!(
                    "cannot look at what {host}:{port} serves from here: {why}"
                ))
            }),
        });
    }
    served
}

/// Host and port of a URL.
pub(in crate::commands::doctor) fn base(url: &str) -> Option<(String, u16)> {
    let uri: Uri = url.parse().ok()?;
    Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(443)))
}

async fn of_address(host: &str, port: u16) -> Result<Vec<Certificate>, String> {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(plain.to_owned()).map_err(|error| error.to_string())?;
    let connected = timeout(PATIENCE, TcpStream::connect((plain, port))).await;
    let stream = connected
        .map_err(|_| format!("no connection within {PATIENCE:?}"))?
        .map_err(|error| error.to_string())?;
    handshake(stream, name).await
}

/// The chain that the other side shows, the server's own certificate first.
async fn handshake<S>(stream: S, name: ServerName<'static>) -> Result<Vec<Certificate>, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let connected = timeout(PATIENCE, connector.connect(name, stream)).await;
    let stream = connected
        .map_err(|_| format!("no TLS handshake within {PATIENCE:?}"))?
        .map_err(|error| error.to_string())?;
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().unwrap_or_default().iter();
    let chain = chain.map(|der| Certificate::from_der(der.clone().into_owned()));
    chain
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())
}

/// Takes every certificate: it is only looked at, and nothing is said to who shows it.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
