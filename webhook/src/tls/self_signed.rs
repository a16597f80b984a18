//! A certificate made in memory, to try the server without a cluster.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::judge::today;
use crate::tls::{Pair, PairError};

/// Whom the certificate is for: this machine, and the Service of `manifests/`.
const NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "meshcheck-webhook",
    "meshcheck-webhook.meshcheck-system",
    "meshcheck-webhook.meshcheck-system.svc",
];
const DAYS: i64 = 365;

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// The generator refused.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    /// What it made cannot be served.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// The CA cannot be written where it was asked for.
    #[error("the CA cannot be written to {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A certificate of a CA of its own. The key of the CA is gone when this is made.
pub struct SelfSigned {
    /// The CA, PEM.
    pub ca: String,
    /// The server's certificate, PEM.
    pub chain: String,
    /// Its key, PEM. Never written, never logged.
    pub key: String,
}

/// Makes a pair for this machine and writes its CA, alone, to `ca_out`.
pub fn pair(ca_out: Option<&Path>) -> Result<Pair, SelfSignedError> {
    let made = issue(&NAMES)?;
    if let Some(path) = ca_out {
        write(path, &made.ca).map_err(|source| SelfSignedError::Write {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(Pair::from_pem(made.chain.as_bytes(), made.key.as_bytes())?)
}

/// Makes a CA and a certificate for these names.
pub fn issue(names: &[&str]) -> Result<SelfSigned, rcgen::Error> {
    let mut ca = CertificateParams::default();
    ca.distinguished_name = name("meshcheck self-signed CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    live(&mut ca, today());
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();

    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name = name("meshcheck-webhook");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    live(&mut leaf, today());
    let key = KeyPair::generate()?;
    let chain = leaf.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();
    Ok(SelfSigned {
        ca: ca_pem,
        chain,
        key: key.serialize_pem(),
    })
}

fn name(text: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// From the day before, since clocks differ.
fn live(params: &mut CertificateParams, today: Date) {
    let day = |days: i64| {
        let date = today.saturating_add(jiff::Span::new().days(days));
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = day(-1);
    params.not_after = day(DAYS);
}

/// In one step: who waits for the file never reads half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}
