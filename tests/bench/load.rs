//! The server under load, beside a bare one: axum and rustls, which parses each review, allows it and knows
//! nothing else. Both are processes of their own on the loopback, asked by the same clients over kept
//! connections. Ratios of one run can be compared between machines; times cannot.
//!
//! `cargo bench` measures, in less than a minute; a word, such as `istiod`, measures the rows that have it.
//! Without `--bench`, as under `cargo test`, everything runs once for a moment, and only the answers are
//! looked at.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;

use bare::Bare;
use client::{Client, Connection};
use drive::{Measured, Round, connect, drive};
use program::{Made, Program};
use reviews::Case;

#[path = "load/bare.rs"]
mod bare;
#[path = "../webhook/client.rs"]
#[expect(dead_code, reason = "the tests of the program use the rest")]
mod client;
#[path = "load/drive.rs"]
mod drive;
#[path = "../webhook/program.rs"]
#[expect(dead_code, reason = "the tests of the program use the rest")]
mod program;
#[path = "load/reviews.rs"]
mod reviews;
mod service;
mod tls;

/// Connections at the same time.
const CONNECTIONS: [usize; 3] = [1, 16, 128];

/// How much is measured.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    /// Of one server in one round.
    time: Duration,
}

const MEASURED: Scale = Scale {
    rounds: 3,
    time: Duration::from_millis(600),
};
const TRIED: Scale = Scale {
    rounds: 1,
    time: Duration::from_millis(20),
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let Some(ended) = bare::serve_if_asked(&arguments) {
        return ended;
    }
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let wanted = arguments.iter().find(|word| !word.starts_with('-'));
    let cases = reviews::cases().into_iter();
    let cases = cases.filter(|case| wanted.is_none_or(|word| case.name.contains(word.as_str())));
    let scale = if is_measured { MEASURED } else { TRIED };
    measure(&cases.collect::<Vec<_>>(), scale);
    ExitCode::SUCCESS
}

/// Both servers.
struct Servers {
    ours: Program,
    bare: Bare,
    clients: [Client; 2],
}

impl Servers {
    fn start() -> Self {
        let made = Made::for_names(&["localhost"]);
        let folder = program::Folder::new();
        folder.mount_made(&made);
        let path = folder.path().to_str().expect("a path");
        // As in the manifests, but for the time: a machine that is busy is no reason to answer less.
        let ours = Program::start(&[
            "--cert-dir",
            path,
            "--request-timeout=10s",
            "--max-in-flight=128",
        ]);
        let bare = Bare::start(folder.path());
        let clients = [ours.address, bare.address].map(|address| Client::new(address, &[&made.ca]));
        Self {
            ours,
            bare,
            clients,
        }
    }
}

fn measure(cases: &[Case], scale: Scale) {
    let servers = Servers::start();
    let runtime = Runtime::new().expect("a runtime");
    let [ours, bare] = &servers.clients;
    let most = CONNECTIONS.into_iter().max().unwrap_or(1);
    let mut open =
        runtime.block_on(async { [connect(ours, most).await, connect(bare, most).await] });
    println!("load: ours to a bare server, and ours alone");
    println!(
        "{:<30} {:>4}  {:>9} {:>6} {:>6}  {:>10} {:>9} {:>9}",
        "review", "conn", "requests", "p50", "p99", "requests/s", "p50", "p99"
    );
    for case in cases {
        for connections in CONNECTIONS {
            let [ours, bare] = runtime.block_on(compare(&mut open, case, connections, scale));
            println!(
                "{:<30} {connections:>4}  {:>9.2} {:>6.2} {:>6.2}  {:>10.0} {:>9} {:>9}",
                case.title(),
                ours.rate / bare.rate,
                ours.p50.div_duration_f64(bare.p50),
                ours.p99.div_duration_f64(bare.p99),
                ours.rate,
                millis(ours.p50),
                millis(ours.p99),
            );
        }
    }
    let [ours, bare] = [servers.ours.child.id(), servers.bare.child.id()].map(peak);
    println!("peak memory: ours {ours}, bare {bare}");
}

/// Takes turns, so that a machine that is busy for a while is so for both.
async fn compare(
    open: &mut [Vec<Connection>; 2],
    case: &Case,
    connections: usize,
    scale: Scale,
) -> [Measured; 2] {
    let mut rounds = [Round::default(), Round::default()];
    for _ in 0..scale.rounds {
        for (index, open) in open.iter_mut().enumerate() {
            let is_ours = index == 0;
            let round = drive(open, connections, case, scale.time, is_ours).await;
            rounds[index].join(round);
        }
    }
    rounds.map(Round::measured)
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// The most memory that a process had, as Linux tells it.
fn peak(pid: u32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or_else(
        || "unknown".to_owned(),
        |size| format!("{:.1} MB", size / 1000.0),
    )
}
