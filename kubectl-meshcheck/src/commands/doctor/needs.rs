//! What the webhook must be allowed to do, by the arguments that it runs with. A test holds this against the
//! roles of the manifests.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use meshcheck_rules::ObjectKind;
use meshcheck_rules::rules::ALL;

use super::gather::{MANAGED, SECRET, value, webhook_container};

/// Role of the audit's manifest, and the Lease that goes with it.
const AUDIT: &str = "meshcheck-webhook-audit";
/// Role of the manifest of certificates.
const CERTIFICATES: &str = "meshcheck-webhook-certificates";
const FOLLOW: &[&str] = &["list", "watch"];

/// What the webhook does that takes permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Certificates,
    Mesh,
    Audit,
}

impl Purpose {
    pub(super) const ALL: [Self; 3] = [Self::Certificates, Self::Mesh, Self::Audit];

    /// The argument that asks for it.
    pub(super) fn option(self) -> &'static str {
        match self {
            Self::Certificates => MANAGED,
            Self::Mesh => "--watch",
            Self::Audit => "--audit-interval",
        }
    }

    /// The manifest that grants it.
    pub(super) fn manifest(self) -> &'static str {
        match self {
            Self::Certificates => "manifests/base/certificates.yaml",
            Self::Mesh => "manifests/base/mesh.yaml",
            Self::Audit => "manifests/base/audit.yaml",
        }
    }

    /// What it leads to where nothing of it is allowed.
    pub(super) fn lost(self) -> &'static str {
        match self {
            Self::Certificates => {
                "no certificate is kept, renewed or announced: a replica that starts gets none"
            }
            Self::Mesh => "nothing of the mesh is known, and rules that need it stay silent",
            Self::Audit => "nothing that runs is judged again",
        }
    }

    fn is_asked_for(self, arguments: &[String]) -> bool {
        match self {
            Self::Certificates => arguments.iter().any(|argument| argument == MANAGED),
            Self::Mesh => arguments
                .iter()
                .any(|argument| argument == "--watch" || argument == "--watch=true"),
            Self::Audit => {
                let interval = value(arguments, self.option()).unwrap_or("off");
                // Of a duration, digits other than zero are what is above it.
                interval.contains(|c: char| ('1'..='9').contains(&c))
            }
        }
    }
}

/// Something that must be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) purpose: Purpose,
    /// `None` for all namespaces, and for what is in none.
    pub(super) namespace: Option<String>,
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    /// `None` for all of them.
    pub(super) name: Option<String>,
    pub(super) verbs: &'static [&'static str],
    /// What it leads to where it is not allowed.
    pub(super) leads_to: &'static str,
    /// Whether nothing of the purpose is left without it.
    pub(super) is_vital: bool,
}

impl Need {
    fn new(
        purpose: Purpose,
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
        leads_to: &'static str,
    ) -> Self {
        Self {
            purpose,
            namespace: None,
            group,
            resource,
            name: None,
            verbs,
            leads_to,
            is_vital: false,
        }
    }

    fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    fn vital(mut self) -> Self {
        self.is_vital = true;
        self
    }

    /// `nodes`, `deployments.apps`, as RBAC and kubectl name it.
    pub(super) fn title(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }
}

/// What the Pods of a Deployment in this namespace need. `is_stored` says that there is a Secret already.
pub(super) fn needs(pod: &PodSpec, namespace: &str, is_stored: bool) -> Vec<Need> {
    let container = webhook_container(pod);
    let arguments = container.and_then(|one| one.args.as_deref());
    let arguments = arguments.unwrap_or_default();
    let asked = Purpose::ALL.into_iter();
    let asked = asked.filter(|purpose| purpose.is_asked_for(arguments));
    let needs = asked.flat_map(|purpose| match purpose {
        Purpose::Certificates => certificates(arguments, namespace, is_stored),
        Purpose::Mesh => mesh(),
        Purpose::Audit => audit(arguments, namespace),
    });
    needs.collect()
}

fn certificates(arguments: &[String], namespace: &str, is_stored: bool) -> Vec<Need> {
    let need = |group, resource, verbs, leads_to| {
        Need::new(Purpose::Certificates, group, resource, verbs, leads_to)
    };
    let named = |option, default| value(arguments, option).unwrap_or(default);
    let secret = need(
        "",
        "secrets",
        &["get", "list", "update", "watch"],
        "the certificate is neither read nor renewed: replicas do not become ready, and those that \
         serve end with their certificate",
    );
    let create = need(
        "",
        "secrets",
        &["create"],
        "there is no Secret, and none is made: no replica gets a certificate",
    );
    let owner = need(
        "rbac.authorization.k8s.io",
        "roles",
        &["get"],
        "a new Secret belongs to nobody, and its keys stay after an uninstallation",
    );
    let mut needs = vec![
        secret
            .within(namespace)
            .named(named("--cert-secret", SECRET))
            .vital(),
        owner.within(namespace).named(CERTIFICATES),
    ];
    if !is_stored {
        needs.push(create.within(namespace).vital());
    }
    for (resource, option, default) in [
        (
            "mutatingwebhookconfigurations",
            "--mutating-configuration",
            "a0-meshcheck-webhook",
        ),
        (
            "validatingwebhookconfigurations",
            "--validating-configuration",
            "meshcheck-webhook",
        ),
    ] {
        let announce = need(
            "admissionregistration.k8s.io",
            resource,
            &["get", "list", "patch", "watch"],
            "`caBundle` is not written: the API server trusts no certificate that is new",
        );
        needs.push(announce.named(named(option, default)).vital());
    }
    needs
}

