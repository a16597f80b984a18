//! The nodes of the cluster, kept ready for every folder: thousands of workloads may ask about
//! thousands of nodes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::istio::version::KubernetesVersion;
use crate::mesh::definitions::{folder_of, self_and_above};
use crate::mesh::{Fact, NodeFact, Place, Source};

/// All nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    facts: Vec<Fact<NodeFact>>,
    /// Of one file.
    files: HashMap<Arc<str>, Group>,
    /// Of all files somewhere below a folder; its name ends with `/`, and the one above all folders
    /// is empty.
    folders: HashMap<String, Group>,
    /// Of a recording, which only counts where no document holds a node.
    recorded: Option<Box<Self>>,
}

/// Nodes that are equally near.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    oldest: Option<Kubelet>,
    by_name: HashMap<String, Kubelet>,
}

/// A kubelet and where it is said: the oldest, and among equals the first source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kubelet {
    pub(super) version: KubernetesVersion,
    pub(super) source: Source,
}

impl Nodes {
    pub(super) fn push(&mut self, fact: Fact<NodeFact>) {
        match &fact.source {
            Source::Recording { .. } => self.recorded.get_or_insert_default().add(fact),
            _ => self.add(fact),
        }
    }

    fn add(&mut self, fact: Fact<NodeFact>) {
        let mut folder = "";
        if let Source::Document { file, .. } = &fact.source {
            self.files.entry(Arc::clone(file)).or_default().add(&fact);
            folder = folder_of(file);
        }
        for above in self_and_above(folder) {
            match self.folders.get_mut(above) {
                Some(group) => group.add(&fact),
                None => self.folders.entry(above.to_owned()).or_default().add(&fact),
            }
        }
        self.facts.push(fact);
    }

    /// All of them, those of a recording last.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact<NodeFact>> {
        let recorded = self.recorded.iter().flat_map(|recorded| &recorded.facts);
        self.facts.iter().chain(recorded)
    }

    /// The nodes that are nearest to a place.
    pub(super) fn near(&self, place: Place<'_>) -> Option<&Group> {
        if self.facts.is_empty() {
            return self.recorded.as_ref()?.near(place);
        }
        let folder = match place.file {
            Some(file) => match self.files.get(file) {
                Some(group) => return Some(group),
                None => folder_of(file),
            },
            None => "",
        };
        self_and_above(folder).find_map(|above| self.folders.get(above))
    }
}

impl Group {
    fn add(&mut self, fact: &Fact<NodeFact>) {
        let kubelet = Kubelet {
            version: fact.value.kubelet,
            source: fact.source.clone(),
        };
        match self.by_name.get_mut(&fact.value.name) {
            Some(known) if kubelet < *known => *known = kubelet.clone(),
            Some(_) => {}
            None => drop(
                self.by_name
                    .insert(fact.value.name.clone(), kubelet.clone()),
            ),
        }
        if self.oldest.as_ref().is_none_or(|oldest| kubelet < *oldest) {
            self.oldest = Some(kubelet);
        }
    }

    /// The kubelet of the node that a pod names; of a name that is not known istiod asks all nodes.
    pub(super) fn kubelet_for(&self, name: Option<&str>) -> Option<&Kubelet> {
        let named = name.and_then(|name| self.by_name.get(name));
        named.or(self.oldest.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Pointer;

    fn node(file: &str, name: &str, minor: u32) -> Fact<NodeFact> {
        Fact {
            value: NodeFact {
                name: name.to_owned(),
                kubelet: KubernetesVersion::one(minor),
            },
            source: Source::Document {
                file: file.into(),
                document: 0,
                pointer: Pointer::root(),
                title: format!("Node/{name}").into(),
            },
            is_planned: false,
        }
    }

    fn recorded(name: &str, minor: u32) -> Fact<NodeFact> {
        Fact {
            source: Source::Recording {
                file: "mesh.json".into(),
                title: format!("Node/{name}").into(),
                from: None,
            },
            ..node("", name, minor)
        }
    }

    fn oldest(nodes: &Nodes, place: Place<'_>, name: Option<&str>) -> Option<u32> {
        let kubelet = nodes.near(place)?.kubelet_for(name)?;
        Some(kubelet.version.0.minor)
    }

    #[test]
    fn the_nearest_nodes_count_and_the_oldest_of_them() {
        let mut nodes = Nodes::default();
        for fact in [
            node("prod/nodes.yaml", "a", 34),
            node("prod/nodes.yaml", "b", 33),
            node("dev/nodes.yaml", "a", 30),
            node("nodes.yaml", "c", 29),
            recorded("a", 20),
        ] {
            nodes.push(fact);
        }
        let at = |file, name| oldest(&nodes, Place::file(file), name);
        assert_eq!(at("prod/web.yaml", None), Some(33));
        assert_eq!(at("prod/web.yaml", Some("a")), Some(34));
        assert_eq!(at("prod/web.yaml", Some("elsewhere")), Some(33));
        assert_eq!(at("prod/apps/web.yaml", None), Some(33));
        assert_eq!(at("dev/web.yaml", None), Some(30));
        assert_eq!(at("nodes.yaml", None), Some(29));
        assert_eq!(oldest(&nodes, Place::cluster(), None), Some(29));
    }

    #[test]
    fn a_recording_counts_where_no_document_does() {
        let mut nodes = Nodes::default();
        nodes.push(recorded("a", 34));
        nodes.push(recorded("b", 33));
        assert_eq!(oldest(&nodes, Place::file("web.yaml"), None), Some(33));
        nodes.push(node("far/away.yaml", "c", 35));
        assert_eq!(oldest(&nodes, Place::file("web.yaml"), None), Some(35));
        assert_eq!(nodes.facts().count(), 3);
    }
}
