//! The program against hand-checked truth: what is in real manifests, and what the real istiod made
//! of its arguments.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::date;
use meshcheck_rules::config::Policy;
use meshcheck_rules::istio::Subject;
use meshcheck_rules::istio::duration::GoDuration;
use meshcheck_rules::istio::keepalive::{Age, Unlimited};
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Engine, Finding, Mesh, Object, Place, Source, Strings};

#[path = "truth/helm.rs"]
mod helm;
#[path = "truth/inject.rs"]
mod inject;
#[path = "truth/operator.rs"]
mod operator;
#[path = "truth/table.rs"]
mod table;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

fn engine() -> Engine {
    Engine::new(date(2026, 11, 22), Policy::default(), Releases::embedded())
}

/// All findings of a file that is read alone, with the index of their document.
fn check_file(path: &Path, name: &str) -> Vec<(usize, Finding)> {
    let stream = Stream::read(&fs::read(path).expect("a fixture"), &Options::default());
    let mut mesh = Mesh::new(Settings::default());
    for document in &stream.documents {
        for object in Object::all(&document.value) {
            let source = Source::Document {
                file: Arc::from(name),
                document: document.index,
                pointer: object.root.pointer(),
                title: object.title().into(),
            };
            mesh.learn(&object, &source);
        }
    }
    let engine = engine();
    let mut found = Vec::new();
    for document in &stream.documents {
        for object in Object::all(&document.value) {
            let report = engine.check(&object, &mesh, Place::file(name));
            assert!(
                report.crashed.is_empty(),
                "{name}: {:?} crashed",
                report.crashed
            );
            found.extend(
                report
                    .findings
                    .into_iter()
                    .map(|finding| (document.index, finding)),
            );
        }
    }
    found
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).expect("a table");
    text.lines().skip(1).map(fields).collect()
}

/// The rows of a table by the names in its first line.
fn headed_rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).expect("a table");
    let head = fields(text.lines().next().expect("a first line"));
    let named = |row: Vec<String>| head.iter().cloned().zip(row).collect();
    rows(path).into_iter().map(named).collect()
}

/// The fields of a CSV line, quoted ones included.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                fields.last_mut().expect("never empty").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            letter => fields.last_mut().expect("never empty").push(letter),
        }
    }
    fields
}

