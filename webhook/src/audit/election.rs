//! Who does the audit: the replica that holds the Lease, as Kubernetes' own controllers elect theirs.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::rbac::v1::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use meshcheck_certs::owner;
use tokio::time::timeout;

use super::error::{AuditError, Doing, code};

/// What a Lease belongs to: whoever takes it away takes the Lease with it, and the right to make another.
const ROLE: &str = "meshcheck-webhook-audit";

/// A candidate.
pub(super) struct Election {
    api: Api<Lease>,
    roles: Api<Role>,
    name: String,
    identity: String,
    duration: Duration,
    /// The Lease as it was last written here.
    held: Option<Lease>,
    seen: Option<Seen>,
}

/// Another's Lease. Whether it is still renewed is told by its version and the time here: no two clocks
/// are compared.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    version: Option<String>,
    since: Instant,
}

impl Election {
    pub(super) fn new(
        client: Client,
        namespace: &str,
        name: String,
        identity: String,
        duration: Duration,
    ) -> Self {
        Self {
            api: Api::namespaced(client.clone(), namespace),
            roles: Api::namespaced(client, namespace),
            name,
            identity,
            duration,
            held: None,
            seen: None,
        }
    }

    /// How long the Lease holds without being renewed.
    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    /// Takes or renews the Lease if that is possible. Whether it is held here from now on.
    pub(super) async fn round_within(&mut self, patience: Duration) -> Result<bool, AuditError> {
        let late = AuditError::late(&Doing::Lease(&self.name), patience);
        timeout(patience, self.round()).await.unwrap_or(Err(late))
    }

    async fn round(&mut self) -> Result<bool, AuditError> {
        let lease = match self.held.take() {
            Some(held) => Some(held),
            None => self.read().await?,
        };
        let written = match lease {
            None => self.create().await,
            Some(lease) if self.may_have(&lease) => self.write(lease, &self.identity).await,
            Some(_) => return Ok(false),
        };
        match written {
            Ok(lease) => {
                self.seen = None;
                self.held = Some(lease);
                Ok(true)
            }
            // Another one was faster, or took it away.
            Err(error) if matches!(code(&error), Some(404 | 409)) => Ok(false),
            Err(error) => Err(AuditError::api(&Doing::Lease(&self.name), error)),
        }
    }

    /// Whoever holds it next need not wait.
    pub(super) async fn release(&mut self) -> Result<(), AuditError> {
        let held = match self.held.take() {
            Some(held) => Some(held),
            // The answer to the last round may have been lost.
            None => self.read().await?.filter(|lease| self.holds(lease)),
        };
        let Some(lease) = held else { return Ok(()) };
        match self.write(lease, "").await {
            // Another one has it by now.
            Err(error) if matches!(code(&error), Some(404 | 409)) => Ok(()),
            written => written
                .map(drop)
                .map_err(|error| AuditError::api(&Doing::Lease(&self.name), error)),
        }
    }

    async fn read(&self) -> Result<Option<Lease>, AuditError> {
        let found = self.api.get_opt(&self.name).await;
        found.map_err(|error| AuditError::api(&Doing::Lease(&self.name), error))
    }

    fn holds(&self, lease: &Lease) -> bool {
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_ref());
        holder == Some(&self.identity)
    }

    fn may_have(&mut self, lease: &Lease) -> bool {
        let spec = lease.spec.clone().unwrap_or_default();
        let now = Instant::now();
        let version = lease.metadata.resource_version.clone();
        let seen = self.seen.take().filter(|seen| seen.version == version);
        let seen = seen.unwrap_or(Seen {
            version,
            since: now,
        });
        let unchanged = now.duration_since(seen.since);
        self.seen = Some(seen);
        is_free(&spec, &self.identity, unchanged)
    }

    async fn create(&self) -> kube::Result<Lease> {
        let owner = owner::reference(&self.roles, ROLE).await;
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                owner_references: owner.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec: Some(self.spec(LeaseSpec::default(), &self.identity)),
        };
        self.api.create(&PostParams::default(), &lease).await
    }

    /// Only if it is as it was read: of two, one wins.
    async fn write(&self, mut lease: Lease, holder: &str) -> kube::Result<Lease> {
        lease.spec = Some(self.spec(lease.spec.unwrap_or_default(), holder));
        let params = PostParams::default();
        self.api.replace(&self.name, &params, &lease).await
    }

    fn spec(&self, before: LeaseSpec, holder: &str) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let is_new = before.holder_identity.as_deref() != Some(holder);
        let seconds = i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX);
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(seconds.max(1)),
            renew_time: Some(now.clone()),
            acquire_time: before.acquire_time.filter(|_| !is_new).or(Some(now)),
            lease_transitions: Some(
                before.lease_transitions.unwrap_or(0) + i32::from(is_new && !holder.is_empty()),
            ),
            ..before
        }
    }
}

/// Whether a Lease may be taken that did not change for so long.
fn is_free(spec: &LeaseSpec, identity: &str, unchanged: Duration) -> bool {
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.unwrap_or(0);
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    holder.is_empty() || holder == identity || unchanged > duration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_free_when_nobody_renews_it() {
        let held = |holder: Option<&str>| LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        };
        for (holder, unchanged, free) in [
            (None, 0, true),
            (Some(""), 0, true),
            (Some("me"), 0, true),
            (Some("other"), 0, false),
            (Some("other"), 15, false),
            (Some("other"), 16, true),
        ] {
            let unchanged = Duration::from_secs(unchanged);
            assert_eq!(is_free(&held(holder), "me", unchanged), free, "{holder:?}");
        }
    }
}
