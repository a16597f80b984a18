//! From a TCP connection to one that speaks HTTP over TLS: a handshake in time, a limit on open
//! connections, a clear word to who does not speak TLS, and a count of who failed.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::accept::Accept;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::listen::pace::{Paced, Tracked};
use crate::metrics::{Metrics, ReasonLabels};

mod pace;

/// An API server keeps a few dozen. Beyond this somebody opens connections for their own sake.
const MOST_CONNECTIONS: usize = 1024;

const PLAIN_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\
    content-type: text/plain\r\ncontent-length: 43\r\n\r\n\
    meshcheck: this port speaks https, not http";

/// Lets connections in.
#[derive(Clone)]
pub struct Door {
    tls: TlsAcceptor,
    metrics: Arc<Metrics>,
    slots: Arc<Semaphore>,
    patience: Duration,
}

impl Door {
    /// A door that gives a client `patience` for its handshake, and as long for the head of each
    /// request.
    pub fn new(tls: ServerConfig, metrics: Arc<Metrics>, patience: Duration) -> Self {
        Self {
            tls: TlsAcceptor::from(Arc::new(tls)),
            metrics,
            slots: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            patience,
        }
    }

    async fn enter(self, tcp: TcpStream, router: Router) -> io::Result<(Connection, Tracked)> {
        let slot = Arc::clone(&self.slots)
            .try_acquire_owned()
            .map_err(|_| self.turn_away("too_many", io::ErrorKind::QuotaExceeded.into()))?;
        // The answer to a review is one small write: waiting to fill a packet would only delay it.
        tcp.set_nodelay(true)?;
        let stream = match timeout(self.patience, self.shake_hands(tcp)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(self.failed(error)),
            Err(_late) => return Err(self.turn_away("timeout", io::ErrorKind::TimedOut.into())),
        };
        Ok(pace::pair(stream, router, self.patience, slot))
    }

    async fn shake_hands(&self, mut tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        tcp.peek(&mut first).await?;
        if first[0].is_ascii_uppercase() {
            // Taking in the request first keeps the answer from being lost in a reset.
            let mut request = Vec::new();
            tcp.read_buf(&mut request).await?;
            tcp.write_all(PLAIN_HTTP).await?;
            tcp.shutdown().await?;
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.tls.accept(tcp).await
    }

    fn failed(&self, error: io::Error) -> io::Error {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
        if let Some(rustls::Error::AlertReceived(alert)) = tls {
            tracing::warn!(
                ?alert,
                "a client refused the certificate: does the caBundle of the webhook configurations fit it?"
            );
            return self.turn_away("alert", error);
        }
        let reason = match error.kind() {
            io::ErrorKind::InvalidInput => "plain_http",
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "closed",
            _ => "tls",
        };
        self.turn_away(reason, error)
    }

    fn turn_away(&self, reason: &'static str, error: io::Error) -> io::Error {
        tracing::debug!(reason, %error, "a connection ended before its first request");
        let labels = ReasonLabels { reason };
        self.metrics.handshake_failures.get_or_create(&labels).inc();
        error
    }
}

/// A connection that can be read in time.
pub type Connection = Paced<TlsStream<TcpStream>>;

impl Accept<TcpStream, Router> for Door {
    type Stream = Connection;
    type Service = Tracked;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Connection, Tracked)>> + Send>>;

    fn accept(&self, tcp: TcpStream, router: Router) -> Self::Future {
        Box::pin(self.clone().enter(tcp, router))
    }
}
