//! What is read: files, folders, standard input.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

pub use texts::Texts;

mod texts;

const STDIN: &str = "-";
const CHART_FILE: &str = "Chart.yaml";

/// What an input is called where people read it: a name may hold what a terminal would obey.
pub fn for_people(name: &str) -> String {
    let name = if name == STDIN { "<stdin>" } else { name };
    annotate_snippets::normalize_untrusted_str(name)
}

/// One file, or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// As named on the command line, or found below what was named there.
    pub name: Arc<str>,
    /// The name without `.` and doubled slashes: nearness of facts is judged by it.
    pub place: Arc<str>,
    /// Where the bytes come from.
    pub origin: Origin,
    /// Whether it was named on the command line, and not found in a folder.
    pub is_named: bool,
}

/// Where the bytes of an [`Input`] come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Standard input.
    Stdin,
    /// A regular file: it can be read twice and replaced.
    File(PathBuf),
    /// A pipe or a device: it can be read once.
    Pipe(PathBuf),
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}", describe(error))]
pub struct Unreadable {
    /// As named on the command line, or found below.
    pub name: Arc<str>,
    /// What the system said.
    #[source]
    pub error: io::Error,
}

/// All inputs of a run.
#[derive(Debug, Default)]
pub struct Inputs {
    /// In the order of their names.
    pub found: Vec<Input>,
    /// What could not be read, in the order of the names.
    pub unreadable: Vec<Unreadable>,
    /// Links to folders, which a walk does not follow, in the order of their names.
    pub linked_folders: Vec<Arc<str>>,
}

impl Inputs {
    /// Finds everything below `paths`. A file that is named twice is there once.
    pub fn find<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> Self {
        let mut finder = Finder::default();
        for path in paths {
            finder.add(path);
        }
        finder.finish()
    }
}

#[derive(Default)]
struct Finder {
    candidates: Vec<Candidate>,
    inputs: Inputs,
    named: usize,
    links: bool,
    /// The walk started at `.`: names go without it, as every tool prints them.
    bare: bool,
}

/// How a file was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Named,
    Walked,
    Linked,
}

struct Candidate {
    input: Input,
    /// Which of two names for one file is kept: the one that is no link, then the one named first.
    rank: (bool, usize),
}

impl Finder {
    fn add(&mut self, path: &Path) {
        self.named += 1;
        self.bare = path == Path::new(".");
        if path == Path::new(STDIN) {
            return self.push(Origin::Stdin, path, Found::Named);
        }
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => self.walk(path),
            Ok(found) if found.is_file() => {
                self.push(Origin::File(path.into()), path, Found::Named);
            }
            Ok(_) => self.push(Origin::Pipe(path.into()), path, Found::Named),
            Err(error) => self.fail(path, error),
        }
    }

    fn walk(&mut self, root: &Path) {
        let wanted = |entry: &DirEntry| entry.depth() == 0 || entry.file_name() != ".git";
        for entry in WalkDir::new(root).into_iter().filter_entry(wanted) {
            match entry {
                Ok(entry) => self.visit(&entry),
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    self.fail(&path, error.into());
                }
            }
        }
    }

    fn visit(&mut self, entry: &DirEntry) {
        let path = entry.path();
        if entry.file_type().is_file() {
            if holds_manifests(path) {
                self.push(Origin::File(path.into()), path, Found::Walked);
            }
        } else if entry.file_type().is_symlink() {
            self.visit_link(path);
        }
    }

    fn visit_link(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(target) if target.is_dir() => self.inputs.linked_folders.push(self.name(path)),
            Ok(target) if target.is_file() && holds_manifests(path) => {
                self.links = true;
                self.push(Origin::File(path.into()), path, Found::Linked);
            }
            Err(error) if holds_manifests(path) => self.fail(path, error),
            _ => {}
        }
    }

    fn push(&mut self, origin: Origin, path: &Path, found: Found) {
        let name = self.name(path);
        let input = Input {
            place: cleaned(&name),
            name,
            origin,
            is_named: found == Found::Named,
        };
        let rank = (found == Found::Linked, self.named);
        self.candidates.push(Candidate { input, rank });
    }

    fn fail(&mut self, path: &Path, error: io::Error) {
        let name = self.name(path);
        self.inputs.unreadable.push(Unreadable { name, error });
    }

    fn name(&self, path: &Path) -> Arc<str> {
        let below = path.strip_prefix(".").ok().filter(|_| self.bare);
        below.unwrap_or(path).to_string_lossy().into()
    }

    fn finish(mut self) -> Inputs {
        // One walk without links cannot meet a file twice, and asking costs as much as reading.
        if self.named > 1 || self.links {
            self.candidates.sort_by(|a, b| a.order().cmp(&b.order()));
            let mut seen = HashSet::new();
            self.candidates
                .retain(|candidate| seen.insert(candidate.identity()));
        }
        self.inputs.found = self.candidates.into_iter().map(|c| c.input).collect();
        self.inputs.found.sort_by(|a, b| a.name.cmp(&b.name));
        self.inputs.unreadable.sort_by(|a, b| a.name.cmp(&b.name));
        self.inputs.unreadable.dedup_by(|a, b| a.name == b.name);
        self.inputs.linked_folders.sort();
        self.inputs.linked_folders.dedup();
        self.inputs
    }
}

impl Candidate {
    fn order(&self) -> (bool, usize, &str) {
        (self.rank.0, self.rank.1, &self.input.name)
    }

    fn identity(&self) -> PathBuf {
        match &self.input.origin {
            Origin::Stdin => PathBuf::from(STDIN),
            Origin::File(path) | Origin::Pipe(path) => {
                fs::canonicalize(path).unwrap_or_else(|_| path.clone())
            }
        }
    }
}

/// The `Chart.yaml` beside each file that was named without it: a file of values does not say which chart it
/// is for.
pub fn charts_beside(inputs: &[Input]) -> Vec<Input> {
    let mut folders = HashSet::new();
    let named = inputs.iter().filter(|input| input.is_named);
    let beside = named.filter_map(|input| {
        let Origin::File(path) = &input.origin else {
            return None;
        };
        let chart = path.with_file_name(CHART_FILE);
        let is_new = chart != *path && folders.insert(chart.clone());
        let name: Arc<str> = chart.to_string_lossy().into();
        let is_there = is_new && !inputs.iter().any(|other| other.name == name) && chart.is_file();
        is_there.then(|| Input {
            place: cleaned(&name),
            name,
            origin: Origin::File(chart),
            is_named: false,
        })
    });
    beside.collect()
}

fn holds_manifests(path: &Path) -> bool {
    let extension = path.extension().and_then(|text| text.to_str());
    matches!(extension, Some("yaml" | "yml" | "json"))
}

/// A path without `.` and doubled slashes.
pub fn cleaned(name: &str) -> Arc<str> {
    let path: PathBuf = Path::new(name)
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect();
    path.to_string_lossy().into()
}

/// What the system said, in words for people.
pub fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_no_dots_and_no_doubled_slashes() {
        assert_eq!(&*cleaned("./a//b/./c.yaml"), "a/b/c.yaml");
        assert_eq!(&*cleaned("../a.yaml"), "../a.yaml");
        assert_eq!(&*cleaned("/r/./a.yaml"), "/r/a.yaml");
    }
}
