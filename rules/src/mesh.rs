//! What is known about the mesh around an object. Every fact may be unknown, and carries where it
//! came from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use memchr::memmem;
use serde_json::Value;

use crate::finding::Pointer;
use crate::istio::install::Chart;
use crate::istio::version::{KubernetesVersion, Version};
use crate::object::Object;

use charts::Charts;
use definitions::Definitions;
use nodes::Nodes;

pub use around::{Around, OldestNode};
pub use charts::ChartSource;
pub use enrolment::Enrolment;
pub use facts::{
    ControlPlane, DEFAULT_REVISION, InjectionPolicy, InjectionWebhook, InjectionWebhooks, Injector,
    MeshConfig, NamespaceLabels, NodeFact, RevisionTag, Setting,
};
pub(crate) use learn::control_plane_in;
pub use learned::{ChartLearned, Learned};
pub use native::{Native, NativeMode};

pub(crate) use native::NODES as NATIVE_NODES;
pub use recording::{Facts, RecordingError};
pub use redundancy::{Autoscaler, DisruptionBudget};
pub use selector::Selector;

mod around;
mod charts;
mod definitions;
mod enrolment;
mod facts;
mod learn;
mod learned;
mod native;
mod nodes;
mod planned;
mod recording;
mod redundancy;
mod selector;

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
    /// A recording of a mesh, read from a file.
    Recording {
        /// The recording.
        file: Arc<str>,
        /// `ConfigMap/istio`.
        title: Arc<str>,
        /// The file that was read then; `None` where it was no file.
        from: Option<Arc<str>>,
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
            Self::Recording { file, title, from } => {
                write!(f, "{title} in {file}")?;
                from.as_ref()
                    .map_or(Ok(()), |from| write!(f, " (recorded from {from})"))
            }
            Self::Setting(name) => f.write_str(name),
            Self::Cluster { title } => write!(f, "{title} in the cluster"),
        }
    }
}

/// Where the object that is judged was read: decides which facts are near.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    file: Option<&'a str>,
    chart: Option<Chart>,
}

impl<'a> Place<'a> {
    /// An object of a file.
    pub fn file(path: &'a str) -> Self {
        Self {
            file: Some(path),
            chart: None,
        }
    }

    /// The same, of which a person says that it holds values of this chart.
    #[must_use]
    pub fn of_chart(self, chart: Option<Chart>) -> Self {
        Self { chart, ..self }
    }

    /// The chart whose values a person says are here.
    pub fn chart(self) -> Option<Chart> {
        self.chart
    }

    /// An object of the cluster: all facts are equally near.
    pub fn cluster() -> Self {
        Self {
            file: None,
            chart: None,
        }
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

    /// The file's path as it was given, `-` for standard input; `None` in a cluster.
    pub fn path(self) -> Option<&'a str> {
        self.file
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
    /// Whether it stands in the file of an installer, which is going to make it so.
    pub is_planned: bool,
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

/// What a live cluster says beside its objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Kubernetes version of the API server. Nodes may be older.
    pub kubernetes: Option<KubernetesVersion>,
    /// Whether all autoscalers and disruption budgets beside its istiods were learned: then one that
    /// is not known is not there.
    pub knows_redundancy: bool,
}

/// All facts about a mesh.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    settings: Settings,
    /// Of the live one that is watched.
    cluster: Cluster,
    /// Those that a recording holds, and its name.
    recorded: Option<(Settings, Arc<str>)>,
    /// By name.
    namespaces: Table<NamespaceLabels>,
    /// By revision, as the two below.
    mesh_configs: Table<MeshConfig>,
    injectors: Table<Injector>,
    control_planes: Table<ControlPlane>,
    /// By tag.
    tags: Table<RevisionTag>,
    /// By revision or tag.
    webhooks: Table<InjectionWebhooks>,
    nodes: Nodes,
    /// By namespace, kind and name of what is scaled.
    autoscalers: Table<Autoscaler>,
    /// By namespace and name.
    budgets: Table<DisruptionBudget>,
    charts: Charts,
}

/// All definitions of each thing of one sort.
type Table<T> = BTreeMap<String, Definitions<T>>;

