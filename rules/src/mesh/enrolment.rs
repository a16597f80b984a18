//! Whether the injector takes a pod, as Istio 1.31.1 answered when asked: the webhooks' selectors
//! first, which read labels in exact texts, then the injector's own policy.

use crate::istio::workload::{INJECT, PodTemplate};
use crate::mesh::selector::{Label, Selector};
use crate::mesh::{Around, DEFAULT_REVISION, Injector, Known, NamespaceLabels};

/// Namespaces that the injector never touches.
const SYSTEM_NAMESPACES: &[&str] = &[
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "local-path-storage",
];

/// Label by which a namespace asks for the default revision, or for nothing.
const INJECTION: &str = "istio-injection";
/// Label by which a namespace or a pod asks for a revision or a tag.
const REVISION: &str = "istio.io/rev";
/// The only label of a namespace that Kubernetes sets.
const NAME: &str = "kubernetes.io/metadata.name";

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

/// The revision or tag that labels ask for.
struct Asked<'a> {
    name: &'a str,
    because: String,
}

impl<'a> Around<'a> {
    /// Whether the injector takes this pod.
    pub fn enrolment(&self, template: &PodTemplate<'a>) -> Enrolment {
        let namespace = self.object.namespace;
        let in_system = namespace.is_some_and(|name| SYSTEM_NAMESPACES.contains(&name));
        if template.opts_out() || in_system || template.uses_host_network() {
            return Enrolment::Out;
        }
        let asked = match self.namespace_labels() {
            Known::Yes(labels, _) => self.asked_in(labels, template),
            Known::Disputed(..) | Known::No if is_ambient(template) => None,
            Known::Disputed(..) | Known::No => {
                let asked = asked_by_pod(template).filter(|asked| !asked.name.is_empty());
                if asked.is_none() {
                    return Enrolment::Unknown;
                }
                asked
            }
        };
        let Some(Asked { name, mut because }) = asked else {
            return Enrolment::Out;
        };
        let revision = self.revision(name);
        if revision != name {
            because = format!("{because}, a tag of revision {revision}");
        }
        match self.injector(revision) {
            Known::Yes(injector, _) if !self.is_taken(injector, template) => Enrolment::Out,
            _ => Enrolment::In {
                revision: revision.to_owned(),
                because,
            },
        }
    }

