//! What was seen of a cluster.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use meshcheck_certs::Certificate;
use serde_json::Value;

use super::rbac::Permissions;

pub(super) use hook::{Configuration, Hook, Kind, MUTATE, VALIDATE, alike, hooks_of};

mod hook;

/// Namespace of the manifests, where nothing says another.
pub(super) const NAMESPACE: &str = "meshcheck-system";
/// Service of the manifests.
pub(super) const SERVICE: &str = "meshcheck-webhook";

/// What was seen, or why it was not.
pub(super) type Seen<T> = Result<T, Unseen>;

/// Why something was not seen: lower case, no full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unseen(pub(super) String);

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that the checks look at.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) now: Timestamp,
    /// Version of this program.
    pub(super) plugin: &'static str,
    pub(super) cluster: Cluster,
    /// Every webhook configuration of the cluster.
    pub(super) configurations: Vec<Configuration>,
    pub(super) namespaces: Seen<Vec<Namespace>>,
    /// One for each Service that a webhook of ours leads to.
    pub(super) installs: Vec<Install>,
    /// What is served at each URL that a webhook of ours leads to, as seen from here.
    pub(super) urls: Vec<Served>,
    /// Deployments and Secrets of ours, wherever they are.
    pub(super) belongings: Vec<Seen<Vec<Belonging>>>,
    pub(super) probes: Probes,
}

/// Which cluster it is.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) context: Option<String>,
    pub(super) server: String,
    /// Version of the API server.
    pub(super) kubernetes: Seen<String>,
}

impl Snapshot {
    /// The webhooks of ours, whoever they lead to.
    pub(super) fn hooks(&self) -> impl Iterator<Item = Hook<'_>> {
        self.configurations.iter().flat_map(hooks_of)
    }

    /// Those that are asked about workloads.
    pub(super) fn mains(&self) -> impl Iterator<Item = Hook<'_>> {
        self.hooks().filter(Hook::is_main)
    }

    /// Those that lead to this Service.
    pub(super) fn hooks_to<'s>(&'s self, install: &Install) -> impl Iterator<Item = Hook<'s>> {
        let (namespace, name) = (install.namespace.clone(), install.name.clone());
        self.hooks().filter(move |hook| {
            let to = hook.service();
            to.is_some_and(|to| to.namespace == namespace && to.name == name)
        })
    }

    /// Whether there is anything of ours.
    pub(super) fn is_installed(&self) -> bool {
        let is_there = |install: &Install| {
            matches!(install.service, Ok(Some(_)))
                || matches!(&install.deployments, Ok(all) if !all.is_empty())
        };
        self.hooks().next().is_some()
            || self.installs.iter().any(is_there)
            || self.belongings.iter().flatten().any(|all| !all.is_empty())
    }

    /// What this webhook leads to in the cluster.
    pub(super) fn install(&self, hook: &Hook<'_>) -> Option<&Install> {
        let to = hook.service()?;
        let mut installs = self.installs.iter();
        installs.find(|install| to.namespace == install.namespace && to.name == install.name)
    }

    /// The Deployments behind the webhooks.
    pub(super) fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.installs
            .iter()
            .flat_map(|install| install.deployments.iter().flatten())
    }
}

/// A Service that webhooks lead to, or a URL, and what is behind it.
#[derive(Clone, Debug)]
pub(super) struct Install {
    pub(super) namespace: String,
    /// Of the Service.
    pub(super) name: String,
    pub(super) service: Seen<Option<Service>>,
    pub(super) slices: Seen<Vec<EndpointSlice>>,
    pub(super) pods: Seen<Vec<Pod>>,
    pub(super) deployments: Seen<Vec<Deployment>>,
    pub(super) budgets: Seen<Vec<PodDisruptionBudget>>,
    pub(super) secret: Seen<Stored>,
    /// `None` where there is no Deployment.
    pub(super) permissions: Seen<Option<Permissions>>,
    /// Of each Pod that runs.
    pub(super) served: Vec<Served>,
}

impl Install {
    /// `Service meshcheck-system/meshcheck-webhook`
    pub(super) fn place(&self) -> String {
        format!("Service {}/{}", self.namespace, self.name)
    }

    /// A command that shows what the webhook says. Its Deployment is called as the Service is, where none
    /// was seen.
    pub(super) fn logs(&self) -> String {
        let deployment = self.deployments.iter().flatten().next();
        let name = deployment.and_then(|one| one.metadata.name.as_deref());
        let (namespace, name) = (&self.namespace, name.unwrap_or(&self.name));
        format!("kubectl -n {namespace} logs deployment/{name} --tail=20")
    }
}

/// The Secret with the certificate.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// The Deployment names none.
    Unnamed,
    /// It is not there.
    Missing {
        name: String,
        /// The webhook makes it.
        is_managed: bool,
    },
    Found(StoredCertificate),
}

impl Stored {
    /// Whether the webhook keeps it itself.
    pub(super) fn is_managed(&self) -> bool {
        match self {
            Self::Unnamed => false,
            Self::Missing { is_managed, .. } => *is_managed,
            Self::Found(stored) => stored.is_managed,
        }
    }

    /// Its name, where there is to be one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Unnamed => None,
            Self::Missing { name, .. } => Some(name),
            Self::Found(stored) => Some(&stored.name),
        }
    }
}

/// What a Secret holds, without its keys.
#[derive(Clone, Debug)]
pub(super) struct StoredCertificate {
    pub(super) name: String,
    /// The webhook's own: it is renewed by the webhook.
    pub(super) is_managed: bool,
    /// `tls.crt`, the server's own first, or why certificate and key cannot be served.
    pub(super) chain: Result<Vec<Certificate>, String>,
}

/// A certificate as it is served.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The Pod, or the URL.
    pub(super) by: String,
    /// The chain, the server's own first.
    pub(super) chain: Seen<Vec<Certificate>>,
}

/// An object of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Belonging {
    /// `Secret`
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What became of the objects that were tried.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    /// Where they were tried; `None` where the webhooks are asked about no namespace at all.
    pub(super) namespace: Option<String>,
    /// The one that must be patched.
    pub(super) patched: Seen<Tried>,
    /// The one that must be refused.
    pub(super) refused: Seen<Tried>,
    /// What the Service says to the API server when it asks without trust; only where a review failed.
    pub(super) way: Option<Way>,
}

/// The answer of the API server.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    /// Of HTTP.
    pub(super) status: u16,
    /// Of a refusal.
    pub(super) message: String,
    /// Of our webhooks.
    pub(super) warnings: Vec<String>,
    /// As it was sent.
    pub(super) sent: Value,
    /// As it would have been stored.
    pub(super) stored: Value,
    /// What the API server counted meanwhile, where the answer alone does not tell.
    pub(super) counts: Option<Counts>,
}

/// How often the API server called a webhook while an object was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// It got an answer.
    pub(super) answered: u64,
    /// It got none, and let the object pass.
    pub(super) failed_open: u64,
}

/// Whether the API server gets through to the Service.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// Somebody answered.
    Open,
    /// As the API server puts it.
    Closed(String),
    /// It cannot be asked.
    Unknown(Unseen),
}
