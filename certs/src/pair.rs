//! A certificate chain and its key, ready to be served.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;

use crate::authority::Issued;
use crate::certificate::{Certificate, CertificateError};
use crate::clock::now;

/// Why a certificate and its key cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The file holds no certificate, or one that cannot be read.
    #[error("tls.crt: {0}")]
    Certificate(#[from] CertificateError),
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
        not_before: Timestamp,
        /// As in the certificate.
        not_after: Timestamp,
    },
}

/// A certificate chain and its key.
#[derive(Clone)]
pub struct Pair {
    certified: Arc<CertifiedKey>,
    certificate: Certificate,
}

impl Pair {
    /// Reads a chain (the server's own certificate first) and its key, both PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let chain = Certificate::all_from_pem(chain)?;
        let certificate = chain.first().ok_or(CertificateError::Missing)?.clone();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(PairError::Key)?;
        let chain = chain.iter().map(|one| one.der().clone()).collect();
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(PairError::Mismatch)?;
        Ok(Self {
            certified: Arc::new(certified),
            certificate,
        })
    }

    /// The server's own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// As TLS wants it.
    pub(crate) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// Whether a client would take it now, as far as time goes.
    pub fn is_valid_now(&self) -> bool {
        self.certificate.is_valid_at(now())
    }

    /// Fails for a pair that no client would take now.
    pub fn valid_now(self) -> Result<Self, PairError> {
        if self.is_valid_now() {
            return Ok(self);
        }
        Err(PairError::NotNow {
            not_before: self.certificate.not_before(),
            not_after: self.certificate.not_after(),
        })
    }
}

impl TryFrom<&Issued> for Pair {
    type Error = PairError;

    fn try_from(issued: &Issued) -> Result<Self, PairError> {
        Self::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes())
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.certificate)
    }
}
