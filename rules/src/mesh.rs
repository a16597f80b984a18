//! What is known about the mesh around an object. Every fact may be unknown, and carries where it
//! came from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use memchr::memmem;

use crate::finding::Pointer;
use crate::istio::version::{KubernetesVersion, Version};
use crate::object::Object;

use definitions::Definitions;

pub use around::{Around, Enrolment, Nodes};
pub use facts::{ControlPlane, DEFAULT_REVISION, Injector, MeshConfig, NodeFact, Setting};
pub use native::Native;

mod around;
mod definitions;
mod facts;
mod native;
mod redundancy;

/// Where a fact came from. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A document that was read.
    Document {
        /// Path as given, `-` for standard input.
        file: Arc<str>,
        /// Index of the document in the file, from 0.
        document: usize,
        /// The object, from the root of the document.
        pointer: Pointer,
        /// `ConfigMap/istio`.
        title: Arc<str>,
    },
    /// A command line option or setting, such as `--istio-version`.
    Setting(&'static str),
    /// An object of the cluster.
    Cluster {
        /// `ConfigMap/istio`.
        title: Arc<str>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { file, title, .. } => write!(f, "{title} in {file}"),
            Self::Setting(name) => f.write_str(name),
            Self::Cluster { title } => write!(f, "{title} in the cluster"),
        }
    }
}

/// Where the object that is judged was read: decides which facts are near.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    file: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// An object of a file.
    pub fn file(path: &'a str) -> Self {
        Self { file: Some(path) }
    }

    /// An object of the cluster: all facts are equally near.
    pub fn cluster() -> Self {
        Self { file: None }
    }

    /// Whether a fact stands in the same file, or in a file of the same folder.
    fn is_beside(self, source: &Source) -> bool {
        let folder = |path: &'a str| path.rsplit_once('/').map(|(folder, _)| folder);
        match (self.file, source) {
            (Some(mine), Source::Document { file, .. }) => {
                folder(mine) == file.rsplit_once('/').map(|(folder, _)| folder)
            }
            _ => false,
        }
    }

    /// How near a fact is: the number of folders that both share, more than any of these for the
    /// same file, nothing for what has no file.
    fn nearness(self, source: &Source) -> usize {
        let (Some(mine), Source::Document { file, .. }) = (self.file, source) else {
            return 0;
        };
        if mine == &**file {
            return usize::MAX;
        }
        let folders = |path: &'a str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let theirs = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        folders(mine)
            .split('/')
            .zip(theirs.split('/'))
            .take_while(|(a, b)| a == b)
            .count()
    }
}

/// A fact and where it came from.
#[derive(Clone, Debug)]
pub struct Fact<T> {
    /// The fact.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

/// What can be said of a fact at one place.
#[derive(Clone, Debug)]
pub enum Known<T> {
    /// One definition decides.
    Yes(T, Source),
    /// The nearest definitions contradict each other.
    Disputed(Source, Source),
    /// Nothing says it.
    No,
}

impl<T> Known<T> {
    /// The fact, where it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Yes(value, _) => Some(value),
            Self::Disputed(..) | Self::No => None,
        }
    }
}

/// Settings that stand for the whole mesh where no document speaks.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Kubernetes version of the API server and of all nodes.
    pub kubernetes: Option<KubernetesVersion>,
    /// Version of the control plane.
    pub istio: Option<Version>,
}

/// All facts about a mesh.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    settings: Settings,
    /// By name.
    namespaces: BTreeMap<String, Definitions<BTreeMap<String, String>>>,
    /// By revision, as the two below.
    mesh_configs: BTreeMap<String, Definitions<MeshConfig>>,
    injectors: BTreeMap<String, Definitions<Injector>>,
    control_planes: BTreeMap<String, Definitions<ControlPlane>>,
    nodes: Vec<Fact<NodeFact>>,
    redundancy: redundancy::Redundancy,
}

impl Mesh {
    /// A mesh about which only `settings` are known.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Takes the facts out of an object, if there are any.
    pub fn learn(&mut self, object: &Object<'_>, source: &Source) {
        facts::learn(self, object, source);
    }

    /// Whether an object of this kind can hold a fact: lets a caller skip [`Mesh::learn`].
    pub fn may_learn_from(object: &Object<'_>) -> bool {
        facts::may_hold(object)
    }

    /// Whether a text can hold a fact at all: lets a caller skip reading it. `true` for every text
    /// that could say a word in another way (escapes, UTF-16).
    pub fn may_learn_from_text(bytes: &[u8]) -> bool {
        bytes.contains(&b'\\')
            || bytes.contains(&0)
            || facts::WORDS
                .iter()
                .any(|word| memmem::find(bytes, word.as_bytes()).is_some())
    }

    /// The mesh as seen from one object.
    pub fn around<'a>(&'a self, object: &'a Object<'a>, place: Place<'a>) -> Around<'a> {
        Around::new(self, object, place)
    }
}
