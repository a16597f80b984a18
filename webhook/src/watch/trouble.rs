//! What is going wrong with a watch, said once.

use kube::runtime::watcher::Error;
use meshcheck_certs::answer;

use super::seen::Kind;
use crate::metrics::WatchMetrics;

/// Why a watch fails, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// RBAC does not allow it.
    Forbidden,
    /// Nobody knows who asks.
    Unauthorized,
    /// There is no such kind.
    NotFound,
    /// What it went on from is forgotten; it begins anew.
    Gone,
    /// No answer.
    Unreachable,
    /// Anything else.
    Other,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Forbidden,
        Self::Unauthorized,
        Self::NotFound,
        Self::Gone,
        Self::Unreachable,
        Self::Other,
    ];

    /// As in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::Unreachable => "unreachable",
            Self::Other => "other",
        }
    }

    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::WatchError(status) => Self::of_code(status.code),
            Error::InitialListFailed(error)
            | Error::WatchStartFailed(error)
            | Error::WatchFailed(error) => Self::of_answer(error),
            Error::NoResourceVersion => Self::Other,
        }
    }

    pub(super) fn of_answer(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_code(status.code),
            kube::Error::HyperError(_)
            | kube::Error::Service(_)
            | kube::Error::ReadEvents(_)
            | kube::Error::HttpError(_) => Self::Unreachable,
            _ => Self::Other,
        }
    }

    fn of_code(code: u16) -> Self {
        match code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            410 => Self::Gone,
            502..=504 => Self::Unreachable,
            _ => Self::Other,
        }
    }
}

/// The trouble of one watch.
#[derive(Debug)]
pub(super) struct Trouble {
    kind: Kind,
    /// What it means.
    stale: &'static str,
    metrics: WatchMetrics,
    said: Option<Reason>,
}

impl Trouble {
    pub(super) fn new(kind: Kind, stale: &'static str, metrics: WatchMetrics) -> Self {
        Self {
            kind,
            stale,
            metrics,
            said: None,
        }
    }

    pub(super) fn goes_on(&mut self, error: &Error) {
        let reason = Reason::of(error);
        self.metrics.failed(self.kind.plural, reason);
        let said = self.said.replace(reason);
        if said.is_none() {
            self.metrics.works(self.kind.plural, false);
        }
        if said == Some(reason) {
            return;
        }
        let (resource, stale, error) = (self.kind.resource(), self.stale, told(error));
        match reason {
            // It is the ordinary way after a long pause.
            Reason::Gone => tracing::debug!(resource, error, "a watch begins anew"),
            Reason::Forbidden => {
                let grant = format!("get, list and watch on {resource}, in all namespaces");
                tracing::error!(
                    resource,
                    grant,
                    error,
                    "may not be watched: {stale}; the ClusterRole meshcheck-webhook-mesh of the \
                     manifests grants it"
                );
            }
            _ => tracing::warn!(
                resource,
                reason = reason.as_str(),
                error,
                "cannot be watched, trying again: {stale}"
            ),
        }
    }

    pub(super) fn ends(&mut self) {
        let Some(said) = self.said.take() else { return };
        self.metrics.works(self.kind.plural, true);
        if said != Reason::Gone {
            let resource = self.kind.resource();
            tracing::info!(resource, "is watched again");
        }
    }
}

/// Why it fails. Never what an object holds.
fn told(error: &Error) -> String {
    match error {
        Error::InitialListFailed(error)
        | Error::WatchStartFailed(error)
        | Error::WatchFailed(error) => answer::told(error),
        Error::WatchError(status) => answer::told(&kube::Error::Api(status.clone())),
        Error::NoResourceVersion => error.to_string(),
    }
}

impl Drop for Trouble {
    /// A watch that is ended has none.
    fn drop(&mut self) {
        if self.said.is_some() {
            self.metrics.works(self.kind.plural, true);
        }
    }
}
