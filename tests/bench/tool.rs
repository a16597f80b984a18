//! The programs that are measured.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use wait4::Wait4;

/// Every date gives other findings, so other work.
const AS_OF: &str = "--as-of=2026-11-22";

/// What takes longer is run once.
const LONG: Duration = Duration::from_secs(10);

/// A program with its arguments.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: &'static [&'static str],
    /// Whether it walks folders itself: else it is given the files.
    walks: bool,
}

/// What one run took.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    /// Seconds of all cores, user and system.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Bytes.
    pub(crate) peak: u64,
}

/// Other tools that check manifests, told to do no more than they must: no network, no schema.
const PEERS: &[(&str, &[&str], bool)] = &[
    (
        "kubeconform",
        &[
            "-schema-location=/nonexistent/{{.ResourceKind}}.json",
            "-ignore-missing-schemas",
        ],
        true,
    ),
    ("kube-linter", &["lint"], true),
    ("kube-score", &["score"], false),
];

impl Tool {
    /// Ours, for people.
    pub(crate) fn meshcheck() -> Self {
        Self::ours("meshcheck", &["check", AS_OF])
    }

    /// Ours, for programs.
    pub(crate) fn meshcheck_json() -> Self {
        Self::ours("meshcheck -o json", &["check", AS_OF, "--output=json"])
    }

    /// Ours without its shortcuts.
    pub(crate) fn meshcheck_plain() -> Self {
        Self::ours("meshcheck --plain", &["check", AS_OF, "--plain"])
    }

    fn ours(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self {
            name,
            program: env!("CARGO_BIN_EXE_kubectl-meshcheck").into(),
            arguments,
            walks: true,
        }
    }

    /// The other tools that are in `folder` or on PATH.
    pub(crate) fn peers(folder: &Path) -> Vec<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<_> = std::iter::once(folder.to_owned())
            .chain(std::env::split_paths(&path))
            .collect();
        let peers = PEERS.iter().filter_map(|&(name, arguments, walks)| {
            let programs = folders.iter().map(|folder| folder.join(name));
            Some(Self {
                name,
                program: programs.into_iter().find(|program| program.is_file())?,
                arguments,
                walks,
            })
        });
        peers.collect()
    }

    /// The median of some runs over `path`.
    pub(crate) fn cost(&self, path: &Path, rounds: usize) -> io::Result<Cost> {
        let paths = if self.walks || path.is_file() {
            vec![path.into()]
        } else {
            files_below(path)?
        };
        let mut runs = vec![self.run(&paths)?];
        while runs.len() < rounds && runs[0].wall < LONG {
            runs.push(self.run(&paths)?);
        }
        let middle = runs.len() / 2;
        runs.sort_unstable_by_key(|cost| cost.wall);
        let wall = runs[middle].wall;
        runs.sort_unstable_by_key(|cost| cost.peak);
        let peak = runs[middle].peak;
        runs.sort_unstable_by_key(|cost| cost.cpu);
        Ok(Cost {
            cpu: runs[middle].cpu,
            wall,
            peak,
        })
    }

    fn run(&self, paths: &[OsString]) -> io::Result<Cost> {
        let start = Instant::now();
        let child = Command::new(&self.program)
            .args(self.arguments)
            .args(paths)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let used = child.wait4()?;
        assert!(is_verdict(used.status), "{}: {}", self.name, used.status);
        Ok(Cost {
            cpu: used.rusage.utime + used.rusage.stime,
            wall: start.elapsed(),
            peak: used.rusage.maxrss,
        })
    }

    /// The summary that our own program gives. The findings are passed over: a child starts with
    /// the peak memory of its parent, so this program must stay small.
    pub(crate) fn summary(&self, path: &Path) -> io::Result<Value> {
        #[derive(Deserialize)]
        struct Report {
            summary: Value,
        }
        let mut child = Command::new(&self.program)
            .args(self.arguments)
            .arg(path)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("it was asked for");
        let report: Report = serde_json::from_reader(BufReader::new(output))?;
        child.wait()?;
        Ok(report.summary)
    }
}

/// All of them answer 1 for findings; ours answers 3 where something could not be read.
fn is_verdict(status: ExitStatus) -> bool {
    matches!(status.code(), Some(0 | 1 | 3))
}

fn files_below(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path.into_os_string());
        }
    }
    Ok(files)
}
