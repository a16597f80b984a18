//! What admission adds to a request, through a real API server: dry-run creates, one after the other over one
//! kept connection, with no webhook, with a policy of the API server's own, with a bare webhook and with ours.
//! Ratios of one run can be compared between machines; times cannot.
//!
//! The programs are those of `tests/e2e`, in the folder that `KUBEBUILDER_ASSETS` names. Without them nothing
//! runs, and fails where `MESHCHECK_E2E` is `required`.
//!
//! `cargo bench` measures, in about a minute. Without `--bench`, as under `cargo test`, everything is asked
//! once, and only the answers are looked at.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use assets::{Assets, KUBERNETES};
use cases::Case;
use cluster::Cluster;
use times::Times;

#[path = "../e2e/assets.rs"]
#[expect(dead_code, reason = "the tests with an Istio use the rest")]
mod assets;
#[path = "load/bare.rs"]
mod bare;
#[path = "admission/cases.rs"]
mod cases;
#[path = "admission/cluster.rs"]
mod cluster;
#[path = "../e2e/control_plane.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod control_plane;
#[path = "admission/installed.rs"]
mod installed;
#[path = "../e2e/kubectl.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod kubectl;
#[path = "../e2e/process.rs"]
mod process;
#[path = "../webhook/program.rs"]
#[expect(dead_code, reason = "the tests of the program use the rest")]
mod program;
#[path = "admission/times.rs"]
mod times;
mod tls;
#[path = "../e2e/webhook.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod webhook;

/// How much is measured.
#[derive(Clone, Copy)]
struct Scale {
    /// Before anything is measured, of each case.
    warm_up: usize,
    /// Of each case, in a row, in one round.
    requests: usize,
    /// Rounds begin until it is over.
    time: Duration,
}

const MEASURED: Scale = Scale {
    warm_up: 40,
    requests: 8,
    time: Duration::from_secs(50),
};
const TRIED: Scale = Scale {
    warm_up: 0,
    requests: 1,
    time: Duration::ZERO,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let Some(ended) = bare::serve_if_asked(&arguments) {
        return ended;
    }
    let is_measured = arguments.iter().any(|argument| argument == "--bench");
    let assets = match Assets::of_the_environment() {
        Ok(assets) => assets,
        Err(wrong) => {
            println!("admission: {wrong}");
            return ExitCode::from(2);
        }
    };
    if let Some(why) = assets.missing(KUBERNETES) {
        println!("admission: not run: {why}");
        return ExitCode::from(u8::from(assets.are_required));
    }
    run(&assets, if is_measured { MEASURED } else { TRIED });
    ExitCode::SUCCESS
}

fn run(assets: &Assets, scale: Scale) {
    let cluster = Cluster::start(assets);
    let installed = installed::install(&cluster.plane);
    let cases = cases::cases();
    for case in &cases {
        cluster.verify(case);
    }
    let times = cluster.plane.block_on(measure(&cluster, &cases, scale));
    drop(installed);
    print(&cases, &times);
}

/// Takes turns, so that a machine that is busy for a while is so for all of them; every other round the other
/// way round, so that nobody always comes behind the same.
async fn measure(cluster: &Cluster, cases: &[Case], scale: Scale) -> Vec<Times> {
    for case in cases {
        cluster.ask_often(case, scale.warm_up).await;
    }
    let mut order: Vec<_> = (0..cases.len()).collect();
    let mut times = vec![Times::default(); cases.len()];
    let start = Instant::now();
    loop {
        for &index in &order {
            times[index].add(cluster.ask_often(&cases[index], scale.requests).await);
        }
        if start.elapsed() >= scale.time {
            return times;
        }
        order.reverse();
    }
}

fn print(cases: &[Case], times: &[Times]) {
    let rounds = times[0].rounds();
    println!(
        "admission: dry-run creates through the API server, {rounds} rounds; ratios of medians"
    );
    println!(
        "{:<44} {:>7} {:>7}  {:>8} {:>8} {:>8}",
        "created, and who is asked", "to none", "to bare", "p50 ms", "p90 ms", "p99 ms"
    );
    let of = |name: &str| {
        let named = cases.iter().position(|case| case.name == name);
        &times[named.expect("a case of this name")]
    };
    for (case, own) in cases.iter().zip(times) {
        let to = |name: Option<&str>| {
            name.map_or(String::new(), |name| {
                format!("{:.2}", own.ratio_to(of(name)))
            })
        };
        let [p50, p90, p99] = [50, 90, 99].map(|percent| own.at(percent).as_secs_f64() * 1e3);
        println!(
            "{:<44} {:>7} {:>7}  {p50:>8.2} {p90:>8.2} {p99:>8.2}",
            case.name,
            to(Some(case.none)),
            to(case.bare),
        );
    }
}