/// Each resource that is watched, and what is unknown without it.
const WATCHED: &[(&str, &str, &str)] = &[
    (
        "",
        "configmaps",
        "mesh config and the injector's values stay unknown, and rules that need them silent",
    ),
    (
        "",
        "namespaces",
        "whether a namespace is in the mesh stays unknown, and rules on its workloads silent",
    ),
    (
        "",
        "nodes",
        "native sidecars stay unknown, so sidecar-start-not-gated only advises",
    ),
    (
        "apps",
        "deployments",
        "the istiods that run stay unknown, so version-skew and upgrade-skips-minors have nothing to \
         compare with",
    ),
    (
        "apps",
        "replicasets",
        "a rollback of a Deployment is not known as one, and may be refused",
    ),
    (
        "apps",
        "controllerrevisions",
        "a rollback of a DaemonSet or StatefulSet is not known as one, and may be refused",
    ),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        "autoscalers of istiod stay unknown, so istiod-not-redundant stays silent",
    ),
    (
        "policy",
        "poddisruptionbudgets",
        "disruption budgets of istiod stay unknown, so istiod-not-redundant stays silent",
    ),
    (
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "what the injector is asked about and revision tags stay unknown",
    ),
    (
        "sailoperator.io",
        "istiorevisiontags",
        "tags of the Sail operator stay unknown, so version-skew has nothing to compare with",
    ),
    (
        "source.toolkit.fluxcd.io",
        "helmrepositories",
        "where charts of a HelmRelease come from stays unknown, and rules on them silent",
    ),
    (
        "source.toolkit.fluxcd.io",
        "ocirepositories",
        "where charts of a HelmRelease come from stays unknown, and rules on them silent",
    ),
];

fn mesh() -> Vec<Need> {
    let watched = WATCHED.iter();
    let needs = watched.map(|(group, resource, leads_to)| {
        Need::new(Purpose::Mesh, group, resource, FOLLOW, leads_to)
    });
    needs.collect()
}

fn audit(arguments: &[String], namespace: &str) -> Vec<Need> {
    let need = |group, resource, verbs, leads_to| {
        Need::new(Purpose::Audit, group, resource, verbs, leads_to)
    };
    let leads = "no replica leads, so nothing that runs is judged again";
    let lease = |verbs| need("coordination.k8s.io", "leases", verbs, leads);
    let name = value(arguments, "--audit-lease").unwrap_or(AUDIT);
    let mut needs = vec![
        lease(&["get", "update"])
            .within(namespace)
            .named(name)
            .vital(),
        lease(&["create"]).within(namespace).vital(),
        need(
            "rbac.authorization.k8s.io",
            "roles",
            &["get"],
            "a new Lease belongs to nobody, and stays after an uninstallation",
        )
        .within(namespace)
        .named(AUDIT),
        need(
            "rbac.authorization.k8s.io",
            "clusterroles",
            &["get"],
            "reports belong to nobody, and stay after an uninstallation",
        )
        .named(AUDIT),
        need(
            "events.k8s.io",
            "events",
            &["create"],
            "no event tells of new errors in what runs",
        ),
    ];
    for (group, resource) in [
        ("openreports.io", "clusterreports"),
        ("openreports.io", "reports"),
        ("wgpolicyk8s.io", "clusterpolicyreports"),
        ("wgpolicyk8s.io", "policyreports"),
    ] {
        let verbs = &["create", "delete", "list", "patch"];
        let leads_to =
            "policy reports are not brought in order: they say nothing, or what was true once";
        needs.push(need(group, resource, verbs, leads_to));
    }
    let kinds = ALL.iter().flat_map(|rule| rule.kinds);
    let kinds: BTreeSet<_> = kinds.filter(|kind| kind.is_served()).collect();
    needs.extend(kinds.into_iter().map(|kind| {
        let leads_to = "such objects are not judged again, and each pass of the audit is partial";
        need(kind.group, kind.resource, judged(kind), leads_to)
    }));
    needs
}

/// Of kinds with much that is of no use only the metadata are listed, and few are read.
fn judged(kind: &ObjectKind) -> &'static [&'static str] {
    match kind.resource {
        "configmaps" | "pods" | "replicasets" => &["get", "list"],
        _ => &["list"],
    }
}
