//! An API server that forwards to a Pod, and the Pod.

use futures::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use kube::{Client, Config};
use meshcheck_certs::self_signed::issue;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::*;

const FORWARDED: u16 = 9443;

fn pod(phase: &str) -> Pod {
    let pod = json!({
        "metadata": {"name": "web", "namespace": "ours"},
        "spec": {"containers": [{
            "name": "webhook",
            "ports": [
                {"name": "health", "containerPort": 8080},
                {"name": "https", "containerPort": FORWARDED},
            ],
        }]},
        "status": {"phase": phase},
    });
    serde_json::from_value(pod).expect("a Pod")
}

/// A client of an API server that takes one connection, and does this with it.
async fn client<F>(act: impl FnOnce(TcpStream) -> F + Send + 'static) -> Client
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        act(stream).await;
    });
    let url = format!("http://{address}").parse().expect("a URL");
    Client::try_from(Config::new(url)).expect("a client")
}

/// Speaks as the API server does when it forwards: each message begins with the number of a channel, of
/// which there is one for data and one for errors, and the first of each names the port.
#[expect(
    clippy::result_large_err,
    reason = "it is the type of the library's callback"
)]
async fn forward(stream: TcpStream, pod: DuplexStream) {
    let protocol = |request: &Request, mut response: Response| {
        assert_eq!(
            request.uri().path(),
            "/api/v1/namespaces/ours/pods/web/portforward"
        );
        let spoken = HeaderValue::from_static("v4.channel.k8s.io");
        response
            .headers_mut()
            .insert("sec-websocket-protocol", spoken);
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(stream, protocol).await;
    let (mut sink, mut source) = socket.expect("a handshake").split();
    let [low, high] = FORWARDED.to_le_bytes();
    for channel in [0, 1] {
        let first = Message::binary(vec![channel, low, high]);
        sink.send(first).await.expect("a message");
    }
    let (mut from_pod, mut to_pod) = tokio::io::split(pod);
    let there = async {
        while let Some(Ok(Message::Binary(bytes))) = source.next().await {
            let [0, data @ ..] = &*bytes else {
                continue;
            };
            to_pod.write_all(data).await.expect("a Pod");
        }
    };
    let back = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from_pod.read(&mut buffer).await {
            let message = [&[0], &buffer[..count]].concat();
            if sink.send(Message::binary(message)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(there, back);
}

fn acceptor(chain: &str, key: &str) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of the provider")
        .with_no_client_auth()
        .with_single_cert(chain.expect("a chain"), key);
    TlsAcceptor::from(Arc::new(config.expect("a pair")))
}

#[tokio::test]
async fn a_pod_shows_its_certificate() {
    // What nobody would trust is shown as well.
    let (_, issued) = issue(&["elsewhere.example.com"]).expect("a certificate");
    let acceptor = acceptor(&issued.certificate, &issued.key);
    let client = client(|stream| async move {
        let (outside, inside) = duplex(1 << 16);
        tokio::join!(forward(stream, outside), async {
            let _served = acceptor.accept(inside).await.expect("a handshake");
        });
    })
    .await;
    let pods = [pod("Pending"), pod("Running")];
    let served = by_pods(&Reader::new(&client), "ours", &pods).await;
    let [Served { by, chain }] = served.try_into().expect("the one that runs");
    assert_eq!(by, "Pod ours/web");
    let chain = chain.expect("a chain");
    assert_eq!(chain[0].names(), ["elsewhere.example.com"]);
    assert_eq!(chain[0].pem(), issued.certificate);
}

#[tokio::test]
async fn who_may_not_forward_is_told() {
    let client = client(|mut stream| async move {
        let mut request = [0; 4096];
        let _read = stream.read(&mut request).await.expect("a request");
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403,
            "reason": "Forbidden", "message": "pods \"web\" is forbidden",
        })
        .to_string();
        let head = format!(
            "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            status.len()
        );
        let answer = head + &status;
        stream.write_all(answer.as_bytes()).await.expect("a client");
    })
    .await;
    let served = by_pods(&Reader::new(&client), "ours", &[pod("Running")]).await;
    let why = served[0].chain.as_ref().expect_err("no permission");
    assert_eq!(
        why.to_string(),
        "cannot look at what Pod ours/web serves: pods \"web\" is forbidden"
    );
}
