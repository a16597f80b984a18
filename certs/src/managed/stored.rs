//! What the Secret and the configurations hold, as far as it can be used.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::authority::{Authority, AuthorityError, Issued};
use crate::certificate::{Certificate, bundle};
use crate::managed::Why;
use crate::pair::{Pair, PairError};

/// Keys of the Secret.
pub(crate) const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const CA: Names = ("ca.crt", "ca.key");
const NEXT: Names = ("next-ca.crt", "next-ca.key");
const OLD: &str = "old-ca.crt";

type Names = (&'static str, &'static str);

/// Most old authorities that are announced: a `caBundle` that somebody filled is no reason to go on
/// filling it.
const MOST_OLD: usize = 8;

/// The data of the Secret, and the one annotation that is read. It cannot be printed, for the keys'
/// sake.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// By key.
    pub data: BTreeMap<String, Vec<u8>>,
    /// Until when a certificate of an old authority may be in use.
    pub old_until: Option<String>,
}

/// Why a part of the Secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// It is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// No authority.
    #[error("{key}: {source}")]
    Authority {
        /// Under this key.
        key: &'static str,
        /// Why.
        source: AuthorityError,
    },
    /// No pair.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// Another authority's.
    #[error("tls.crt is not signed by ca.crt")]
    Foreign,
}

impl Flaw {
    pub(crate) fn why(&self) -> Why {
        match self {
            Self::Missing(_) => Why::Missing,
            _ => Why::Flawed,
        }
    }
}

/// The Secret, read.
pub struct Stored {
    /// The authority that signs.
    pub authority: Result<Authority, Flaw>,
    /// The authority that will sign next.
    pub next: Option<Result<Authority, Flaw>>,
    /// The serving certificate.
    pub pair: Result<Pair, Flaw>,
    /// Authorities that signed before.
    pub old: Vec<Certificate>,
    /// Until when a certificate of them may be in use.
    pub old_until: Timestamp,
}

impl Stored {
    /// Takes what can be read.
    pub fn read(contents: &Contents) -> Self {
        let authority = authority(contents, CA);
        let pair = pair(contents).and_then(|pair| match &authority {
            Ok(ca) if !pair.certificate().is_signed_by(ca.certificate()) => Err(Flaw::Foreign),
            _ => Ok(pair),
        });
        let old = contents.data.get(OLD).map(|pem| readable(pem));
        let old = old.unwrap_or_default();
        let until = contents
            .old_until
            .as_ref()
            .and_then(|text| text.parse().ok());
        let last = old.iter().map(Certificate::not_after).max();
        let has_next = contents.data.contains_key(NEXT.0) || contents.data.contains_key(NEXT.1);
        Self {
            authority,
            next: has_next.then(|| self::authority(contents, NEXT)),
            pair,
            // Nobody who cannot read until when may cut them short.
            old_until: until.or(last).unwrap_or(Timestamp::MIN),
            old,
        }
    }

    /// What is wrong with it, if something is.
    pub(crate) fn flaw(&self) -> Option<String> {
        let next = self.next.as_ref().and_then(|next| next.as_ref().err());
        let flaw = self.authority.as_ref().err().or(self.pair.as_ref().err());
        flaw.or(next).map(ToString::to_string)
    }

    /// Everything to be announced: a function of the Secret alone, so that replicas whose clocks
    /// differ announce the same.
    pub fn bundle(&self) -> String {
        let next = self.next.iter().flatten();
        let ours = self.authority.iter().chain(next);
        bundle(ours.map(Authority::certificate).chain(&self.old))
    }
}

impl Contents {
    pub(crate) fn set_authority(&mut self, issued: Issued) {
        self.set(CA, issued);
    }

    pub(crate) fn set_next(&mut self, issued: Issued) {
        self.set(NEXT, issued);
    }

    pub(crate) fn set_pair(&mut self, issued: Issued) {
        self.set((CERTIFICATE, KEY), issued);
    }

    fn set(&mut self, (certificate, key): Names, issued: Issued) {
        let data = &mut self.data;
        data.insert(certificate.to_owned(), issued.certificate.into_bytes());
        data.insert(key.to_owned(), issued.key.into_bytes());
    }

    pub(crate) fn drop_next(&mut self) {
        self.data.remove(NEXT.0);
        self.data.remove(NEXT.1);
    }

    /// Keeps these for as long as a certificate of them may be in use.
    pub(crate) fn set_old(&mut self, mut old: Vec<Certificate>, until: Timestamp) {
        old.truncate(MOST_OLD);
        if old.is_empty() {
            return self.drop_old();
        }
        self.data.insert(OLD.to_owned(), bundle(&old).into_bytes());
        self.old_until = Some(until.to_string());
    }

    pub(crate) fn drop_old(&mut self) {
        self.data.remove(OLD);
        self.old_until = None;
    }
}

/// The `caBundle` of each webhook that leads here.
#[derive(Clone, Debug, Default)]
pub struct Published {
    bundles: Vec<Vec<Certificate>>,
}

impl Published {
    /// Reads bundles, PEM. What cannot be read of them is nobody's certificate.
    pub fn new<'a>(bundles: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let bundles = bundles.into_iter().map(readable).collect();
        Self { bundles }
    }

    /// Whether everybody who calls trusts this authority. Where nobody calls, nobody mistrusts it.
    pub fn holds(&self, authority: &Certificate) -> bool {
        let mut bundles = self.bundles.iter();
        bundles.all(|bundle| bundle.contains(authority))
    }

    /// Each certificate of a bundle.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.bundles.iter().flatten()
    }
}

fn readable(pem: &[u8]) -> Vec<Certificate> {
    CertificateDer::pem_slice_iter(pem)
        .flatten()
        .flat_map(Certificate::from_der)
        .collect()
}

fn authority(contents: &Contents, (certificate, key): Names) -> Result<Authority, Flaw> {
    let get = |key| contents.data.get(key).ok_or(Flaw::Missing(key));
    Authority::read(get(certificate)?, get(key)?).map_err(|source| Flaw::Authority {
        key: certificate,
        source,
    })
}

fn pair(contents: &Contents) -> Result<Pair, Flaw> {
    let get = |key| contents.data.get(key).ok_or(Flaw::Missing(key));
    Ok(Pair::from_pem(get(CERTIFICATE)?, get(KEY)?)?)
}
