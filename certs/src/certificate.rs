//! Certificates without their keys.

use std::fmt;

use jiff::Timestamp;
use pem::{EncodeConfig, LineEnding, Pem};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::error::X509Error;
use x509_parser::nom;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Why text holds no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Broken PEM.
    #[error("no PEM that can be read: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// Not an X.509 certificate.
    #[error("the certificate cannot be read: {0}")]
    NoX509(#[from] nom::Err<X509Error>),
    /// The text holds none.
    #[error("no certificate")]
    Missing,
}

/// A certificate, with what is asked of it again and again.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    not_before: Timestamp,
    not_after: Timestamp,
    is_authority: bool,
    names: Vec<String>,
    title: String,
}

impl Certificate {
    /// Reads one certificate.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let (_, parsed) = X509Certificate::from_der(&der)?;
        let second = |second| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        let validity = parsed.validity();
        let read = Self {
            not_before: second(validity.not_before.timestamp()),
            not_after: second(validity.not_after.timestamp()),
            is_authority: parsed.is_ca(),
            names: names(&parsed),
            title: parsed.subject().to_string(),
            der: CertificateDer::from(Vec::new()),
        };
        Ok(Self { der, ..read })
    }

    /// Reads the first certificate in PEM text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let mut all = Self::all_from_pem(pem)?.into_iter();
        all.next().ok_or(CertificateError::Missing)
    }

    /// Reads every certificate in PEM text, of which there may be none.
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        CertificateDer::pem_slice_iter(pem)
            .map(|der| Self::from_der(der?))
            .collect()
    }

    /// As text, one line end after each line.
    pub fn pem(&self) -> String {
        let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
        pem::encode_config(&Pem::new("CERTIFICATE", self.der.as_ref()), config)
    }

    /// As bytes.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// When its life begins.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// When its life ends.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether time alone lets a client take it.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Whether it may sign others.
    pub fn is_authority(&self) -> bool {
        self.is_authority
    }

    /// For whom a client takes it: DNS names and addresses.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the key of `authority` signed it.
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let own = X509Certificate::from_der(&self.der);
        let other = X509Certificate::from_der(&authority.der);
        let (Ok((_, own)), Ok((_, other))) = (own, other) else {
            return false;
        };
        own.issuer() == other.subject() && own.verify_signature(Some(other.public_key())).is_ok()
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (to {})", self.title, self.not_after)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({self})")
    }
}

/// A bundle: the certificates one after the other, as text.
pub fn bundle<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> String {
    certificates.into_iter().map(Certificate::pem).collect()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or_else(|_| v6()).ok().map(|address| address.to_string())
}
