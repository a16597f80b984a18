//! The certificate that is served, and its replacement while the server runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use x509_parser::error::X509Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};

pub mod files;
pub mod self_signed;

/// Why a certificate and its key cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// Broken PEM in the certificate file.
    #[error("tls.crt: {0}")]
    Certificate(#[source] pem::Error),
    /// The file holds no certificate.
    #[error("tls.crt holds no certificate")]
    NoCertificate,
    /// Not an X.509 certificate.
    #[error("tls.crt: the first certificate cannot be read: {0}")]
    NoX509(#[source] x509_parser::nom::Err<X509Error>),
    /// No key, or broken PEM in the key file.
    #[error("tls.key: {0}")]
    Key(#[source] pem::Error),
    /// The key does not belong to the certificate, or is of a kind that cannot be used.
    #[error("tls.crt and tls.key: {0}")]
    Mismatch(#[source] rustls::Error),
    /// Not valid at this time.
    #[error("tls.crt: the certificate is valid from {not_before} to {not_after} only")]
    NotNow {
        /// As in the certificate.
        not_before: String,
        /// As in the certificate.
        not_after: String,
    },
}

/// A certificate chain and its key.
#[derive(Debug)]
pub struct Pair {
    certified: Arc<CertifiedKey>,
    not_before: i64,
    not_after: i64,
    described: [String; 2],
}

impl Pair {
    /// Reads a chain (the server's own certificate first) and its key, both PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(PairError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(PairError::Key)?;
        Self::new(chain, key)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, PairError> {
        let own = chain.first().ok_or(PairError::NoCertificate)?.clone();
        let (_, parsed) = X509Certificate::from_der(&own).map_err(PairError::NoX509)?;
        let validity = parsed.validity();
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(PairError::Mismatch)?;
        Ok(Self {
            certified: Arc::new(certified),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
            described: [
                validity.not_before.to_string(),
                validity.not_after.to_string(),
            ],
        })
    }

    /// Whether a client would take it now, as far as time goes.
    pub fn is_valid_now(&self) -> bool {
        (self.not_before..=self.not_after).contains(&now())
    }

    /// Fails for a pair that no client would take now.
    pub fn valid_now(self) -> Result<Self, PairError> {
        if self.is_valid_now() {
            return Ok(self);
        }
        let [not_before, not_after] = self.described;
        Err(PairError::NotNow {
            not_before,
            not_after,
        })
    }

    /// Seconds since 1970.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

/// The pair that new connections get.
pub struct Serving(RwLock<Arc<Pair>>);

impl Serving {
    /// Serves `pair` until another one is put in its place.
    pub fn new(pair: Pair) -> Self {
        Self(RwLock::new(Arc::new(pair)))
    }

    /// The pair of now.
    pub fn current(&self) -> Arc<Pair> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From the next connection on; those that are open stay as they are.
    pub fn replace(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Serving")
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current().certified))
    }
}

/// TLS as it is spoken: 1.2 and later, and HTTP/1.1 alone, since the API server speaks nothing else
/// to webhooks.
pub fn config(serving: Arc<Serving>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(serving);
    // A session that is taken up again goes on under the certificate that it began with, and API
    // servers do not ask for it.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