/// A fact that has a table.
trait Kept: PartialEq + Sized {
    /// Under which name it is looked up.
    fn key(&self) -> &str;
    /// Where it is kept.
    fn table(mesh: &mut Mesh) -> &mut Table<Self>;
}

/// Says of a fact under which name it is kept, and where.
macro_rules! kept {
    ($($fact:ty: $key:ident in $table:ident,)*) => {$(
        impl Kept for $fact {
            fn key(&self) -> &str {
                &self.$key
            }

            fn table(mesh: &mut Mesh) -> &mut Table<Self> {
                &mut mesh.$table
            }
        }
    )*};
}

kept! {
    NamespaceLabels: name in namespaces,
    MeshConfig: revision in mesh_configs,
    Injector: revision in injectors,
    ControlPlane: revision in control_planes,
    RevisionTag: tag in tags,
    InjectionWebhooks: name in webhooks,
    Autoscaler: target in autoscalers,
    DisruptionBudget: name in budgets,
}

impl Mesh {
    /// A mesh about which only `settings` are known.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Says what the live cluster is whose objects are learned.
    pub fn set_cluster(&mut self, cluster: Cluster) {
        self.cluster = cluster;
    }

    /// Takes the facts out of an object, if there are any.
    pub fn learn(&mut self, object: &Object<'_>, source: &Source) {
        for fact in Learned::all_in(object) {
            self.take(fact, source);
        }
        planned::learn(self, object, source);
    }

    /// Takes a fact of an object. To take [`Learned::all_in`] an object that runs is to learn from it;
    /// what an installer's file is going to make of a mesh is not among it.
    pub fn take(&mut self, fact: Learned, source: &Source) {
        match fact {
            Learned::Namespace(fact) => self.add(fact, source),
            Learned::MeshConfig(fact) => self.add(fact, source),
            Learned::Injector(fact) => self.add(*fact, source),
            Learned::ControlPlane(fact) => self.add(fact, source),
            Learned::Tag(fact) => self.add(fact, source),
            Learned::Webhooks(fact) => self.add(fact, source),
            Learned::Node(fact) => self.add_node(fact, source),
            Learned::Autoscaler(fact) => self.add(fact, source),
            Learned::Budget(fact) => self.add(fact, source),
            Learned::Chart(ChartLearned(fact)) => self.charts.take(fact, source),
        }
    }

    fn add<T: Kept>(&mut self, value: T, source: &Source) {
        self.put(value, source, false);
    }

    fn put<T: Kept>(&mut self, value: T, source: &Source, is_planned: bool) {
        let key = value.key().to_owned();
        let source = source.clone();
        let known = T::table(self).entry(key).or_default();
        known.push(Fact {
            value,
            source,
            is_planned,
        });
    }

    fn add_node(&mut self, value: NodeFact, source: &Source) {
        let source = source.clone();
        self.nodes.push(Fact {
            value,
            source,
            is_planned: false,
        });
    }

    /// Whether an object of this kind can hold a fact: lets a caller skip [`Mesh::learn`].
    pub fn may_learn_from(object: &Object<'_>) -> bool {
        learn::may_hold(object) || planned::may_hold(object) || charts::may_hold(object)
    }

    /// Whether a text can hold a fact at all: lets a caller skip reading it. `true` for every text
    /// that could say a word in another way (escapes, UTF-16).
    pub fn may_learn_from_text(bytes: &[u8]) -> bool {
        bytes.contains(&b'\\')
            || bytes.contains(&0)
            || learn::WORDS
                .iter()
                .chain(planned::WORDS)
                .chain(charts::WORDS)
                .any(|word| memmem::find(bytes, word.as_bytes()).is_some())
    }

    /// The objects of a document: [`Object::all_at`], and values of a chart whose own file says that it
    /// depends on Istio's.
    pub fn objects<'a>(&self, document: &'a Value, place: Place<'_>) -> Vec<Object<'a>> {
        let mut objects = Object::all_at(document, place);
        if objects.is_empty() && self.charts.are_values(document, place) {
            objects.push(Object::helm_values(document));
        }
        objects
    }

    /// The mesh as seen from one object.
    pub fn around<'a>(&'a self, object: &'a Object<'a>, place: Place<'a>) -> Around<'a> {
        Around::new(self, object, place)
    }
}
