//! A server with TLS and nothing else, for what stands beside the webhook.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, acceptor: TlsAcceptor, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let service = TowerToHyperService::new(router);
                let server = Builder::new(TokioExecutor::new());
                // A client that goes is no failure.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}

/// With the pair in a folder, which may go then.
pub(crate) fn acceptor(folder: &Path) -> TlsAcceptor {
    let read = |name| fs::read(folder.join(name)).expect("a file");
    let chain = CertificateDer::pem_slice_iter(&read("tls.crt")).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(&read("tls.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of the provider")
        .with_no_client_auth()
        .with_single_cert(chain.expect("a chain"), key);
    TlsAcceptor::from(Arc::new(config.expect("a pair")))
}
