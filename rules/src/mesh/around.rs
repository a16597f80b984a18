//! The mesh as seen from one object.

use std::collections::BTreeMap;

use crate::istio::version::{KubernetesVersion, Version};
use crate::istio::workload::{INJECT, PodTemplate};
use crate::mesh::definitions::nearest;
use crate::mesh::facts::DEFAULT_REVISION;
use crate::mesh::{ControlPlane, Injector, Known, Mesh, MeshConfig, Place, Source};
use crate::object::Object;

/// Namespaces that the injector never touches.
const SYSTEM_NAMESPACES: &[&str] = &[
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "local-path-storage",
];

/// The mesh as seen from one object.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) object: &'a Object<'a>,
    pub(super) place: Place<'a>,
}

/// Whether the injector takes a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// It does, and the control plane of this revision injects.
    In {
        /// `default` or a name.
        revision: String,
        /// What says so: "label `sidecar.istio.io/inject: true`".
        because: String,
    },
    /// It does not.
    Out,
    /// The pod asks for nothing and its namespace's labels are not known.
    Unknown,
}

/// The Kubernetes of the nodes on which a pod may run.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// The oldest kubelet.
    pub oldest: KubernetesVersion,
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
    pub fn namespace_labels(&self) -> Known<&'a BTreeMap<String, String>> {
        let Some(name) = self.object.namespace else {
            return Known::No;
        };
        nearest(self.mesh.namespaces.get(name), self.place)
    }

    /// Whether the injector takes this pod. Measured on Istio 1.31.1: labels decide, in exact texts;
    /// the namespace's label comes before the pod's revision; the annotation only opts out.
    pub fn enrolment(&self, template: &PodTemplate<'_>) -> Enrolment {
        let wish = template.label(INJECT);
        let in_system = self
            .object
            .namespace
            .is_some_and(|name| SYSTEM_NAMESPACES.contains(&name));
        if template.opts_out() || in_system || template.uses_host_network() {
            return Enrolment::Out;
        }
        let own_revision = template
            .label("istio.io/rev")
            .filter(|revision| !revision.is_empty());
        let asked = match (wish, own_revision) {
            (Some("true"), revision) => Some(Enrolment::In {
                revision: revision.unwrap_or(DEFAULT_REVISION).to_owned(),
                because: "the pod's label `sidecar.istio.io/inject: \"true\"`".to_owned(),
            }),
            (_, Some(revision)) => Some(Enrolment::In {
                revision: revision.to_owned(),
                because: format!("the pod's label `istio.io/rev: {revision}`"),
            }),
            _ => None,
        };
        let is_ambient = template.label("istio.io/dataplane-mode") == Some("ambient");
        if is_ambient && wish != Some("true") {
            return Enrolment::Out;
        }
        match self.namespace_labels() {
            Known::Yes(labels, _) => self.by_namespace(labels, asked),
            Known::Disputed(..) | Known::No => asked.unwrap_or(Enrolment::Unknown),
        }
    }

    fn by_namespace(
        &self,
        labels: &BTreeMap<String, String>,
        asked: Option<Enrolment>,
    ) -> Enrolment {
        let name = self.object.namespace.unwrap_or_default();
        let injection = labels.get("istio-injection").map(String::as_str);
        let revision = labels
            .get("istio.io/rev")
            .filter(|revision| !revision.is_empty());
        match (injection, revision) {
            (Some("enabled"), _) => Enrolment::In {
                revision: DEFAULT_REVISION.to_owned(),
                because: format!("label `istio-injection: enabled` of namespace {name}"),
            },
            (Some(_), _) => Enrolment::Out,
            (None, Some(revision)) => Enrolment::In {
                revision: revision.clone(),
                because: format!("label `istio.io/rev: {revision}` of namespace {name}"),
            },
            (None, None) => asked.unwrap_or(Enrolment::Out),
        }
    }

    /// The control plane of a revision; `--istio-version` where no document says it.
    pub fn control_plane(&self, revision: &str) -> Known<&'a ControlPlane> {
        nearest(self.mesh.control_planes.get(revision), self.place)
    }

    /// The version of the control plane of a revision.
    pub fn istio_version(&self, revision: &str) -> Known<Version> {
        let setting = || match self.mesh.settings.istio {
            Some(version) => Known::Yes(version, Source::Setting("--istio-version")),
            None => Known::No,
        };
        match self.control_plane(revision) {
            Known::Yes(plane, source) => match plane.version {
                Some(version) => Known::Yes(version, source),
                None => setting(),
            },
            Known::Disputed(one, other) => Known::Disputed(one, other),
            Known::No => setting(),
        }
    }

    /// The mesh config of a revision.
    pub fn mesh_config(&self, revision: &str) -> Known<&'a MeshConfig> {
        nearest(self.mesh.mesh_configs.get(revision), self.place)
    }

    /// The injector's values of a revision.
    pub fn injector(&self, revision: &str) -> Known<&'a Injector> {
        nearest(self.mesh.injectors.get(revision), self.place)
    }

    /// The Kubernetes version of the API server.
    pub fn kubernetes(&self) -> Known<KubernetesVersion> {
        match self.mesh.settings.kubernetes {
            Some(version) => Known::Yes(version, Source::Setting("--kubernetes-version")),
            None => Known::No,
        }
    }

    /// The nodes on which a pod may run: the one that it names, else all.
    pub fn nodes(&self, template: &PodTemplate<'_>) -> Option<Nodes> {
        let named = template.spec.str_at("nodeName");
        let near = self
            .mesh
            .nodes
            .iter()
            .map(|fact| self.place.nearness(&fact.source))
            .max();
        let facts = self.mesh.nodes.iter().filter(|fact| {
            Some(self.place.nearness(&fact.source)) == near
                && named.is_none_or(|name| fact.value.name == name)
        });
        let oldest = facts
            .min_by_key(|fact| (fact.value.kubelet, &fact.source))
            .map(|fact| Nodes {
                oldest: fact.value.kubelet,
                source: fact.source.clone(),
            });
        oldest.or_else(|| match self.kubernetes() {
            Known::Yes(oldest, source) => Some(Nodes { oldest, source }),
            Known::Disputed(..) | Known::No => None,
        })
    }
}
