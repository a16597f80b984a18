//! Spans of reviews, as a collector gets them.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::Listener;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::client::{Answer, Client};
use crate::load::{SOON, assert_denied, made, review};
use crate::program::{Folder, Made, Program, command, within};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// What came to `/v1/traces`, and what is answered to it.
#[derive(Clone)]
struct Collector {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answer: Arc<Mutex<StatusCode>>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener.local_addr().expect("an address"), listener)
    }

    async fn over_tls(made: &Made) -> Self {
        let chain = CertificateDer::from_pem_slice(made.chain.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of the provider")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tls = TlsAcceptor::from(Arc::new(config));
        Self::on(address, OverTls { tls, listener })
    }

    fn on<L: Listener<Addr: std::fmt::Debug>>(address: SocketAddr, listener: L) -> Self {
        let collector = Self {
            address,
            seen: Arc::default(),
            answer: Arc::default(),
        };
        let there = collector.clone();
        let routes = Router::new().route(
            "/v1/traces",
            post(async move |headers: HeaderMap, body: Bytes| {
                there
                    .seen
                    .lock()
                    .expect("no panic with it")
                    .push((headers, body));
                *there.answer.lock().expect("no panic with it")
            }),
        );
        tokio::spawn(async { axum::serve(listener, routes).await });
        collector
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn answers(&self, status: StatusCode) {
        *self.answer.lock().expect("no panic with it") = status;
    }

    fn requests(&self) -> usize {
        self.seen.lock().expect("no panic with it").len()
    }

    /// All spans so far, and the attributes of who sent them.
    fn spans(&self) -> Vec<(Vec<KeyValue>, Span)> {
        let mut all = Vec::new();
        for (headers, body) in &*self.seen.lock().expect("no panic with it") {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(&**body).expect("a request to export");
            for of_one in request.resource_spans {
                let resource = of_one.resource.expect("a resource").attributes;
                let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
                all.extend(spans.map(|span| (resource.clone(), span)));
            }
        }
        all
    }
}

struct OverTls {
    tls: TlsAcceptor,
    listener: TcpListener,
}

impl Listener for OverTls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (tcp, address) = Listener::accept(&mut self.listener).await;
            // A client that does not trust it goes away.
            if let Ok(stream) = self.tls.accept(tcp).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A program with these options and variables, and a client of it.
fn traced(args: &[&str], variables: &[(&str, &str)]) -> (Program, Client) {
    let folder = Folder::new();
    let ca = folder.path().join("ca.crt");
    let own = ["--self-signed", "--shutdown-delay=0s", "--log-level=debug"];
    let mut command = command(&[&own, args].concat());
    command.arg("--ca-out").arg(&ca);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "20");
    command.envs(variables.iter().copied());
    let program = Program::spawn(command);
    let client = Client::new(program.address, &[&fs::read_to_string(ca).expect("the CA")]);
    (program, client)
}

async fn ask(client: &Client, traceparent: Option<&str>) -> Answer {
    let mut connection = client.connect().await.expect("a connection");
    let headers = traceparent.map(|value| ("traceparent", value));
    let asked = connection.post_with("/validate", headers.as_slice(), review());
    asked.await.expect("an answer")
}

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn texts(attributes: &[KeyValue]) -> Vec<(&str, &str)> {
    let mut texts: Vec<_> = attributes.iter().filter_map(text).collect();
    texts.sort_unstable();
    texts
}

fn text(attribute: &KeyValue) -> Option<(&str, &str)> {
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((&attribute.key, text)),
        _ => None,
    }
}

fn lines(program: &Program, message: &str) -> usize {
    let log = program.log();
    log.iter().filter(|line| line.contains(message)).count()
}

const CUT_OFF: &str = "spans do not reach the collector";

