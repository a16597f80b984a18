//! The server to compare with: what any webhook in this language pays, whatever it judges.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::tls;

/// Asks this program to be the server, with the folder of its certificate behind it.
const ARGUMENT: &str = "--serve-bare";

/// The server while it runs.
pub(crate) struct Bare {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    /// Starts it: this program, asked to be the server.
    pub(crate) fn start(certificate: &Path) -> Self {
        let this = std::env::current_exe().expect("this program");
        let mut child = Command::new(this)
            .arg(ARGUMENT)
            .arg(certificate)
            // It ends with this pipe, however this process goes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the bare server");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("an address");
        Self { child, address }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the server, where the program was started for that; first of all.
pub(crate) fn serve_if_asked(arguments: &[String]) -> Option<ExitCode> {
    match arguments {
        [name, folder] if name == ARGUMENT => Some(serve(folder.as_ref())),
        _ => None,
    }
}

fn serve(folder: &Path) -> ExitCode {
    std::thread::spawn(|| {
        // Whoever started it is gone when there is nothing more to read.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let acceptor = tls::acceptor(folder);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let router = Router::new()
            .route("/validate", post(allow))
            .route("/mutate", post(allow));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut out = std::io::stdout();
        writeln!(out, "{address}")
            .and_then(|()| out.flush())
            .expect("a pipe");
        tls::serve(listener, acceptor, router).await;
    });
    ExitCode::SUCCESS
}

async fn allow(body: Bytes) -> Response {
    let Ok(review) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": review["request"]["uid"], "allowed": true},
    });
    let json = [("content-type", "application/json")];
    (json, answer.to_string()).into_response()
}
