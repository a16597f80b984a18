//! The policy of a run: `meshcheck.yaml`, where it is found, and what is wrong with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meshcheck_rules::config::{FILE_NAME, Folders, Policy, PolicyProblem};
use meshcheck_rules::yaml::{Document, Options, Spans, Stream};
use meshcheck_rules::{Location, Part, Pointer};

use crate::output::{counted, line_at};
use crate::report::Elsewhere;
use crate::source::Unreadable;

/// Names that somebody may take for the right one.
const NEARLY: [&str; 3] = ["meshcheck.yml", ".meshcheck.yaml", ".meshcheck.yml"];

/// A policy that was read from a file.
#[derive(Debug)]
pub struct PolicyFile {
    /// As people know it: as given, or the way up to it.
    pub name: Arc<str>,
    /// The policy.
    pub policy: Policy,
    /// Its text.
    pub text: String,
    /// The document in it.
    pub document: Document,
    /// The places of the entries of its `ignores`.
    pub entries: Vec<Arc<Elsewhere>>,
    /// Where it is, whatever it is called.
    path: PathBuf,
}

/// Why there is no policy to judge by.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the policy {}: {}", .0.name, .0)]
    Unreadable(#[from] Unreadable),
    /// There are problems in it.
    #[error("the policy {} has {}", .0.name, counted(.0.problems.len(), "problem"))]
    Wrong(Wrong),
}

/// A policy with problems.
#[derive(Debug)]
pub struct Wrong {
    /// As people know it.
    pub name: Arc<str>,
    /// Its text.
    pub text: String,
    /// What is wrong, in the order of the text.
    pub problems: Vec<PolicyProblem>,
}

/// What a walk up from a folder found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The nearest policy.
    pub policy: Option<PathBuf>,
    /// The nearest file that is nearly called as one, where no policy is nearer than that.
    pub nearly: Option<PathBuf>,
}

impl Found {
    /// Walks up from `start` to the root of its repository, or of the file system. The paths are as
    /// one would type them in `start`.
    pub fn above(start: &Path) -> Self {
        let mut found = Self::default();
        let mut way = PathBuf::new();
        for folder in start.ancestors() {
            let is_there = |name: &str| folder.join(name).is_file();
            let nearly = NEARLY
                .iter()
                .find(|name| is_there(name))
                .map(|name| way.join(name));
            found.nearly = found.nearly.or(nearly);
            found.policy = is_there(FILE_NAME).then(|| way.join(FILE_NAME));
            if found.policy.is_some() || folder.join(".git").exists() {
                break;
            }
            way.push("..");
        }
        found
    }
}

impl PolicyFile {
    /// Reads a policy whose patterns for files begin at `folder`; paths of inputs begin at
    /// `working`.
    pub fn read(path: &Path, folder: &Path, working: &Path) -> Result<Self, PolicyError> {
        let name: Arc<str> = path.to_string_lossy().into();
        let bytes = fs::read(path).map_err(|error| unreadable(&name, error))?;
        let stream = Stream::read(&bytes, &Options::default());
        let text = stream.text;
        let mut policy = match Policy::parse(&bytes) {
            Ok(policy) => policy,
            Err(problems) => {
                let wrong = Wrong {
                    name,
                    text,
                    problems,
                };
                return Err(PolicyError::Wrong(wrong));
            }
        };
        policy.folders = Folders {
            policy: folder.to_owned(),
            working: working.to_owned(),
        };
        let mut documents = stream.documents.into_iter();
        let document = documents
            .find(|document| !document.is_null())
            .expect("a policy is a document");
        let places = Places {
            name: &name,
            text: &text,
            document: &document,
            spans: document.spans(&text, &Options::default()),
        };
        Ok(Self {
            entries: (0..policy.ignores.len())
                .map(|index| Arc::new(places.entry(index)))
                .collect(),
            name,
            policy,
            text,
            document,
            path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
        })
    }

    /// Whether an input is this file.
    pub fn is(&self, input: &str) -> bool {
        fs::canonicalize(input).is_ok_and(|path| path == self.path)
    }
}

/// The places in a policy.
struct Places<'p> {
    name: &'p Arc<str>,
    text: &'p str,
    document: &'p Document,
    spans: Spans<'p>,
}

impl Places<'_> {
    /// Where an entry of `ignores` names its rules.
    fn entry(&self, index: usize) -> Elsewhere {
        let pointer = Pointer::root().join("ignores").join(&index.to_string());
        let at = Location {
            pointer: pointer.join("rule"),
            part: Part::Whole,
            inner: None,
        };
        let span = self.spans.locate(&at).span;
        let line = self.text[line_at(self.text, span.bytes.start)].to_owned();
        Elsewhere {
            file: Arc::clone(self.name),
            document: self.document.index,
            pointer: pointer.to_string(),
            span: Some((span, line)),
        }
    }
}

fn unreadable(name: &Arc<str>, error: io::Error) -> Unreadable {
    Unreadable {
        name: Arc::clone(name),
        error,
    }
}