/// Whether the SDK's thread is there.
fn is_traced(program: &Program) -> bool {
    let threads = format!("/proc/{}/task", program.child.id());
    let threads = fs::read_dir(threads).expect("threads");
    let names =
        threads.map(|thread| fs::read_to_string(thread.expect("a thread").path().join("comm")));
    names
        .flatten()
        .any(|name| name.starts_with("OpenTelemetry"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_a_span_of_the_trace_that_it_belongs_to() {
    let collector = Collector::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=mesh")];
    let (program, client) = traced(&["--otlp-endpoint", &collector.url()], &variables);
    let thread = within(SOON, || is_traced(&program).then_some(()));
    thread.expect("the thread of the SDK");
    assert_denied(&ask(&client, Some(&parent("01"))).await);
    assert_eq!(program.line("checked")["trace_id"], TRACE);
    let spans = within(SOON, || {
        Some(collector.spans()).filter(|spans| !spans.is_empty())
    });
    let [(resource, span)] = spans.expect("a span").try_into().expect("one");
    let service = ("service.name", "meshcheck-webhook");
    assert!(texts(&resource).contains(&service), "{resource:?}");
    assert_eq!(span.name, "admission review");
    assert_eq!(span.kind(), SpanKind::Server);
    assert_eq!(hex(&span.trace_id), TRACE);
    assert_eq!(hex(&span.parent_span_id), PARENT);
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    assert_eq!(
        texts(&span.attributes),
        [
            ("meshcheck.kind", "Deployment"),
            ("meshcheck.name", "istiod"),
            ("meshcheck.namespace", "istio-system"),
            ("meshcheck.operation", "CREATE"),
            ("meshcheck.outcome", "denied"),
            ("meshcheck.rules", "keepalive-age-too-long"),
            ("meshcheck.webhook", "validate"),
        ]
    );
    assert_eq!((span.events.len(), span.links.len()), (0, 0));
    let (headers, body) = collector.seen.lock().expect("no panic with it")[0].clone();
    assert_eq!(headers["x-tenant"], "mesh");
    let body = String::from_utf8_lossy(&body).into_owned();
    for inside in ["discovery", "pilot", "30m", "keepaliveMax"] {
        assert!(!body.contains(inside), "{inside} in {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_decides_what_is_sampled_and_else_the_ratio() {
    let collector = Collector::start().await;
    let options = ["--otlp-endpoint", &collector.url(), "--otlp-sample-ratio=0"];
    let (program, client) = traced(&options, &[]);
    for traceparent in [
        None,
        Some("no trace"),
        Some(&*parent("00")),
        Some(&*parent("01")),
    ] {
        assert_denied(&ask(&client, traceparent).await);
    }
    program.signal("TERM");
    program.line("stopped");
    // What is not sampled here may be so elsewhere.
    assert_eq!(lines(&program, &format!(r#""trace_id":"{TRACE}""#)), 2);
    assert_eq!(lines(&program, "trace_id"), 2);
    assert_eq!(program.exit_code(), Some(0));
    let spans = collector.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(hex(&spans[0].1.parent_span_id), PARENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_are_sent_before_the_end() {
    let collector = Collector::start().await;
    let later = [
        ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        ("OTEL_SERVICE_NAME", "admission"),
    ];
    let (program, client) = traced(&[], &later);
    let mut connection = client.connect().await.unwrap();
    let refused = connection.post("/mutate", "no review").await.unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(collector.requests(), 0);
    program.signal("INT");
    assert_eq!(program.exit_code(), Some(0));
    let [(resource, span)] = collector.spans().try_into().expect("one span");
    assert!(texts(&resource).contains(&("service.name", "admission")));
    let told = [
        ("meshcheck.outcome", "no_review"),
        ("meshcheck.webhook", "mutate"),
    ];
    assert_eq!(texts(&span.attributes), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_the_collector_is_told_once_and_delays_nobody() {
    let collector = Collector::start().await;
    collector.answers(StatusCode::BAD_REQUEST);
    let (program, client) = traced(&["--otlp-endpoint", &collector.url()], &[]);
    for batches in 1..=3 {
        assert_denied(&ask(&client, None).await);
        let sent = within(SOON, || (collector.requests() >= batches).then_some(()));
        sent.expect("a batch");
    }
    let line = program.line("spans do not reach the collector; reviews go on without it");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["why"], "it answered 400 Bad Request");
    collector.answers(StatusCode::OK);
    assert_denied(&ask(&client, None).await);
    program.line("spans reach the collector again");
    assert_eq!(lines(&program, CUT_OFF), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_keeps_nobody_from_an_end() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let (program, client) = traced(&["--otlp-endpoint", &url], &[]);
    for _ in 0..3 {
        assert_denied(&ask(&client, Some(&parent("01"))).await);
    }
    let line = program.line("spans do not reach the collector; reviews go on without it");
    let why = line["why"].as_str().unwrap();
    assert!(why.contains("Connection refused"), "{why}");
    program.signal("INT");
    assert_eq!(program.exit_code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_is_waited_for_but_not_long() {
    // It takes connections, and answers none.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let (program, client) = traced(&["--otlp-endpoint", &url], &[]);
    assert_denied(&ask(&client, None).await);
    let (_connection, _) = hanging.accept().await.unwrap();
    assert_denied(&ask(&client, None).await);
    program.signal("INT");
    program.line("the last spans are lost");
    assert_eq!(program.exit_code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_nothing_is_traced() {
    let collector = Collector::start().await;
    let traces = format!("{}/v1/traces", collector.url());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        // That the library would read by itself.
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces),
    ];
    let (program, client) = traced(&[], &variables);
    assert_denied(&ask(&client, Some(&parent("01"))).await);
    assert!(!is_traced(&program));
    assert_eq!(program.line("checked").get("trace_id"), None);
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    assert_eq!(collector.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_over_tls_is_trusted_by_its_authority() {
    let (ours, other) = (made(), made());
    let collector = Collector::over_tls(&ours).await;
    let url = format!("https://localhost:{}", collector.address.port());
    let folder = Folder::new();
    let file = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let authority = file("other.crt", &other.ca);
    let (program, client) = traced(&["--otlp-endpoint", &url, "--otlp-ca", &authority], &[]);
    assert_denied(&ask(&client, None).await);
    let line = program.line("spans do not reach the collector; reviews go on without it");
    let why = line["why"].as_str().unwrap();
    assert!(why.contains("invalid peer certificate"), "{why}");
    assert_eq!(collector.requests(), 0);

    let authority = file("ours.crt", &ours.ca);
    let (program, client) = traced(&["--otlp-endpoint", &url, "--otlp-ca", &authority], &[]);
    assert_denied(&ask(&client, None).await);
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0));
    assert_eq!(collector.spans().len(), 1);
}
