//! The pair that is served, and its replacement while the server runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::pair::Pair;

/// The pair that new connections get. Until there is one, handshakes fail.
#[derive(Default)]
pub struct Serving(RwLock<Option<Arc<Pair>>>);

impl Serving {
    /// Serves `pair` until another one is put in its place.
    pub fn new(pair: Pair) -> Self {
        Self(RwLock::new(Some(Arc::new(pair))))
    }

    /// The pair of now.
    pub fn current(&self) -> Option<Arc<Pair>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From the next connection on; those that are open stay as they are.
    pub fn replace(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(pair));
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serving({:?})", self.current())
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current().map(|pair| Arc::clone(pair.certified()))
    }
}
