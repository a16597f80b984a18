//! What is known of a mesh, as a file: written by one run, read by others as if they saw the cluster.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::istio::version::{KubernetesVersion, Version};
use crate::mesh::{
    Autoscaler, ControlPlane, DisruptionBudget, Fact, InjectionWebhooks, Injector, Kept, Mesh,
    MeshConfig, NamespaceLabels, NodeFact, RevisionTag, Settings, Source, Table,
};

/// What `format` says in a recording.
const FORMAT: &str = "meshcheck-mesh";
/// The version that this program writes, and the newest that it reads.
const VERSION: u64 = 1;

/// Why a text is no recording that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// It is something else.
    #[error("it is no recording of a mesh, which `kubectl meshcheck mesh` writes ({0})")]
    Foreign(String),
    /// It was written by a newer program.
    #[error(
        "it has version {found}, and this meshcheck reads versions up to {VERSION}: a newer one wrote it"
    )]
    Newer {
        /// The version that it has.
        found: u64,
    },
    /// A part of it has not the shape that it should have.
    #[error("it cannot be read: {0}")]
    Shape(#[source] serde_json::Error),
}

impl RecordingError {
    /// Where, from 1, if one place is to blame.
    pub fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Json(error) | Self::Shape(error) => Some((error.line(), error.column())),
            Self::Foreign(_) | Self::Newer { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: Value,
    #[serde(default)]
    version: Value,
}

/// A recording. Every list is in the order of its names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Recording {
    #[serde(rename = "format")]
    _format: String,
    #[serde(rename = "version")]
    _version: u64,
    #[serde(default)]
    kubernetes_version: Option<KubernetesVersion>,
    #[serde(default)]
    istio_version: Option<Version>,
    #[serde(default)]
    control_planes: Vec<Entry<ControlPlane>>,
    #[serde(default)]
    tags: Vec<Entry<RevisionTag>>,
    #[serde(default)]
    webhooks: Vec<Entry<InjectionWebhooks>>,
    #[serde(default)]
    mesh_configs: Vec<Entry<MeshConfig>>,
    #[serde(default)]
    injectors: Vec<Entry<Injector>>,
    #[serde(default)]
    nodes: Vec<Entry<NodeFact>>,
    #[serde(default)]
    namespaces: Vec<Entry<NamespaceLabels>>,
    #[serde(default)]
    autoscalers: Vec<Entry<Autoscaler>>,
    #[serde(default)]
    disruption_budgets: Vec<Entry<DisruptionBudget>>,
}

/// A fact, and where it was found when it was recorded.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<T> {
    fact: T,
    source: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    /// `ConfigMap/istio`.
    object: Arc<str>,
    /// `None` for an object of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<Arc<str>>,
}

/// All that is known of a mesh: every list in the order of its names, what says the same only once.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Kubernetes version of the API server.
    pub kubernetes: Option<KubernetesVersion>,
    /// Version of the control plane, where no fact says it.
    pub istio: Option<Version>,
    /// By revision, as mesh configs and injectors.
    pub control_planes: Vec<&'a Fact<ControlPlane>>,
    /// By tag.
    pub tags: Vec<&'a Fact<RevisionTag>>,
    /// By revision or tag.
    pub webhooks: Vec<&'a Fact<InjectionWebhooks>>,
    /// By revision.
    pub mesh_configs: Vec<&'a Fact<MeshConfig>>,
    /// By revision.
    pub injectors: Vec<&'a Fact<Injector>>,
    /// By name.
    pub nodes: Vec<&'a Fact<NodeFact>>,
    /// By name.
    pub namespaces: Vec<&'a Fact<NamespaceLabels>>,
    /// By what they scale.
    pub autoscalers: Vec<&'a Fact<Autoscaler>>,
    /// By name.
    pub disruption_budgets: Vec<&'a Fact<DisruptionBudget>>,
}

impl Facts<'_> {
    /// Whether nothing is known, settings aside.
    pub fn is_empty(&self) -> bool {
        let known = [
            self.control_planes.len(),
            self.tags.len(),
            self.webhooks.len(),
            self.mesh_configs.len(),
            self.injectors.len(),
            self.nodes.len(),
            self.namespaces.len(),
            self.autoscalers.len(),
            self.disruption_budgets.len(),
        ];
        known.iter().all(|count| *count == 0)
    }
}

