//! Makes authorities and certificates.

use std::time::Duration;

use jiff::{Timestamp, Unit};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::certificate::{Certificate, CertificateError};
use crate::clock::{after, before};

/// Longest common name that X.509 knows. Clients look at the other names.
const LONGEST_NAME: usize = 64;

/// Why a certificate and a key are no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate may not sign others.
    #[error("the certificate is not one of an authority")]
    NoAuthority,
    /// The key cannot be read. What is wrong with it is not said: it may be a piece of it.
    #[error("the key cannot be read")]
    Key,
    /// The key is another one's.
    #[error("the key does not belong to the certificate")]
    Mismatch,
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Life {
    /// A life of this length from now on, which began `slack` ago for clients whose clocks are late.
    pub fn from(now: Timestamp, length: Duration, slack: Duration) -> Self {
        Self {
            not_before: before(now, slack),
            not_after: after(now, length),
        }
    }
}

/// A certificate that may sign others, and its key.
pub struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

/// A certificate and its key, PEM. It cannot be printed, for the key's sake.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its key. Never written to a disk, never logged.
    pub key: String,
}

impl Authority {
    /// Makes one. The time in its name keeps two of them apart.
    pub fn found(name: &str, now: Timestamp, life: Life) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        let second = now.round(Unit::Second).unwrap_or(now);
        params.distinguished_name = called(name);
        let unit = DnType::OrganizationalUnitName;
        params
            .distinguished_name
            .push(unit, format!("since {second}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_life(&mut params, life);
        let key = KeyPair::generate()?;
        let der = params.self_signed(&key)?.der().clone();
        let certificate = Certificate::from_der(der).expect("what was just written can be read");
        Ok(Self { certificate, key })
    }

    /// Reads one, and makes sure that the key is the certificate's.
    pub fn read(certificate: &[u8], key: &[u8]) -> Result<Self, AuthorityError> {
        let certificate = Certificate::from_pem(certificate)?;
        if !certificate.is_authority() {
            return Err(AuthorityError::NoAuthority);
        }
        let key = std::str::from_utf8(key).map_err(|_| AuthorityError::Key)?;
        let key = KeyPair::from_pem(key).map_err(|_| AuthorityError::Key)?;
        let (_, parsed) =
            X509Certificate::from_der(certificate.der()).map_err(CertificateError::from)?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(AuthorityError::Mismatch);
        }
        Ok(Self { certificate, key })
    }

    /// The public part.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Both parts as text, to be stored.
    pub fn issued(&self) -> Issued {
        Issued {
            certificate: self.certificate.pem(),
            key: self.key.serialize_pem(),
        }
    }

    /// A certificate for a server of these names, the first of which stands for it. It does not
    /// outlive its authority.
    pub fn issue(&self, names: &[String], life: Life) -> Result<Issued, rcgen::Error> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = names
            .first()
            .filter(|name| name.len() <= LONGEST_NAME)
            .map_or_else(DistinguishedName::new, |name| called(name));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let not_after = life.not_after.min(self.certificate.not_after());
        set_life(&mut params, Life { not_after, ..life });
        let key = KeyPair::generate()?;
        let issuer = Issuer::from_ca_cert_der(self.certificate.der(), &self.key)?;
        Ok(Issued {
            certificate: params.signed_by(&key, &issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::OrganizationName, "meshcheck");
    called.push(DnType::CommonName, name);
    called
}

fn set_life(params: &mut CertificateParams, life: Life) {
    let time = |time: Timestamp| {
        let second = u64::try_from(time.as_second()).unwrap_or_default();
        date_time_ymd(1970, 1, 1) + Duration::from_secs(second)
    };
    params.not_before = time(life.not_before);
    params.not_after = time(life.not_after);
}
