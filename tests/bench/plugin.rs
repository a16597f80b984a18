//! What the plugin costs: a large folder, the corpus, one file; CPU seconds, wall time and peak
//! memory, beside other tools where they are installed. Ratios of one run can be compared between
//! machines; seconds cannot.
//!
//! `cargo bench` measures. Without `--bench`, as under `cargo test`, everything runs once on little,
//! and only the answers are looked at.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::env;
use std::io;
use std::path::Path;

use inputs::{DOCUMENTS, Inputs, cache, corpus};
use tool::{Cost, Tool};

mod inputs;
mod service;
mod tool;

/// How much is measured.
struct Scale {
    services: usize,
    /// Runs of what takes long, and of what takes milliseconds.
    rounds: (usize, usize),
    peers: Vec<Tool>,
}

fn main() -> io::Result<()> {
    let cache = cache();
    let scale = if env::args().any(|argument| argument == "--bench") {
        Scale {
            services: 10_000,
            rounds: (9, 41),
            peers: Tool::peers(&cache.join("bin")),
        }
    } else {
        Scale {
            services: 40,
            rounds: (1, 1),
            peers: Vec::new(),
        }
    };
    let large = Inputs::make(&cache, scale.services)?;
    let small = Inputs::make(&cache, scale.services / 10)?;
    let single = Inputs::make(&cache, 1)?;
    for inputs in [&large, &small, &single] {
        verify(inputs)?;
    }
    let (long, short) = scale.rounds;
    let title = format!("folder of {} files", large.services);
    compare(&title, &large.folder, long, &scale.peers)?;
    let title = format!(
        "the same in one file, {} documents",
        DOCUMENTS * large.services
    );
    compare(&title, &large.file, long, &[])?;
    compare("corpus", &corpus(), long, &scale.peers)?;
    compare("one file", &single.file, short, &scale.peers)?;
    proportions(&small, &large, long)
}

/// A benchmark of wrong answers is worth nothing.
fn verify(inputs: &Inputs) -> io::Result<()> {
    let Inputs { services, .. } = *inputs;
    let forms = [
        (&inputs.folder, services, 0),
        (&inputs.file, 1, 0),
        (&inputs.broken, 1, services),
    ];
    for (path, files, problems) in forms {
        let summary = Tool::meshcheck_json().summary(path)?;
        let found = summary["findings"].as_object().into_iter().flatten();
        let findings: u64 = found.filter_map(|(_, count)| count.as_u64()).sum();
        assert_eq!(summary["files"], files, "{summary}");
        assert_eq!(summary["documents"], DOCUMENTS * services, "{summary}");
        assert_eq!(summary["problems"], problems, "{summary}");
        assert_eq!(findings, services as u64, "{summary}");
    }
    Ok(())
}

/// One table: every tool over one input, its costs as multiples of ours and as measured.
fn compare(title: &str, path: &Path, rounds: usize, peers: &[Tool]) -> io::Result<()> {
    println!("\n{title}");
    println!(
        "{:<21} {:>8} {:>8} {:>8} {:>10} {:>10} {:>10} {:>6}",
        "", "cpu x", "wall x", "peak x", "cpu", "wall", "peak", "cores"
    );
    let meshcheck = Tool::meshcheck();
    let base = meshcheck.cost(path, rounds)?;
    row(meshcheck.name, base, base);
    let others = [Tool::meshcheck_json(), Tool::meshcheck_plain()];
    for tool in others.iter().chain(peers) {
        row(tool.name, tool.cost(path, rounds)?, base);
    }
    Ok(())
}

fn row(name: &str, cost: Cost, base: Cost) {
    let (cpu, wall) = (cost.cpu.as_secs_f64(), cost.wall.as_secs_f64());
    println!(
        "{name:<21} {:>8.2} {:>8.2} {:>8.2} {:>7.1} ms {:>7.1} ms {:>7.1} MB {:>6.2}",
        cpu / base.cpu.as_secs_f64(),
        wall / base.wall.as_secs_f64(),
        bytes(cost.peak) / bytes(base.peak),
        cpu * 1e3,
        wall * 1e3,
        bytes(cost.peak) / 1e6,
        cpu / wall,
    );
}

#[expect(clippy::cast_precision_loss, reason = "a peak is below 2^52 bytes")]
fn bytes(count: u64) -> f64 {
    count as f64
}

/// What ten times as much costs.
fn proportions(small: &Inputs, large: &Inputs, rounds: usize) -> io::Result<()> {
    println!("\n{:<44} {:>9}", "ten times as much", "cpu ratio");
    let ours = Tool::meshcheck();
    for (what, small, large) in [
        ("in ten times the files", &small.folder, &large.folder),
        ("in one file", &small.file, &large.file),
        (
            "in one file, half of it broken",
            &small.broken,
            &large.broken,
        ),
    ] {
        let (small, large) = (ours.cost(small, rounds)?, ours.cost(large, rounds)?);
        let ratio = large.cpu.as_secs_f64() / small.cpu.as_secs_f64();
        println!("{what:<44} {ratio:>9.1}");
    }
    Ok(())
}
