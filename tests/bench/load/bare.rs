//! The server to compare with: what any webhook in this language pays, whatever it judges.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// Asks this program to be the server, with the folder of its certificate behind it.
pub(crate) const ARGUMENT: &str = "--serve-bare";

/// The server while it runs.
pub(crate) struct Bare {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    /// Starts it: this program, asked to be the server.
    pub(crate) fn start(certificate: &Path) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut child = Command::new(this)
            .arg(ARGUMENT)
            .arg(certificate)
            // It ends with this pipe, however this process goes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bare server");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("an address");
        Self { child, address }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the server.
pub(crate) fn serve(folder: &Path) -> ExitCode {
    std::thread::spawn(|| {
        // Whoever started it is gone when there is nothing more to read.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(accept(&config(folder)));
    ExitCode::SUCCESS
}

fn config(folder: &Path) -> TlsAcceptor {
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

async fn accept(acceptor: &TlsAcceptor) {
    let router = Router::new()
        .route("/validate", post(allow))
        .route("/mutate", post(allow));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut out = std::io::stdout();
    writeln!(out, "{address}")
        .and_then(|()| out.flush())
        .expect("a pipe");
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

async fn allow(body: Bytes) -> Response {
    let Ok(review) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": review["request"]["uid"], "allowed": true},
    });
    let json = [("content-type", "application/json")];
    (json, answer.to_string()).into_response()
}
