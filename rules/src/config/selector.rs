//! Which objects an entry of `ignores` means.

use std::path::{Component, Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde_json::Value;

use crate::object::Object;

/// Which objects are meant: all that every part fits which is given.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Patterns for the file, from the policy's folder on.
    pub(super) files: Option<GlobSet>,
    /// Patterns for the namespace.
    pub(super) namespaces: Option<GlobSet>,
    /// Kinds.
    pub(super) kinds: Vec<String>,
    /// Patterns for the name.
    pub(super) names: Option<GlobSet>,
    /// Labels and their values.
    pub(super) labels: Vec<(String, String)>,
}

/// Where paths begin.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The policy's folder: its patterns are for paths from there on.
    pub policy: PathBuf,
    /// The folder that the program runs in: names of inputs are paths from there on.
    pub working: PathBuf,
}

impl Selector {
    /// Whether it means this object, which was read from `file` where there is one.
    pub fn selects(&self, object: &Object<'_>, file: Option<&str>, folders: &Folders) -> bool {
        fits(self.namespaces.as_ref(), object.namespace)
            && fits(self.names.as_ref(), object.name)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == object.kind_name()))
            && self.labels.iter().all(|label| has(object, label))
            && self.is_of_file(file, folders)
    }

    fn is_of_file(&self, file: Option<&str>, folders: &Folders) -> bool {
        let Some(files) = &self.files else {
            return true;
        };
        // Standard input has no place.
        let file = file.filter(|file| *file != "-");
        file.is_some_and(|file| files.is_match(folders.seen(file)))
    }
}

impl Folders {
    /// The path of an input from the policy's folder on; whole where it is not below that.
    fn seen(&self, file: &str) -> PathBuf {
        let whole = plain(&self.working.join(file));
        match whole.strip_prefix(plain(&self.policy)) {
            Ok(below) => below.to_owned(),
            Err(_) => whole,
        }
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Whether one of the patterns fits, or there are none.
pub(super) fn fits(patterns: Option<&GlobSet>, text: Option<&str>) -> bool {
    patterns.is_none_or(|patterns| text.is_some_and(|text| patterns.is_match(text)))
}

fn has(object: &Object<'_>, (name, value): &(String, String)) -> bool {
    let labels = object.root.at(&["metadata", "labels"]);
    labels.is_some_and(|labels| labels.str_at(name) == Some(value))
}

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
}

/// What is wrong with a pattern, if anything.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    match glob(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("no pattern: {}", error.kind())),
    }
}

/// One text or a list of them; nothing where it is not given.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(one) => one.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

fn set(patterns: impl IntoIterator<Item = String>) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    let mut any = false;
    for pattern in patterns {
        // What cannot be read has been told.
        set.add(glob(&pattern).ok()?);
        any = true;
    }
    set.build().ok().filter(|_| any)
}

/// The patterns that stand under a key, alone or in a list.
pub(super) fn patterns(entry: &Value, key: &str) -> Option<GlobSet> {
    set(texts(entry.get(key)).into_iter().map(str::to_owned))
}

/// Reads the selectors of an entry that has been checked.
pub(super) fn read(entry: &Value) -> Selector {
    let labels = entry.get("labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let kinds = texts(entry.get("kind")).into_iter();
    Selector {
        files: set(texts(entry.get("file")).into_iter().flat_map(of_files)),
        namespaces: patterns(entry, "namespace"),
        kinds: kinds.map(str::to_owned).collect(),
        names: patterns(entry, "name"),
        labels: labels
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
    }
}

/// As .gitignore has it: a name without a slash may be anywhere, a slash in front is the policy's
/// folder, and a folder is all that is in it.
fn of_files(pattern: &str) -> [String; 2] {
    let bare = pattern.trim_start_matches("./").trim_end_matches('/');
    let bare = match bare.strip_prefix('/') {
        Some(anchored) => anchored.to_owned(),
        None if bare.contains('/') => bare.to_owned(),
        None => format!("**/{bare}"),
    };
    [bare.clone(), format!("{bare}/**")]
}