#[test]
fn every_expectation_holds() {
    let corpus = fixtures().join("corpus");
    let mut wrong = String::new();
    let rows = rows(&corpus.join("expectations.csv"));
    assert!(rows.len() > 250, "the table is shorter than it was");
    for row in &rows {
        let [file, document, _, _, rule, expect, why] = row.as_slice() else {
            panic!("not seven fields: {row:?}")
        };
        let document: Option<usize> = document.parse().ok();
        let found = check_file(&corpus.join(file), file);
        let rules: BTreeSet<&str> = found
            .iter()
            .filter(|(index, _)| document.is_none_or(|document| document == *index))
            .map(|(_, finding)| finding.rule)
            .collect();
        let reported = if rule == "*" {
            !rules.is_empty()
        } else {
            rules.contains(rule.as_str())
        };
        if reported != (expect == "yes") {
            writeln!(
                wrong,
                "{file} {document:?} {rule}: not {expect} ({why}); {rules:?}"
            )
            .expect("a string");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Each way to write istiod's arguments gives what the real istiod 1.31.1 made of it.
#[test]
fn arguments_mean_what_istiod_makes_of_them() {
    let cases = fixtures().join("oracle/args");
    let mut wrong = String::new();
    let rows = rows(&cases.join("expected.csv"));
    assert_eq!(rows.len(), 35);
    for row in &rows {
        let [case, _, age, interval, timeout, error] = row.as_slice() else {
            panic!("not six fields: {row:?}")
        };
        let file = cases.join(case).join("istiod.yaml");
        let stream = Stream::read(&fs::read(&file).expect("a case"), &Options::default());
        let objects = Object::all(&stream.documents[0].value);
        let strings = Strings::default();
        let subject = Subject::of(&objects[0], &strings);
        let setting = subject.ages().first().expect("istiod");
        let agrees = match &setting.age {
            Age::Crashes(crashes) => {
                age == "exits" && crashes.iter().any(|crash| says(&crash.why, error))
            }
            Age::Unlimited(Unlimited::Zero) => age == "0s",
            Age::Unlimited(Unlimited::Huge(duration)) | Age::Finite(duration) => {
                GoDuration::parse(age) == Ok(*duration)
            }
            Age::Unlimited(_) => age == "unlimited",
            Age::Unknown => false,
        };
        if !agrees {
            writeln!(wrong, "{case}: {setting:?}, istiod says {age} {error}").expect("a string");
        }
        let rules: Vec<&str> = check_file(&file, case)
            .iter()
            .map(|(_, f)| f.rule)
            .collect();
        let expected = expected_rules(age, interval, timeout);
        let judged: Vec<&str> = rules
            .iter()
            .copied()
            .filter(|rule| rule.starts_with("keepalive"))
            .collect();
        if judged != expected {
            writeln!(wrong, "{case}: {judged:?}, expected {expected:?}").expect("a string");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Whether our words are istiod's, which frames them with the flag and writes `10m0s`.
fn says(why: &str, error: &str) -> bool {
    let error = error.replace("m0s", "m");
    error.contains(why) || why.contains(&error)
}

/// The rules that follow from what istiod made of its arguments.
fn expected_rules(age: &str, interval: &str, timeout: &str) -> Vec<&'static str> {
    let mut rules = Vec::new();
    let minutes = |text: &str| GoDuration::parse(text).map(|age| age.seconds() / 60.0);
    match (age, minutes(age)) {
        ("exits", _) => rules.push("keepalive-age-invalid"),
        ("unlimited" | "0s", _) => rules.push("keepalive-age-unbounded"),
        (_, Ok(age)) if age >= 24.0 * 60.0 => rules.push("keepalive-age-unbounded"),
        (_, Ok(age)) if age > 10.0 => rules.push("keepalive-age-too-long"),
        (_, Ok(age)) if age < 2.0 => rules.push("keepalive-age-too-short"),
        _ => {}
    }
    if let (Ok(interval), Ok(timeout)) = (minutes(interval), minutes(timeout))
        && (interval > 1.0 || interval + timeout > 5.0)
    {
        rules.push("keepalive-ping-policy");
    }
    rules
}

/// How often each rule reports over a folder, every file read alone.
fn counts(folder: &Path) -> String {
    let mut files = Vec::new();
    yaml_files(folder, &mut files);
    let mut counts = BTreeMap::new();
    for file in &files {
        let name = file
            .strip_prefix(folder)
            .expect("in the folder")
            .to_string_lossy();
        for (_, finding) in check_file(file, &name) {
            *counts
                .entry(format!("{} {}", finding.rule, finding.severity))
                .or_insert(0) += 1;
        }
    }
    let mut text = format!("files {}\n", files.len());
    for (what, count) in counts {
        writeln!(text, "{what} {count}").expect("a string");
    }
    text
}

fn yaml_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            yaml_files(&path, files);
        } else if path.to_string_lossy().contains(".yaml") {
            files.push(path);
        }
    }
}

#[test]
fn counts_over_the_corpus_are_the_reviewed_ones() {
    let corpus = fixtures().join("corpus");
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let folders = [(corpus.clone(), "counts.txt"), (whole, "counts-whole.txt")];
    for (folder, snapshot) in folders.iter().filter(|(folder, _)| folder.is_dir()) {
        let actual = counts(folder);
        let file = corpus.join(snapshot);
        if update() {
            fs::write(&file, &actual).expect("it can be written");
        }
        let reviewed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            reviewed, actual,
            "{snapshot} (MESHCHECK_UPDATE=1 rewrites it)"
        );
    }
}

fn update() -> bool {
    std::env::var_os("MESHCHECK_UPDATE").is_some()
}
