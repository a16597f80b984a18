//! Pod templates across the kinds that have one.

use serde_json::Value;

use crate::object::{Node, Object};
use crate::rule::ObjectKind;

/// Label, and formerly annotation, by which a pod asks for injection or refuses it.
pub const INJECT: &str = "sidecar.istio.io/inject";

/// Every kind with a pod template.
pub const WORKLOADS: &[ObjectKind] = &[
    ObjectKind::new("", "Pod", "pods"),
    ObjectKind::new("", "ReplicationController", "replicationcontrollers"),
    ObjectKind::new("apps", "Deployment", "deployments"),
    ObjectKind::new("apps", "StatefulSet", "statefulsets"),
    ObjectKind::new("apps", "DaemonSet", "daemonsets"),
    ObjectKind::new("apps", "ReplicaSet", "replicasets"),
    ObjectKind::new("extensions", "Deployment", "deployments"),
    ObjectKind::new("extensions", "DaemonSet", "daemonsets"),
    ObjectKind::new("extensions", "ReplicaSet", "replicasets"),
    ObjectKind::new("batch", "Job", "jobs"),
    ObjectKind::new("batch", "CronJob", "cronjobs"),
    ObjectKind::new("apps.openshift.io", "DeploymentConfig", "deploymentconfigs"),
    ObjectKind::new("", "DeploymentConfig", "deploymentconfigs"),
    ObjectKind::new("argoproj.io", "Rollout", "rollouts"),
    ObjectKind::new("serving.knative.dev", "Service", "services"),
    ObjectKind::new("serving.knative.dev", "Configuration", "configurations"),
    ObjectKind::new("serving.knative.dev", "Revision", "revisions"),
];

/// The pod template of a workload, or a Pod itself.
#[derive(Clone, Debug)]
pub struct PodTemplate<'a> {
    /// The node that holds `metadata` and `spec` of the pod.
    pub node: Node<'a>,
    /// The pod's `spec`.
    pub spec: Node<'a>,
    /// Whether the object is only a patch: it cannot be an object of its own, so nothing may be said
    /// of what it lacks.
    pub is_patch: bool,
}

/// One of the two container lists of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    /// `containers`.
    Containers,
    /// `initContainers`.
    InitContainers,
}

impl List {
    /// The field's name.
    pub fn field(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::InitContainers => "initContainers",
        }
    }
}

impl<'a> PodTemplate<'a> {
    /// The pod template of an object; `None` for a kind that has none, or where it is missing.
    pub fn of(object: &Object<'a>) -> Option<Self> {
        if !WORKLOADS.iter().any(|kind| kind.matches(object)) {
            return None;
        }
        let root = &object.root;
        let node = match (object.kind, object.group()) {
            ("Pod" | "Revision", _) => root.clone(),
            ("CronJob", _) => root.at(&["spec", "jobTemplate", "spec", "template"])?,
            _ => root.at(&["spec", "template"])?,
        };
        let spec = node.get_set("spec")?;
        let template = Self {
            is_patch: false,
            node,
            spec,
        };
        Some(Self {
            is_patch: template.lacks_what_an_object_has(object),
            ..template
        })
    }

    /// A workload of `apps/v1` must select its own pods by label, where older versions made the
    /// selector up; and every container must have an image.
    fn lacks_what_an_object_has(&self, object: &Object<'a>) -> bool {
        let selects = matches!(object.api_version, "apps/v1" | "apps/v1beta2")
            && (object.root.at(&["spec", "selector"]).is_none() || self.labels().is_none());
        let injected = |container: &Node<'_>| container.str_at("name") == Some(super::PROXY);
        selects
            || self
                .containers(List::Containers)
                .any(|container| container.get_set("image").is_none() && !injected(&container))
    }

    /// The containers of one list.
    pub fn containers(&self, list: List) -> impl Iterator<Item = Node<'a>> + use<'a> {
        self.spec.items(list.field())
    }

    /// The first container of this name in one list.
    pub fn container(&self, list: List, name: &str) -> Option<Node<'a>> {
        self.containers(list)
            .find(|container| container.str_at("name") == Some(name))
    }

    fn labels(&self) -> Option<Node<'a>> {
        self.node.at(&["metadata", "labels"])
    }

    /// A label of the pod.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.metadata_text("labels", name)
    }

    /// Asked often, and nobody wants the place: without nodes.
    fn metadata_value(&self, map: &str, name: &str) -> Option<&'a Value> {
        let metadata = self.node.value().get("metadata")?;
        metadata.get(map)?.get(name)
    }

    fn metadata_text(&self, map: &str, name: &str) -> Option<&'a str> {
        self.metadata_value(map, name)?.as_str()
    }

    /// An annotation of the pod.
    pub fn annotation(&self, name: &str) -> Option<Node<'a>> {
        self.metadata_value("annotations", name)?;
        self.node.at(&["metadata", "annotations"])?.get_set(name)
    }

    /// The text of an annotation of the pod.
    pub fn annotation_text(&self, name: &str) -> Option<&'a str> {
        self.metadata_text("annotations", name)
    }

    /// Whether the pod refuses injection: its label decides, and only without one its annotation.
    pub fn opts_out(&self) -> bool {
        let wish = self.label(INJECT).or_else(|| self.annotation_text(INJECT));
        wish == Some("false")
    }

    /// Whether the pod uses the node's network, which the injector never touches.
    pub fn uses_host_network(&self) -> bool {
        self.spec
            .get("hostNetwork")
            .is_some_and(|node| node.value().as_bool() == Some(true))
    }

    /// The names in the annotation `inject.istio.io/templates`.
    pub fn injection_templates(&self) -> Vec<&'a str> {
        let Some(text) = self.annotation_text("inject.istio.io/templates") else {
            return Vec::new();
        };
        text.split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect()
    }
}

/// The words that a container is started with: `command` and `args`, without the program.
pub fn arguments<'a>(container: &Node<'a>) -> Vec<Node<'a>> {
    let program = usize::from(container.get("command").is_some());
    let command = container.items("command").skip(program);
    command.chain(container.items("args")).collect()
}
