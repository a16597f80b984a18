//! How much memory the webhook takes for what it knows of a cluster: the program itself, and an API server
//! that is as much of one as its watches need.

use std::fs;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use tokio::runtime::Runtime;

use cluster::{REVISIONS, Size, serve};

mod cluster;
#[path = "../webhook/program.rs"]
#[expect(dead_code, reason = "the tests of the program use the rest")]
mod program;
mod tls;

use program::{Folder, Made, Program, command};

const fn size(namespaces: usize, nodes: usize, workloads: usize) -> Size {
    Size {
        namespaces,
        nodes,
        workloads,
        is_audited: false,
    }
}

const SIZES: &[Size] = &[
    size(1_000, 300, 0),
    size(1_000, 300, 10_000),
    Size {
        is_audited: true,
        ..size(1_000, 300, 10_000)
    },
    size(5_000, 3_000, 30_000),
];

/// Without `cargo bench`: whether it works at all.
const LITTLE: &[Size] = &[Size {
    is_audited: true,
    ..size(700, 150, 900)
}];

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let runtime = Runtime::new().expect("a runtime");
    let alone = measure(&runtime, None);
    print("namespaces  nodes  workloads   resident       peak   to learn  to build");
    print(&format!("            no watch          {alone}"));
    for size in if is_bench { SIZES } else { LITTLE } {
        let row = measure(&runtime, Some(*size));
        let Size {
            namespaces,
            nodes,
            workloads,
            is_audited,
        } = size;
        let audit = if *is_audited { "   with the audit" } else { "" };
        print(&format!(
            "{namespaces:10} {nodes:6} {workloads:10}   {row}{audit}"
        ));
    }
}

#[expect(clippy::print_stdout, reason = "for the person who measures")]
fn print(line: &str) {
    println!("{line}");
}

/// One line of the table.
fn measure(runtime: &Runtime, size: Option<Size>) -> String {
    let folder = Folder::new();
    let made = Made::for_names(&["localhost", "127.0.0.1"]);
    folder.mount_made(&made);
    let certificates = folder.path().to_str().expect("text");
    let mut command = command(&["--cert-dir", certificates]);
    if let Some(size) = size {
        let address = runtime.block_on(serve(size, folder.path()));
        let cluster = folder.kubeconfig_of(&json!({
            "server": format!("https://{address}"),
            "certificate-authority-data": BASE64_STANDARD.encode(&made.ca),
        }));
        command.arg("--watch").env("KUBECONFIG", cluster);
        if size.is_audited {
            command.arg("--audit-interval=1h");
        }
    }
    let began = Instant::now();
    let program = Program::spawn(command);
    let mut learnt = Duration::ZERO;
    if let Some(size) = size {
        let sets = size.deployments() * REVISIONS;
        let records = size.stateful_sets() * REVISIONS;
        program.awaits(&objects("namespaces", size.namespaces));
        program.awaits(&objects("nodes", size.nodes));
        program.awaits(&objects("replicasets", sets));
        program.awaits(&objects("controllerrevisions", records));
        learnt = began.elapsed();
        if size.is_audited {
            program.awaits("meshcheck_audit_passes_total{result=\"ok\"} 1\n");
            program.awaits(&format!("meshcheck_audit_objects{{}} {}\n", size.workloads));
        }
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