impl Mesh {
    /// All that is known.
    pub fn facts(&self) -> Facts<'_> {
        let recorded = self.recorded.as_ref().map(|(settings, _)| settings);
        Facts {
            kubernetes: (self.settings.kubernetes)
                .or(self.cluster.kubernetes)
                .or(recorded.and_then(|r| r.kubernetes)),
            istio: self.settings.istio.or(recorded.and_then(|r| r.istio)),
            control_planes: all(&self.control_planes),
            tags: all(&self.tags),
            webhooks: all(&self.webhooks),
            mesh_configs: all(&self.mesh_configs),
            injectors: all(&self.injectors),
            nodes: nodes(self.nodes.facts()),
            namespaces: all(&self.namespaces),
            autoscalers: of_istio(all(&self.autoscalers), Autoscaler::is_of_istio),
            disruption_budgets: of_istio(all(&self.budgets), DisruptionBudget::is_of_istio),
        }
    }

    /// All that is known, as the text of a recording.
    pub fn record(&self) -> String {
        let mut text = Text::default();
        text.member("format", &FORMAT);
        text.member("version", &VERSION);
        let facts = self.facts();
        if let Some(version) = facts.kubernetes {
            text.member("kubernetesVersion", &version);
        }
        if let Some(version) = facts.istio {
            text.member("istioVersion", &version);
        }
        text.list("controlPlanes", &facts.control_planes);
        text.list("tags", &facts.tags);
        text.list("webhooks", &facts.webhooks);
        text.list("meshConfigs", &facts.mesh_configs);
        text.list("injectors", &facts.injectors);
        text.list("nodes", &facts.nodes);
        text.list("namespaces", &facts.namespaces);
        text.list("autoscalers", &facts.autoscalers);
        text.list("disruptionBudgets", &facts.disruption_budgets);
        text.finish()
    }

    /// Takes the facts of a recording. `file` is what it is called in findings. What documents and
    /// settings say stays stronger.
    pub fn recall(&mut self, text: &str, file: &Arc<str>) -> Result<(), RecordingError> {
        let recording = read(text)?;
        let settings = Settings {
            kubernetes: recording.kubernetes_version,
            istio: recording.istio_version,
        };
        self.recorded = Some((settings, Arc::clone(file)));
        self.recall_all(recording.control_planes, file);
        self.recall_all(recording.tags, file);
        self.recall_all(recording.webhooks, file);
        self.recall_all(recording.mesh_configs, file);
        self.recall_all(recording.injectors, file);
        self.recall_all(recording.namespaces, file);
        self.recall_all(recording.autoscalers, file);
        self.recall_all(recording.disruption_budgets, file);
        for Entry { fact, source } in recording.nodes {
            self.add_node(fact, &source.recorded_in(file));
        }
        Ok(())
    }

    fn recall_all<T: Kept>(&mut self, entries: Vec<Entry<T>>, file: &Arc<str>) {
        for Entry { fact, source } in entries {
            self.add(fact, &source.recorded_in(file));
        }
    }
}

fn read(text: &str) -> Result<Recording, RecordingError> {
    let head: Value = serde_json::from_str(text).map_err(RecordingError::Json)?;
    let Head { format, version } = serde_json::from_value(head)
        .map_err(|_| RecordingError::Foreign("it is no JSON object".to_owned()))?;
    if format != FORMAT {
        let says = if format.is_null() {
            "it has no `format`".to_owned()
        } else {
            format!("`format` is not {FORMAT:?}")
        };
        return Err(RecordingError::Foreign(says));
    }
    match version.as_u64() {
        Some(found) if found > VERSION => return Err(RecordingError::Newer { found }),
        Some(1..) => {}
        _ => {
            let says = "`version` is no version of the format".to_owned();
            return Err(RecordingError::Foreign(says));
        }
    }
    serde_json::from_str(text).map_err(RecordingError::Shape)
}

/// All definitions of all things of one sort.
fn all<T: PartialEq>(table: &Table<T>) -> Vec<&Fact<T>> {
    let definitions = table.values();
    definitions
        .flat_map(|known| distinct(known.facts()))
        .collect()
}

/// Without those of applications, which are nobody's business here.
fn of_istio<T>(facts: Vec<&Fact<T>>, is: fn(&T) -> bool) -> Vec<&Fact<T>> {
    let own = facts.into_iter().filter(|fact| is(&fact.value));
    own.collect()
}

fn nodes<'f>(facts: impl Iterator<Item = &'f Fact<NodeFact>>) -> Vec<&'f Fact<NodeFact>> {
    let mut facts: Vec<_> = facts.collect();
    facts.sort_by(|a, b| {
        let (one, other) = (&a.value, &b.value);
        (&one.name, one.kubelet, &a.source).cmp(&(&other.name, other.kubelet, &b.source))
    });
    facts.dedup_by(|a, b| a.value == b.value);
    facts
}

/// The first source of each thing that is said.
fn distinct<'f, T: PartialEq + 'f>(facts: impl Iterator<Item = &'f Fact<T>>) -> Vec<&'f Fact<T>> {
    let mut facts: Vec<_> = facts.collect();
    facts.sort_by(|a, b| a.source.cmp(&b.source));
    let mut kept: Vec<&Fact<T>> = Vec::new();
    for fact in facts {
        if kept.iter().all(|known| known.value != fact.value) {
            kept.push(fact);
        }
    }
    kept
}

impl Origin {
    fn of(source: &Source) -> Self {
        let (object, file) = match source {
            Source::Document { file, title, .. } => (Arc::clone(title), Some(Arc::clone(file))),
            Source::Recording { title, from, .. } => (Arc::clone(title), from.clone()),
            Source::Cluster { title } => (Arc::clone(title), None),
            Source::Setting(name) => (Arc::from(*name), None),
        };
        Self { object, file }
    }

    fn recorded_in(self, file: &Arc<str>) -> Source {
        Source::Recording {
            file: Arc::clone(file),
            title: self.object,
            from: self.file,
        }
    }
}

/// JSON with every fact on a line of its own: a changed fact is a changed line, and a large mesh is
/// no longer than it must be.
#[derive(Default)]
struct Text {
    members: Vec<String>,
}

impl Text {
    fn member(&mut self, key: &str, value: &impl Serialize) {
        self.members.push(format!("  \"{key}\": {}", json(value)));
    }

    fn list<T: Serialize>(&mut self, key: &str, facts: &[&Fact<T>]) {
        if facts.is_empty() {
            return;
        }
        let entries = facts.iter().map(|known| Entry {
            fact: &known.value,
            source: Origin::of(&known.source),
        });
        let lines: Vec<String> = entries.map(|e| format!("    {}", json(&e))).collect();
        let lines = lines.join(",\n");
        self.members.push(format!("  \"{key}\": [\n{lines}\n  ]"));
    }

    fn finish(self) -> String {
        format!("{{\n{}\n}}\n", self.members.join(",\n"))
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("facts are plain data")
}

#[cfg(test)]
mod tests;
