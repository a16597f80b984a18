//! A client as the API server is one: TLS that trusts a CA and nothing else, HTTP/1.1, connections
//! that are kept.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What is trusted.
#[derive(Clone)]
pub(crate) struct Client {
    tls: TlsConnector,
    address: SocketAddr,
}

impl Client {
    /// A client of `address` that trusts these CAs (PEM).
    pub(crate) fn new(address: SocketAddr, cas: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        for ca in cas {
            let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("a CA");
            roots.add(ca).expect("a CA");
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of the provider")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: TlsConnector::from(Arc::new(config)),
            address,
        }
    }

    /// A connection over TLS with the name of this machine.
    pub(crate) async fn tls(&self) -> io::Result<TlsStream<TcpStream>> {
        self.tls_as("localhost").await
    }

    /// A connection over TLS that expects this name.
    pub(crate) async fn tls_as(&self, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let tcp = TcpStream::connect(self.address).await?;
        self.tls.connect(name, tcp).await
    }

    /// A connection that speaks HTTP, and the certificate that it was given.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let stream = self.tls().await?;
        let chain = stream.get_ref().1.peer_certificates();
        let certificate = chain.expect("a server has one")[0].clone().into_owned();
        let (sender, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(driver);
        Ok(Connection {
            sender,
            certificate,
        })
    }
}

/// A connection that is kept.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// What the server showed.
    pub(crate) certificate: CertificateDer<'static>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    /// Whether the server asks to go elsewhere.
    pub(crate) closes: bool,
}

impl Connection {
    /// Posts a body.
    pub(crate) async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> io::Result<Answer> {
        self.post_with(path, &[], body).await
    }

    /// Posts a body with more headers.
    pub(crate) async fn post_with(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> io::Result<Answer> {
        let json = ("content-type", "application/json");
        let mut request = Request::post(path).header("host", "localhost");
        for (name, value) in [json].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        self.sender.ready().await.map_err(io::Error::other)?;
        let response = self.sender.send_request(request).await;
        answer(response.map_err(io::Error::other)?).await
    }
}

async fn answer(response: Response<hyper::body::Incoming>) -> io::Result<Answer> {
    let status = response.status();
    let closes = response
        .headers()
        .get("connection")
        .is_some_and(|value| value == "close");
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?;
    let text = String::from_utf8(body.to_bytes().to_vec()).map_err(io::Error::other)?;
    Ok(Answer {
        status,
        text,
        closes,
    })
}
