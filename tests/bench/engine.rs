//! Time to judge an object, against the time in which `serde_json` parses the same object. Ratios of
//! one run can be compared between machines; times cannot.
//!
//! `cargo bench` measures; a word, such as `istiod`, measures the rows that have it. Without
//! `--bench`, as under `cargo test`, everything runs once.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads its fixtures and prints its result"
)]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::civil::date;
use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Engine, Finding, Mesh, Object, Place, Source};
use serde_json::{Value, json};

mod service;

const FILE: &str = "bench.yaml";
const CORPUS: &str = "../tests/fixtures/corpus/istio-1.30.3";

/// A row of the table.
struct Case {
    name: &'static str,
    value: Value,
    /// The text that the value came from, where it came from one.
    yaml: Option<String>,
    /// The rules that speak, so that what is measured is known to work.
    finds: &'static [&'static str],
}

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let meter = Meter { is_measured };
    println!("engine: time per object; ratios are to serde_json parsing the same object");
    println!(
        "{:<22} {:>6} {:>6} {:>8} {:>10} {:>10} {:>10}",
        "object", "check", "read", "bytes", "parse", "check", "read YAML"
    );
    for case in cases() {
        if wanted.as_ref().is_none_or(|word| case.name.contains(word)) {
            row(&case, &meter);
        }
    }
}

fn row(case: &Case, meter: &Meter) {
    let engine = Engine::new(date(2026, 11, 22), Policy::default(), Releases::embedded());
    let mesh = mesh();
    let check = |value: &Value| findings(&engine, &mesh, value);
    case.verify(&check(&case.value));

    let json = serde_json::to_vec(&case.value).expect("a value can be written");
    let options = Options::default();
    let parse = || drop(black_box(serde_json::from_slice::<Value>(black_box(&json))));
    let check = || drop(black_box(check(black_box(&case.value))));
    let read = || {
        let text = black_box(case.yaml.as_deref().unwrap_or_default());
        drop(black_box(Stream::read(text.as_bytes(), &options)));
    };
    let [parsing, checking, reading] = meter.compare([&parse, &check, &read]);
    let shown = |text: String| {
        if case.yaml.is_some() {
            text
        } else {
            String::new()
        }
    };
    println!(
        "{:<22} {:>6.2} {:>6} {:>8} {:>10} {:>10} {:>10}",
        case.name,
        checking.ratio,
        shown(format!("{:.2}", reading.ratio)),
        json.len(),
        micros(parsing.time),
        micros(checking.time),
        shown(micros(reading.time)),
    );
}

fn findings(engine: &Engine, mesh: &Mesh, value: &Value) -> Vec<Finding> {
    let objects = Object::all(value);
    objects
        .iter()
        .flat_map(|object| engine.check(object, mesh, Place::file(FILE)).findings)
        .collect()
}

fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

impl Case {
    fn new(name: &'static str, document: (Value, String), finds: &'static [&'static str]) -> Self {
        let (value, yaml) = document;
        Self {
            name,
            value,
            yaml: Some(yaml),
            finds,
        }
    }

    fn verify(&self, findings: &[Finding]) {
        let found: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
        let missing = self.finds.iter().find(|rule| !found.contains(rule));
        assert_eq!(missing, None, "{}: {found:?}", self.name);
        assert_eq!(
            found.is_empty(),
            self.finds.is_empty(),
            "{}: {found:?}",
            self.name
        );
    }
}

fn cases() -> Vec<Case> {
    let service = service::text(1);
    let unmeshed = service.replace("        sidecar.istio.io/inject: \"true\"\n", "");
    assert_ne!(service, unmeshed, "the label was there");
    vec![
        Case::new(
            "istiod Deployment",
            document(&fixture("golden/pilot_default.golden.yaml"), "Deployment"),
            &[
                "keepalive-age-too-long",
                "version-unsupported",
                "version-vulnerable",
                "registry-retired",
            ],
        ),
        injected_pod(),
        Case::new(
            "enrolled Deployment",
            document(&service, "Deployment"),
            &["sidecar-start-not-gated"],
        ),
        Case::new(
            "unrelated Deployment",
            document(&unmeshed, "Deployment"),
            &[],
        ),
        Case::new("Service", document(&service, "Service"), &[]),
    ]
}

fn injected_pod() -> Case {
    let text = fixture("inject/hello.proxyHoldsApplication.yaml.injected");
    let (deployment, _) = document(&text, "Deployment");
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    Case {
        name: "injected Pod",
        value: pod,
        yaml: None,
        finds: &["version-unknown"],
    }
}

fn fixture(path: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(CORPUS);
    fs::read_to_string(folder.join(path)).expect("a fixture")
}

/// The first document of this kind, and its text.
fn document(text: &str, kind: &str) -> (Value, String) {
    let stream = Stream::read(text.as_bytes(), &Options::default());
    let document = stream
        .documents
        .into_iter()
        .find(|document| document.value["kind"] == kind)
        .expect("the fixture has one");
    (document.value, stream.text[document.bytes].to_owned())
}

/// A mesh with a control plane and a labelled namespace, as both programs have one.
fn mesh() -> Mesh {
    let mut mesh = Mesh::new(Settings::default());
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
    });
    let (istiod, _) = document(&fixture("golden/pilot_default.golden.yaml"), "Deployment");
    for value in [&namespace, &istiod] {
        for object in Object::all(value) {
            let source = Source::Document {
                file: Arc::from(FILE),
                document: 0,
                pointer: object.root.pointer(),
                title: object.title().into(),
            };
            mesh.learn(&object, &source);
        }
    }
    mesh
}

/// Measures, or only runs.
struct Meter {
    is_measured: bool,
}

/// Medians over all rounds.
#[derive(Clone, Copy)]
struct Measured {
    /// Of one run.
    time: Duration,
    /// To the first of those that were compared.
    ratio: f64,
}

impl Meter {
    /// Long enough for the clock.
    const BATCH: Duration = Duration::from_millis(1);
    const ROUNDS: usize = 201;

    /// Takes turns, so that a machine that is busy for a while is so for all of them.
    fn compare<const N: usize>(&self, works: [&dyn Fn(); N]) -> [Measured; N] {
        let runs = works.map(|work| if self.is_measured { batch(work) } else { 1 });
        let rounds = if self.is_measured { Self::ROUNDS } else { 1 };
        let mut times = [const { Vec::new() }; N];
        for _ in 0..rounds {
            for ((times, work), runs) in times.iter_mut().zip(works).zip(runs) {
                times.push(time(runs, work));
            }
        }
        std::array::from_fn(|index| {
            let pairs = times[index].iter().zip(&times[0]);
            let mut ratios: Vec<_> = pairs
                .map(|(time, base)| time.div_duration_f64(*base))
                .collect();
            ratios.sort_unstable_by(f64::total_cmp);
            let mut sorted = times[index].clone();
            sorted.sort_unstable();
            Measured {
                time: sorted[rounds / 2],
                ratio: ratios[rounds / 2],
            }
        })
    }
}

fn batch(work: &dyn Fn()) -> u32 {
    let mut runs = 1;
    while time(runs, work) * runs < Meter::BATCH {
        runs *= 2;
    }
    runs
}

/// Mean time of one run among `runs`.
fn time(runs: u32, work: &dyn Fn()) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        work();
    }
    start.elapsed() / runs
}
