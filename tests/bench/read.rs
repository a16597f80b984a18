//! How fast text becomes values and places: the everyday way, the plain way, and `serde_json` on the
//! same values as a measure of the machine.
//!
//! `cargo bench` measures. Without `--bench`, as under `cargo test`, everything runs once on little.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]
#![expect(clippy::disallowed_methods, reason = "it reads files and measures")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Location, Part, Pointer};

/// A Deployment and its Service, as people write them.
const PAIR: &str = include_str!("pair.yaml");

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/corpus");
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (files, rounds) = if is_measured { (10_000, 5) } else { (10, 1) };
    let tree: Vec<_> = (0..files)
        .map(|n| PAIR.replace("NAME", &format!("shop-{n}")).into_bytes())
        .collect();
    let single = vec![tree.join(&b"---\n"[..])];
    measure("generated files", &tree, rounds);
    measure("the same in one file", &single, rounds);
    measure("real manifests", &manifests(&root), rounds);
}

fn manifests(root: &Path) -> Vec<Vec<u8>> {
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.extension().is_some_and(|e| e == "md" || e == "csv") {
                found.push(fs::read(path).expect("a file"));
            }
        }
    }
    found
}

fn measure(name: &str, files: &[Vec<u8>], rounds: usize) {
    let fast = Options::default();
    let plain = Options {
        plain: true,
        ..fast
    };
    let streams: Vec<_> = files.iter().map(|file| Stream::read(file, &fast)).collect();
    let values = streams.iter().flat_map(|stream| &stream.documents);
    let json: Vec<_> = values.map(|document| document.value.to_string()).collect();
    let bytes = files.iter().map(Vec::len).sum();
    let json_bytes = json.iter().map(String::len).sum();
    println!(
        "{name}: {} files, {} documents, {:.1} MB",
        files.len(),
        json.len(),
        bytes as f64 / 1e6
    );
    report(rounds, "values", bytes, || read(files, &fast));
    report(rounds, "values, plain", bytes, || read(files, &plain));
    report(rounds, "places", bytes, || locate(&streams, &fast));
    report(rounds, "serde_json on the values", json_bytes, || {
        for text in &json {
            black_box(serde_json::from_str::<serde_json::Value>(text).is_ok());
        }
    });
}

fn read(files: &[Vec<u8>], options: &Options) {
    for file in files {
        black_box(Stream::read(file, options));
    }
}

fn locate(streams: &[Stream], options: &Options) {
    let root = Location {
        pointer: Pointer::root(),
        part: Part::Value,
        inner: None,
    };
    for stream in streams {
        for document in &stream.documents {
            black_box(document.spans(&stream.text, options).locate(&root));
        }
    }
}

/// The best of some rounds.
fn report(rounds: usize, what: &str, bytes: usize, work: impl Fn()) {
    let once = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let best = (0..rounds)
        .map(|_| once())
        .min()
        .unwrap_or(Duration::ZERO)
        .as_secs_f64();
    println!(
        "  {what:26} {:7.1} ms {:6.0} MB/s",
        best * 1e3,
        bytes as f64 / 1e6 / best
    );
}