    /// What is asked for in a namespace with these labels. The namespace's come before the pod's, and
    /// `istio-injection` before `istio.io/rev`.
    fn asked_in(
        &self,
        labels: &'a NamespaceLabels,
        template: &PodTemplate<'a>,
    ) -> Option<Asked<'a>> {
        let namespace = &labels.name;
        let told = |name: &'a str, label: &str| Asked {
            name,
            because: format!("label `{label}` of namespace {namespace}"),
        };
        let asked = match (labels.get(INJECTION), labels.get(REVISION)) {
            (Some("enabled"), _) => Some(told(DEFAULT_REVISION, "istio-injection: enabled")),
            (Some(_), _) => None,
            (None, Some(revision)) => Some(told(revision, &format!("{REVISION}: {revision}"))),
            (None, None) => asked_by_pod(template),
        };
        match asked {
            Some(asked) if asked.name.is_empty() => None,
            // A configuration that is known has the last word.
            Some(asked) => {
                let sent = self.sends(asked.name, labels, template);
                (sent != Some(false)).then_some(asked)
            }
            None => self.without_asking(labels, template),
        }
    }

    /// Where namespaces without labels are injected, those that ask for nothing get it.
    fn without_asking(
        &self,
        labels: &NamespaceLabels,
        template: &PodTemplate<'a>,
    ) -> Option<Asked<'a>> {
        let is_silent = labels.get(INJECTION).is_none()
            && labels.get(REVISION).is_none()
            && template.label(INJECT).is_none()
            && template.label(REVISION).is_none();
        let injector = self.injector(self.revision(DEFAULT_REVISION));
        let by_values = || injector.value().is_some_and(|values| values.all_namespaces);
        let sent = self.sends(DEFAULT_REVISION, labels, template);
        let is_sent = is_silent && sent.unwrap_or_else(by_values);
        is_sent.then(|| Asked {
            name: DEFAULT_REVISION,
            because: "`enableNamespacesByDefault`".to_owned(),
        })
    }

    /// Whether a webhook that serves this revision or tag selects the pod; `None` where none is known.
    fn sends(
        &self,
        name: &str,
        labels: &NamespaceLabels,
        template: &PodTemplate<'_>,
    ) -> Option<bool> {
        let Known::Yes(known, _) = self.webhooks(name) else {
            return None;
        };
        let namespace = |key: &str| match labels.get(key) {
            Some(text) => Label::Is(text),
            None if key == NAME => Label::Is(&labels.name),
            None if NamespaceLabels::keeps(key) => Label::Absent,
            None => Label::Unknown,
        };
        let pod = |key: &str| self.pod_label(template, key);
        let mut unsure = false;
        for webhook in &known.webhooks {
            let matches = [
                webhook.namespace.matches(namespace),
                webhook.object.matches(pod),
            ];
            match matches {
                [Some(true), Some(true)] => return Some(true),
                [Some(false), _] | [_, Some(false)] => {}
                _ => unsure = true,
            }
        }
        (!unsure).then_some(false)
    }

    /// A label of the pod; controllers add some of their own.
    fn pod_label<'t>(&self, template: &PodTemplate<'t>, key: &str) -> Label<'t> {
        if let Some(text) = template.label(key) {
            return Label::Is(text);
        }
        if controllers_label(self.object.kind, key) {
            Label::Some
        } else {
            Label::Absent
        }
    }

    /// Whether the injector takes a pod that was sent to it: the pod's own word first (the label
    /// before the annotation), then never, then always, then the policy.
    fn is_taken(&self, injector: &Injector, template: &PodTemplate<'_>) -> bool {
        let wish = template
            .label(INJECT)
            .or_else(|| template.annotation_text(INJECT));
        if wish == Some("true") {
            return true;
        }
        let selected = |selectors: &[Selector]| {
            let pod = |key: &str| self.pod_label(template, key);
            selectors
                .iter()
                .any(|selector| selector.matches(pod) == Some(true))
        };
        let policy = &injector.policy;
        !selected(&policy.never) && (selected(&policy.always) || policy.takes_all)
    }
}

/// What a pod asks for itself.
fn asked_by_pod<'a>(template: &PodTemplate<'a>) -> Option<Asked<'a>> {
    match (template.label(REVISION), template.label(INJECT)) {
        (Some(revision), Some("true")) => Some(Asked {
            name: revision,
            because: asks_for_injection(),
        }),
        (Some(revision), _) => Some(Asked {
            name: revision,
            because: format!("the pod's label `{REVISION}: {revision}`"),
        }),
        (None, Some("true")) => Some(Asked {
            name: DEFAULT_REVISION,
            because: asks_for_injection(),
        }),
        (None, _) => None,
    }
}

fn asks_for_injection() -> String {
    format!("the pod's label `{INJECT}: \"true\"`")
}

/// Whether a pod is of the ambient mesh by its own word.
fn is_ambient(template: &PodTemplate<'_>) -> bool {
    template.label("istio.io/dataplane-mode") == Some("ambient")
        && template.label(INJECT) != Some("true")
}

/// Labels that the controller of a kind puts on its pods.
fn controllers_label(kind: &str, key: &str) -> bool {
    let labels: &[&str] = match kind {
        "Deployment" | "ReplicaSet" => &["pod-template-hash"],
        "StatefulSet" => &[
            "apps.kubernetes.io/pod-index",
            "controller-revision-hash",
            "statefulset.kubernetes.io/pod-name",
        ],
        "DaemonSet" => &["controller-revision-hash", "pod-template-generation"],
        "Job" | "CronJob" => &[
            "batch.kubernetes.io/controller-uid",
            "batch.kubernetes.io/job-name",
            "controller-uid",
            "job-name",
        ],
        "Rollout" => &["rollouts-pod-template-hash"],
        "DeploymentConfig" => &["deployment", "deploymentconfig"],
        _ => &[],
    };
    labels.contains(&key)
}
