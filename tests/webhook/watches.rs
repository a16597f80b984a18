//! Watches, from an API server that is as much of one as they need.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::program::{Folder, Program, command};

/// What it answers: to a list, and in the lines of a watch, behind which nothing comes.
#[derive(Clone)]
pub(crate) struct Cluster {
    list: Arc<dyn Fn(&str) -> Value + Send + Sync>,
    watch: fn(&str) -> String,
}

impl Cluster {
    /// With these objects at one path, and nothing else.
    pub(crate) fn with(at: &'static str, items: Vec<Value>) -> Self {
        let list = move |path: &str| {
            let mut list = empty();
            if path == at {
                list["items"] = items.clone().into();
            }
            list
        };
        Self {
            list: Arc::new(list),
            watch: |_| String::new(),
        }
    }

    pub(crate) async fn serve(self) -> SocketAddr {
        let answer = async move |uri: Uri| self.answer(&uri);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn answer(&self, uri: &Uri) -> Response {
        let query = uri.query().unwrap_or_default();
        if !query.contains("watch=true") {
            return (self.list)(uri.path()).to_string().into_response();
        }
        let lines = Ok::<_, std::io::Error>(Bytes::from((self.watch)(uri.path())));
        let silence = futures::stream::pending();
        let lines = futures::stream::iter([lines]);
        Body::from_stream(futures::StreamExt::chain(lines, silence)).into_response()
    }
}

fn empty() -> Value {
    json!({"metadata": {"resourceVersion": "1"}, "items": []})
}

/// An answer that cannot be read may be one of anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_not_shown() {
    let cluster = Cluster {
        list: Arc::new(|path| match path {
            "/api/v1/configmaps" => json!({"metadata": {}, "items": "hunter2"}),
            _ => empty(),
        }),
        watch: |path| match path {
            "/api/v1/namespaces" => "{\"type\": \"hunter2\", \"object\": {}}\n".to_owned(),
            _ => String::new(),
        },
    };
    let folder = Folder::new();
    let mut command = command(&["--self-signed", "--watch", "--log-level=debug"]);
    command.env("KUBECONFIG", folder.kubeconfig(cluster.serve().await));
    let program = Program::spawn(command);
    for (resource, watches) in [("configmaps", 3), ("namespaces", 1)] {
        program.awaits(&format!(
            "meshcheck_watch_failing{{resource=\"{resource}\"}} {watches}"
        ));
    }
    let log = program.log();
    let told = |resource: &str| {
        let of_it = |line: &&String| line.contains(resource) && line.contains("cannot be read");
        log.iter().filter(of_it).count()
    };
    assert!(told("configmaps") > 0 && told("namespaces") > 0, "{log:#?}");
    assert!(!log.join("\n").contains("hunter2"), "{log:#?}");
}
