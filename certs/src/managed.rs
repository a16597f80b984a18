//! Certificates that the webhook makes and keeps for itself.
//!
//! One Secret holds everything, and its `resourceVersion` decides between replicas: each of them
//! reads it, [plans](plan) what is due, and writes the outcome; who was beaten to it reads again and
//! takes what the winner wrote. So nobody has to lead. What the Secret says is announced as
//! `caBundle` in the webhook configurations, and a pair is served only when the authority that it
//! needs is found there.
//!
//! | key | what |
//! | --- | --- |
//! | `tls.crt`, `tls.key` | the serving certificate |
//! | `ca.crt`, `ca.key` | the authority that signed it |
//! | `next-ca.crt`, `next-ca.key` | the one that comes next: announced, and not used yet |
//! | `old-ca.crt` | those before: announced as long as a certificate of them may be in use; their keys are gone |

use std::time::Duration;

use jiff::Timestamp;

mod access;
mod error;
mod follow;
mod plan;
mod round;
mod steps;
mod stored;

pub use access::{Kind, OWNER};
pub use error::SyncError;
pub use follow::follow;
pub use plan::{Plan, Step, Why, plan};
pub use round::Manager;
pub use stored::{Contents, Flaw, Published, Stored};

/// How long certificates live, and what follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lives {
    /// Of an authority. At least three times the life of a certificate, so that one which is
    /// signed at the end of its use is not cut short.
    pub authority: Duration,
    /// Of a serving certificate.
    pub certificate: Duration,
}

/// Longest time for which clocks may differ, and an authority is announced before it signs.
const MOST_SLACK: Duration = Duration::from_hours(24);
/// Longest time that API servers are given to see a `caBundle`.
const MOST_SETTLING: Duration = Duration::from_secs(30);
/// Longest time without a look at Secret and configurations.
const MOST_PAUSE: Duration = Duration::from_mins(1);

impl Lives {
    /// How far clocks may differ and other replicas lag behind: a day.
    pub fn slack(&self) -> Duration {
        MOST_SLACK.min(self.certificate / 10)
    }

    /// How long after it was announced an authority is trusted everywhere.
    fn settling(&self) -> Duration {
        MOST_SETTLING.min(self.slack() / 4)
    }

    /// Time from one look to the next when nobody says that something changed.
    fn pause(&self) -> Duration {
        MOST_PAUSE.min(self.slack() / 8)
    }
}

impl Default for Lives {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            authority: days(365),
            certificate: days(90),
        }
    }
}

/// Whose certificate it is, and where it is kept and announced.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of the Secret and of the Service.
    pub namespace: String,
    /// Service that the configurations lead to.
    pub service: String,
    /// More names and addresses for the certificate, for configurations with a `url`.
    pub names: Vec<String>,
    /// Name of the Secret.
    pub secret: String,
    /// Names of the configurations to announce in. One that does not exist is nobody's trouble.
    pub configurations: Vec<(Kind, String)>,
    /// How long certificates live.
    pub lives: Lives,
    /// From 0 to 1: which part of the last stretch this replica waits with a renewal, so that not
    /// all of them come at the same moment.
    pub jitter: f64,
}

impl Settings {
    /// Every name that the certificate has to have, the Service's first.
    pub fn names(&self) -> Vec<String> {
        let service = format!("{}.{}.svc", self.service, self.namespace);
        let long = format!("{service}.cluster.local");
        let mut names = vec![service, long];
        names.extend(self.names.iter().cloned());
        names
    }

    fn authority_name(&self) -> String {
        format!("meshcheck CA of {}", self.namespace)
    }
}

/// What there is to know of certificates that are in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When the authority's life ends.
    pub authority_not_after: Timestamp,
    /// When the serving certificate is renewed.
    pub renewal: Timestamp,
}

/// A value from 0 to 1 that differs from process to process.
pub fn jitter() -> f64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let random = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(random).unwrap_or_default()) / f64::from(u32::MAX)
}
