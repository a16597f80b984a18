//! Why certificates could not be brought in order.

use std::time::Duration;

use jiff::SignedDuration;

use crate::answer::told;
use crate::managed::plan::NotYet;

/// Why Secret and configurations are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The API server did not do what it was asked.
    #[error("{what}: {}", told(source))]
    Api {
        /// What it was asked.
        what: String,
        /// Why not.
        source: Box<kube::Error>,
    },
    /// It did not answer in time.
    #[error("the API server took longer than {0:?}")]
    Late(Duration),
    /// Others were always faster.
    #[error("Secret or configuration changed {0} times while it was looked at")]
    Contended(usize),
    /// The Secret is somebody else's.
    #[error(
        "the Secret {0} is not meshcheck's (it has no label `{label}`) and not empty: it is left \
         alone; delete it or choose another name",
        label = crate::managed::access::LABEL.0
    )]
    NotOurs(String),
    /// The configuration is another installation's.
    #[error("{configuration} leads to no webhook at the Service {service}: it is left alone")]
    Elsewhere {
        /// Kind and name.
        configuration: String,
        /// Namespace and name.
        service: String,
    },
    /// cert-manager writes the same field.
    #[error(
        "{0} is annotated for cert-manager, which writes the same `caBundle`: take the annotation \
         out, or let the webhook read its certificate from files"
    )]
    Injected(String),
    /// A certificate of the future.
    #[error(transparent)]
    NotYet(#[from] NotYet),
    /// The clock is wrong: whoever judges the certificate has another one.
    #[error("the clock here and that of the API server are {} apart", SignedDuration::as_secs_f64(.0))]
    Clock(SignedDuration),
    /// No key or certificate could be made.
    #[error("a certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl SyncError {
    pub(crate) fn api(what: impl Into<String>, source: kube::Error) -> Self {
        Self::Api {
            what: what.into(),
            source: Box::new(source),
        }
    }

    /// Every reason that [`Self::reason`] gives.
    pub const REASONS: [&str; 7] = [
        "forbidden",
        "refused",
        "unreachable",
        "contended",
        "not_ours",
        "clock",
        "defect",
    ];

    /// In a word, for a metric.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Api { source, .. } => match &**source {
                kube::Error::Api(status) if matches!(status.code, 401 | 403) => "forbidden",
                kube::Error::Api(_) => "refused",
                _ => "unreachable",
            },
            Self::Late(_) => "unreachable",
            Self::Contended(_) => "contended",
            Self::NotOurs(_) | Self::Elsewhere { .. } | Self::Injected(_) => "not_ours",
            Self::NotYet(_) | Self::Clock(_) => "clock",
            Self::Make(_) => "defect",
        }
    }

    /// Whether somebody else changed the object in the meantime: read again, and it may go.
    pub(crate) fn is_conflict(&self) -> bool {
        let Self::Api { source, .. } = self else {
            return false;
        };
        matches!(&**source, kube::Error::Api(status) if matches!(status.code, 404 | 409))
    }
}
