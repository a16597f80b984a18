//! TLS as it is spoken.

use std::sync::Arc;

use meshcheck_certs::Serving;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};

/// TLS 1.2 and later, and HTTP/1.1 alone, since the API server speaks nothing else to webhooks.
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
