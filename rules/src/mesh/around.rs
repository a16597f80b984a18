//! The mesh as seen from one object.

use std::sync::Arc;

use crate::istio::install::Dependency;
use crate::istio::version::{KubernetesVersion, Version};
use crate::istio::workload::PodTemplate;
use crate::mesh::definitions::nearest;
use crate::mesh::{
    ChartSource, ControlPlane, InjectionWebhooks, Injector, Known, Mesh, MeshConfig,
    NamespaceLabels, Place, Settings, Source,
};
use crate::object::Object;

/// The mesh as seen from one object.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) object: &'a Object<'a>,
    pub(super) place: Place<'a>,
}

/// The Kubernetes of the nodes on which a pod may run.
#[derive(Clone, Debug)]
pub struct OldestNode {
    /// The oldest kubelet.
    pub kubelet: KubernetesVersion,
    /// Where that is said.
    pub source: Source,
}

impl<'a> Around<'a> {
    pub(super) fn new(mesh: &'a Mesh, object: &'a Object<'a>, place: Place<'a>) -> Self {
        Self {
            mesh,
            object,
            place,
        }
    }

    /// Labels of the object's namespace.
    pub fn namespace_labels(&self) -> Known<&'a NamespaceLabels> {
        let Some(name) = self.object.namespace else {
            return Known::No;
        };
        nearest(self.mesh.namespaces.get(name), self.place)
    }

    /// The revision that a name stands for: a tag's, else the name itself.
    pub fn revision<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        match nearest(self.mesh.tags.get(name), self.place) {
            Known::Yes(tag, _) => &tag.revision,
            Known::Disputed(..) | Known::No => name,
        }
    }

    /// The control plane of a revision.
    pub fn control_plane(&self, revision: &str) -> Known<&'a ControlPlane> {
        nearest(self.mesh.control_planes.get(revision), self.place)
    }

    /// The version of the control plane that the person says (`--istio-version`).
    pub fn istio_setting(&self) -> Option<Version> {
        self.mesh.settings.istio
    }

    /// The revisions of which a control plane is known, in order.
    pub fn revisions(&self) -> impl Iterator<Item = &'a str> {
        self.mesh.control_planes.keys().map(String::as_str)
    }

    /// The control planes of the object's own cluster, as far as that can be told: the nearest ones,
    /// and those of a recording.
    pub fn control_planes(&self) -> Vec<(&'a ControlPlane, Source)> {
        let known = self
            .revisions()
            .map(|revision| self.control_plane(revision));
        let planes: Vec<_> = known
            .filter_map(|known| match known {
                Known::Yes(plane, source) => Some((plane, source)),
                Known::Disputed(..) | Known::No => None,
            })
            .collect();
        let is_read = |source: &Source| matches!(source, Source::Document { .. });
        let depth = |source: &Source| self.place.nearness(source);
        let documents = planes.iter().filter(|(_, source)| is_read(source));
        let nearest = documents.map(|(_, source)| depth(source)).max();
        let is_near = |source: &Source| !is_read(source) || Some(depth(source)) == nearest;
        planes
            .into_iter()
            .filter(|(_, source)| is_near(source))
            .collect()
    }

    /// The version of the control plane of a revision; `--istio-version` where no document says it.
    pub fn istio_version(&self, revision: &str) -> Known<Version> {
        let setting = || self.setting("--istio-version", |settings| settings.istio);
        match self.control_plane(revision) {
            Known::Yes(plane, source) => match plane.version {
                Some(version) => Known::Yes(version, source),
                None => setting(),
            },
            Known::Disputed(one, other) => Known::Disputed(one, other),
            Known::No => setting(),
        }
    }

    /// The source of charts that an object refers to; `None` where it was not read.
    pub fn chart_source(
        &self,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
    ) -> Option<&'a ChartSource> {
        let charts = &self.mesh.charts;
        charts.source(kind, name, namespace, self.place)
    }

    /// The dependencies on Istio's charts of the chart whose values the object holds, and where they
    /// are said.
    pub fn umbrella(&self) -> Option<(&'a [Dependency], Source)> {
        self.mesh.charts.umbrella(self.place)
    }

    /// The mesh config of a revision.
    pub fn mesh_config(&self, revision: &str) -> Known<&'a MeshConfig> {
        nearest(self.mesh.mesh_configs.get(revision), self.place)
    }

    /// The injector's values and policy of a revision.
    pub fn injector(&self, revision: &str) -> Known<&'a Injector> {
        nearest(self.mesh.injectors.get(revision), self.place)
    }

    /// The webhooks that serve a revision or a tag.
    pub(super) fn webhooks(&self, name: &str) -> Known<&'a InjectionWebhooks> {
        nearest(self.mesh.webhooks.get(name), self.place)
    }

    /// The Kubernetes version of the API server.
    pub fn kubernetes(&self) -> Known<KubernetesVersion> {
        let said = self.nodes_setting();
        match (&said, self.mesh.cluster.kubernetes) {
            // Stronger than a recording, weaker than an option.
            (Known::Yes(_, Source::Recording { .. }) | Known::No, Some(version)) => {
                let title = Arc::from("API server");
                Known::Yes(version, Source::Cluster { title })
            }
            _ => said,
        }
    }

    /// The Kubernetes version that is said of the API server and of all nodes.
    fn nodes_setting(&self) -> Known<KubernetesVersion> {
        self.setting("--kubernetes-version", |settings| settings.kubernetes)
    }

    /// A setting of this run, else of the recording.
    fn setting<T>(&self, name: &'static str, get: impl Fn(&Settings) -> Option<T>) -> Known<T> {
        if let Some(value) = get(&self.mesh.settings) {
            return Known::Yes(value, Source::Setting(name));
        }
        let recorded = self.mesh.recorded.as_ref();
        let told = recorded.and_then(|(settings, file)| Some((get(settings)?, file)));
        told.map_or(Known::No, |(value, file)| {
            let source = Source::Recording {
                file: Arc::clone(file),
                title: Arc::from(name),
                from: None,
            };
            Known::Yes(value, source)
        })
    }

    /// The oldest of the nodes on which a pod may run: of the one that it names, else of all.
    pub fn oldest_node(&self, template: &PodTemplate<'_>) -> Option<OldestNode> {
        self.oldest(template.spec.str_at("nodeName"))
    }

    /// The oldest of all nodes.
    pub fn oldest_of_all_nodes(&self) -> Option<OldestNode> {
        self.oldest(None)
    }

    fn oldest(&self, named: Option<&str>) -> Option<OldestNode> {
        let near = self.mesh.nodes.near(self.place);
        let known = near.and_then(|nodes| nodes.kubelet_for(named));
        let known = known.map(|kubelet| OldestNode {
            kubelet: kubelet.version,
            source: kubelet.source.clone(),
        });
        known.or_else(|| match self.nodes_setting() {
            Known::Yes(kubelet, source) => Some(OldestNode { kubelet, source }),
            Known::Disputed(..) | Known::No => None,
        })
    }
}
