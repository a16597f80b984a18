//! Why a part of the audit could not be done.

use std::fmt;
use std::time::Duration;

use meshcheck_certs::answer::told;

/// What was being done.
#[derive(Clone, Debug)]
pub(super) enum Doing<'a> {
    /// Asking for kinds.
    Discover(&'a str),
    /// Listing objects, by their resource.
    List(&'a str),
    /// Reading one object.
    Get(&'a str),
    /// Reading the reports that are there.
    Reports(&'a str),
    /// Writing a report.
    Write(&'a str, &'a str),
    /// Taking a report away.
    Delete(&'a str, &'a str),
    /// Telling of an error.
    Event(&'a str),
    /// Taking or keeping the Lease.
    Lease(&'a str),
}

impl Doing<'_> {
    /// The permission that it needs, as an RBAC rule has it.
    fn permission(&self) -> String {
        match self {
            Self::Discover(_) => "system:discovery".to_owned(),
            Self::List(resource) | Self::Reports(resource) => format!("list {resource}"),
            Self::Get(resource) => format!("get {resource}"),
            Self::Write(resource, _) => format!("create and patch {resource}"),
            Self::Delete(resource, _) => format!("delete {resource}"),
            Self::Event(_) => "create events.events.k8s.io".to_owned(),
            Self::Lease(_) => "get, create and update leases.coordination.k8s.io".to_owned(),
        }
    }
}

impl fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discover(what) => write!(f, "cannot ask which kinds there are in {what}"),
            Self::List(resource) => write!(f, "cannot list {resource}"),
            Self::Get(resource) => write!(f, "cannot read one of {resource}"),
            Self::Reports(resource) => write!(f, "cannot read the reports ({resource})"),
            Self::Write(resource, place) => {
                write!(f, "cannot write the report of {place} ({resource})")
            }
            Self::Delete(resource, place) => {
                write!(f, "cannot delete the report of {place} ({resource})")
            }
            Self::Event(object) => write!(f, "cannot create an event for {object}"),
            Self::Lease(name) => write!(f, "cannot take or keep the Lease {name}"),
        }
    }
}

/// Why a part of the audit could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    /// The API server did not do what it was asked.
    #[error("{what}: {}", told(source))]
    Api {
        /// What it was asked.
        what: String,
        /// Why not.
        source: Box<kube::Error>,
    },
    /// A permission is missing.
    #[error("{what}: the permission `{permission}` is missing")]
    Forbidden {
        /// What was asked.
        what: String,
        /// What an RBAC rule must grant.
        permission: String,
        /// What the API server says.
        source: Box<kube::Error>,
    },
    /// It answered with something else.
    #[error("{what}: the answer cannot be read")]
    Unreadable {
        /// What it was asked.
        what: String,
    },
    /// It did not answer in time.
    #[error("{what}: the API server took longer than {patience:?}")]
    Late {
        /// What it was asked.
        what: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// The list ended again and again while it was read.
    #[error("{what}: the list expired while it was read")]
    Expired {
        /// What it was asked.
        what: String,
    },
}

impl AuditError {
    pub(super) fn api(what: &Doing<'_>, source: kube::Error) -> Self {
        let source = Box::new(source);
        match code(&source) {
            Some(401 | 403) => Self::Forbidden {
                permission: what.permission(),
                what: what.to_string(),
                source,
            },
            _ => Self::Api {
                what: what.to_string(),
                source,
            },
        }
    }

    pub(super) fn unreadable(what: &Doing<'_>) -> Self {
        Self::Unreadable {
            what: what.to_string(),
        }
    }

    pub(super) fn late(what: &Doing<'_>, patience: Duration) -> Self {
        Self::Late {
            what: what.to_string(),
            patience,
        }
    }

    /// In a word, for a metric.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Forbidden { .. } => "forbidden",
            Self::Late { .. } => "unreachable",
            Self::Api { source, .. } if code(source).is_none() => "unreachable",
            Self::Api { .. } | Self::Unreadable { .. } | Self::Expired { .. } => "refused",
        }
    }
}

/// The HTTP status of an answer.
pub(super) fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Whether something could not be made because its namespace is being deleted.
pub(super) fn is_of_a_namespace_that_ends(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}
