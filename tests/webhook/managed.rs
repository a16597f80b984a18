//! Certificates of the program's own, from an API server that is as much of one as they need.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use meshcheck_certs::Certificate;
use tokio::net::TcpListener;

use crate::apiserver::{ApiServer, Fault, MUTATING, SECRET, VALIDATING};
use crate::client::Client;
use crate::load::Load;
use crate::program::{Folder, Program, command, run};

/// Serves it on this machine; the file that leads there.
async fn served(server: &ApiServer, folder: &Folder) -> String {
    let server = server.clone();
    let answer = async move |request: Request| match server.answer(request).await {
        Ok(response) => response.map(Body::new),
        Err(_gone) => {
            let mut broken = Response::new(Body::empty());
            *broken.status_mut() = StatusCode::BAD_GATEWAY;
            broken
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let path = folder.kubeconfig(address);
    path.to_str().expect("text").to_owned()
}

fn started(kubeconfig: &str) -> Program {
    let mut command = command(&["--tls=self-managed", "--cert-names=localhost"]);
    command.env("KUBECONFIG", kubeconfig);
    Program::spawn(command)
}

fn announced(server: &ApiServer) -> Vec<String> {
    let bundle = server.bundle(VALIDATING).expect("a bundle");
    let all = Certificate::all_from_pem(&bundle).expect("certificates");
    all.iter().map(Certificate::pem).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn makes_announces_and_replaces_its_own_certificate_under_load() {
    let (server, folder) = (ApiServer::new(), Folder::new());
    server.fail("", Fault::Forbidden);
    let kubeconfig = served(&server, &folder).await;
    let program = started(&kubeconfig);
    let line = program.line("certificates cannot be kept in order, trying again");
    let told = "cannot read the MutatingWebhookConfiguration a0-meshcheck-webhook: the API server says Forbidden (403)";
    assert_eq!(line["error"], told);
    let ready = program.get("/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("there is no certificate yet"),
        "{ready}"
    );
    assert!(program.get("/livez").starts_with("HTTP/1.1 200"));
    let metrics = program.get("/metrics");
    assert!(!metrics.contains("renewal_timestamp_seconds{}"));
    assert!(!metrics.contains("meshcheck_certificate_syncs_total{result=\"forbidden\"} 0"));

    server.heal();
    program.awaits("meshcheck_ca_bundle_writes_total 2");
    program.awaits("meshcheck_certificate_renewal_timestamp_seconds{} 1");
    program.line("certificates are in order again");
    assert!(program.is_ready());
    let cas = announced(&server);
    let client = Client::new(program.address, &[&cas[0]]);
    client
        .tls_as("meshcheck-webhook.meshcheck-system.svc")
        .await
        .expect("its name");

    let load = Load::start(&client);
    load.answers(50).await;
    server.configure(MUTATING, "/mutate");
    program.awaits("meshcheck_ca_bundle_writes_total 3");
    server.delete(SECRET);
    program.awaits("meshcheck_ca_bundle_writes_total 5");
    let now = announced(&server);
    assert_eq!((now.len(), &now[1]), (2, &cas[0]), "both are trusted");
    load.answers(50).await;
    load.end().await;

    let log = program.log().join("\n");
    for secret in ["PRIVATE", "secret-token"] {
        assert!(!log.contains(secret), "{log}");
    }
    for line in program.log() {
        assert!(!line.contains("panicked"), "{line}");
    }
}

#[test]
fn without_a_cluster_it_does_not_start() {
    let (exit, stderr) = run(&["--tls=self-managed"]);
    assert_eq!(exit, Some(2), "{stderr}");
    assert!(stderr.contains("no API server to ask"), "{stderr}");
}
