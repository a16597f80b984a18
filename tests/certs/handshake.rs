//! A handshake as an API server makes it, at any time, without a socket.

use std::sync::Arc;

use jiff::Timestamp;
use meshcheck_certs::{Certificate, Serving};
use rustls::crypto::ring;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

#[derive(Debug)]
struct At(UnixTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}

/// Whether a client that trusts `bundle`, and nothing else, talks to this server at this time.
pub(crate) fn shake_hands(
    serving: &Arc<Serving>,
    bundle: &[u8],
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in Certificate::all_from_pem(bundle).expect("a bundle") {
        roots.add(authority.der().clone()).expect("an authority");
    }
    let second = u64::try_from(now.as_second()).expect("after 1970");
    let at = At(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        second,
    )));
    let provider = Arc::new(ring::default_provider());
    let client = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(at))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(serving) as _);
    let name = ServerName::try_from("meshcheck-webhook.meshcheck-system.svc").expect("a name");
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        wire.clear();
        client.write_tls(&mut wire).expect("memory");
        server.read_tls(&mut wire.as_slice()).expect("memory");
        server.process_new_packets()?;
        wire.clear();
        server.write_tls(&mut wire).expect("memory");
        client.read_tls(&mut wire.as_slice()).expect("memory");
        client.process_new_packets()?;
    }
    Ok(())
}
