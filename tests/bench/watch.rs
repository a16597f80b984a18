//! How much memory the webhook takes for what it knows of a cluster: the program itself, and an API server
//! that is as much of one as its watches need.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

#[path = "../webhook/program.rs"]
#[expect(dead_code, reason = "the tests of the program use the rest")]
mod program;

use program::{Folder, Made, Program, command};

/// A cluster of this size.
#[derive(Clone, Copy)]
struct Size {
    namespaces: usize,
    nodes: usize,
}

const SIZES: &[Size] = &[
    Size {
        namespaces: 1_000,
        nodes: 300,
    },
    Size {
        namespaces: 5_000,
        nodes: 3_000,
    },
    Size {
        namespaces: 10_000,
        nodes: 5_000,
    },
];

/// Without `cargo bench`: whether it works at all.
const LITTLE: &[Size] = &[Size {
    namespaces: 700,
    nodes: 150,
}];

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let runtime = Runtime::new().expect("a runtime");
    let alone = measure(&runtime, None);
    print("namespaces  nodes   resident       peak   to learn  to build");
    print(&format!("     no watch    {alone}"));
    for size in if is_bench { SIZES } else { LITTLE } {
        let row = measure(&runtime, Some(*size));
        print(&format!("{:10} {:6}   {row}", size.namespaces, size.nodes));
    }
}

#[expect(clippy::print_stdout, reason = "for the person who measures")]
fn print(line: &str) {
    println!("{line}");
}

/// One line of the table.
fn measure(runtime: &Runtime, size: Option<Size>) -> String {
    let folder = Folder::new();
    folder.mount_made(&Made::for_names(&["localhost"]));
    let certificates = folder.path().to_str().expect("text");
    let mut arguments = vec!["--cert-dir", certificates];
    let mut kubeconfig = PathBuf::new();
    if let Some(size) = size {
        arguments.push("--watch");
        kubeconfig = folder.kubeconfig(runtime.block_on(serve(size)));
    }
    let mut command = command(&arguments);
    command.env("KUBECONFIG", &kubeconfig);
    let began = Instant::now();
    let program = Program::spawn(command);
    let mut learnt = Duration::ZERO;
    if let Some(size) = size {
        program.awaits(&objects("namespaces", size.namespaces));
        program.awaits(&objects("nodes", size.nodes));
        learnt = began.elapsed();
    }
    // What is freed late, and the last build.
    std::thread::sleep(Duration::from_secs(1));
    let metrics = program.get("/metrics");
    let build = metrics
        .lines()
        .find_map(|line| line.strip_prefix("meshcheck_mesh_build_seconds{} "));
    let build: f64 = build.map_or(0.0, |seconds| seconds.parse().expect("seconds"));
    let status = fs::read_to_string(format!("/proc/{}/status", program.child.id()));
    let status = status.expect("a process");
    format!(
        "{:5.1} MB   {:5.1} MB   {:5.2} s  {:5.1} ms",
        megabytes(&status, "VmRSS:"),
        megabytes(&status, "VmHWM:"),
        learnt.as_secs_f64(),
        build * 1e3
    )
}

fn objects(resource: &str, count: usize) -> String {
    format!("meshcheck_watch_objects{{resource=\"{resource}\"}} {count}\n")
}

fn megabytes(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: f64 = kilobytes.expect("a size").parse().expect("a number");
    kilobytes * 1024.0 / 1e6
}

/// Lists of so many objects, page by page, and watches that tell nothing.
async fn serve(size: Size) -> std::net::SocketAddr {
    let answer = async move |uri: Uri| list(size, &uri);
    let router = Router::new()
        .route("/version", get(async || r#"{"gitVersion": "v1.34.1", "major": "1", "minor": "34", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}"#))
        .fallback(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn list(size: Size, uri: &Uri) -> Response {
    let pairs = uri.query().unwrap_or_default().split('&');
    let query: HashMap<_, _> = pairs.filter_map(|pair| pair.split_once('=')).collect();
    if query.get("watch") == Some(&"true") {
        let silence = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        return Body::from_stream(silence).into_response();
    }
    let all = match uri.path() {
        "/api/v1/namespaces" if !query.contains_key("fieldSelector") => size.namespaces,
        "/api/v1/nodes" => size.nodes,
        _ => 0,
    };
    let number = |key: &str| query.get(key).and_then(|text| text.parse::<usize>().ok());
    let from = number("continue").unwrap_or(0);
    let to = all.min(from + number("limit").unwrap_or(usize::MAX).min(all));
    let make = if uri.path().ends_with("nodes") {
        node
    } else {
        namespace
    };
    let items: Vec<Value> = (from..to).map(make).collect();
    let next = if to < all {
        to.to_string()
    } else {
        String::new()
    };
    let metadata = json!({"resourceVersion": "1000", "continue": next});
    json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items})
        .to_string()
        .into_response()
}

/// About a kilobyte. Every other one is in the mesh.
fn namespace(index: usize) -> Value {
    let name = format!("team-{index:05}-production");
    let mut labels = json!({
        "kubernetes.io/metadata.name": name, "cost-centre": format!("{index:06}"),
        "pod-security.kubernetes.io/enforce": "restricted",
    });
    if index.is_multiple_of(2) {
        labels["istio-injection"] = "enabled".into();
    }
    let fields = json!({"f:metadata": {"f:labels": labels, "f:annotations": {}}});
    json!({
        "metadata": {
            "name": name, "uid": format!("{index:032}"), "resourceVersion": "1000", "labels": labels,
            "annotations": {"owner": "platform", "description": "x".repeat(200)},
            "managedFields": [{"manager": "argocd", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })
}

/// About twenty kilobytes, most of it images.
fn node(index: usize) -> Value {
    let name = format!(
        "ip-10-{}-{}-{}.internal",
        index >> 16,
        (index >> 8) & 255,
        index & 255
    );
    let image = |number: usize| {
        let repository = format!("registry.example.com/platform/service-{number:03}");
        let names = [
            format!("{repository}@sha256:{number:064}"),
            format!("{repository}:v1.{number}"),
        ];
        json!({"names": names, "sizeBytes": 100_000_000 + number})
    };
    let conditions: Vec<_> = (0..5)
        .map(|_| {
            json!({
                "type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-22T10:00:00Z",
                "reason": "KubeletReady", "message": "kubelet is posting ready status",
            })
        })
        .collect();
    json!({
        "metadata": {
            "name": name, "uid": format!("{index:032}"), "resourceVersion": "1000",
            "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "a"},
            "annotations": {"csi.volume.kubernetes.io/nodeid": "x".repeat(500)},
        },
        "spec": {"podCIDR": "10.0.0.0/24"},
        "status": {
            "images": (0..100).map(image).collect::<Vec<_>>(), "conditions": conditions,
            "nodeInfo": {"kubeletVersion": "v1.33.4-eks-1", "osImage": "Linux", "architecture": "amd64"},
        },
    })
}
