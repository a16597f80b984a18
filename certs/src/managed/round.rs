//! One look at Secret and configurations, and what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;

use crate::authority::Authority;
use crate::certificate::Certificate;
use crate::clock::{ServerClock, after};
use crate::managed::access::{self, Access, Configuration};
use crate::managed::plan::{self, renewal};
use crate::managed::steps::Workshop;
use crate::managed::{Published, Settings, Standing, Stored, SyncError};
use crate::pair::Pair;
use crate::serving::Serving;
use crate::telemetry::Telemetry;

/// How often a round begins again because somebody else was faster.
const TRIES: usize = 5;
/// Difference of clocks that is never anybody's fault: dates of answers have whole seconds.
const LEAST_SKEW: Duration = Duration::from_secs(5);

/// Keeps the certificates of one replica in order.
pub struct Manager {
    access: Access,
    clock: Arc<ServerClock>,
    serving: Arc<Serving>,
    telemetry: Arc<dyn Telemetry>,
    /// Since when each authority was seen to be announced everywhere.
    trusted: BTreeMap<Vec<u8>, Timestamp>,
    /// The authority of the pair that is served.
    served_by: Option<Certificate>,
}

impl Manager {
    /// Serves nothing yet.
    pub fn new(
        client: Client,
        settings: Settings,
        clock: Arc<ServerClock>,
        serving: Arc<Serving>,
        telemetry: Arc<dyn Telemetry>,
    ) -> Self {
        Self {
            access: Access::new(client, settings),
            clock,
            serving,
            telemetry,
            trusted: BTreeMap::new(),
            served_by: None,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        self.access.settings()
    }

    pub(crate) fn client(&self) -> &Client {
        self.access.client()
    }

    pub(crate) fn telemetry(&self) -> &dyn Telemetry {
        &*self.telemetry
    }

    /// Does what is due at this time: renews, announces, serves. What cannot be done now is left as
    /// it is; the pair that is served goes on being served.
    pub async fn round(&mut self, now: Timestamp) -> Result<(), SyncError> {
        for _ in 0..TRIES {
            match self.attempt(now).await {
                Err(error) if error.is_conflict() => {
                    tracing::debug!(%error, "somebody else was faster, reading again");
                }
                Err(error) => return Err(error),
                Ok(standing) => {
                    self.telemetry.synced(now, &standing);
                    return Ok(());
                }
            }
        }
        Err(SyncError::Contended(TRIES))
    }

    /// Configurations are read before the Secret and written only if they did not change since:
    /// a replica that read an old Secret cannot overwrite what was announced for a newer one.
    async fn attempt(&mut self, now: Timestamp) -> Result<Standing, SyncError> {
        let mut configurations = self.access.configurations().await?;
        let secret = self.access.secret().await?;
        let published = access::published(&configurations);
        let stored = self.keep(now, secret, &published).await?;
        let announced = self.announce(&mut configurations, &stored.bundle()).await;
        self.trust(now, &stored, &access::published(&configurations));
        self.serve(now, &stored);
        announced?;
        Ok(self.standing(&stored))
    }

    /// Brings the Secret in order.
    async fn keep(
        &self,
        now: Timestamp,
        secret: Option<Secret>,
        published: &Published,
    ) -> Result<Stored, SyncError> {
        let contents = secret.as_ref().map(access::contents).unwrap_or_default();
        let stored = Stored::read(&contents);
        let settings = self.access.settings();
        let plan = plan::plan(now, &stored, published, settings)?;
        if plan.is_empty() {
            return Ok(stored);
        }
        self.same_time(now)?;
        let workshop = Workshop {
            now,
            stored: &stored,
            published,
            settings,
        };
        let made = workshop.carry_out(&plan, contents)?;
        let written = self.access.store(secret, made).await?;
        for step in &plan {
            tracing::info!(%step, flaw = stored.flaw(), "the Secret has changed");
        }
        Ok(Stored::read(&access::contents(&written)))
    }

    /// That a certificate which is made now is good for the API server.
    fn same_time(&self, now: Timestamp) -> Result<(), SyncError> {
        let slack = self.access.settings().lives.slack().max(LEAST_SKEW);
        let apart = self.clock.last().map(|there| now.duration_since(there));
        match apart {
            Some(apart) if apart.unsigned_abs() > slack => Err(SyncError::Clock(apart)),
            _ => Ok(()),
        }
    }

    async fn announce(
        &self,
        configurations: &mut [Configuration],
        bundle: &str,
    ) -> Result<(), SyncError> {
        for configuration in configurations {
            if self.access.announce(configuration, bundle).await? {
                tracing::info!(%configuration, "announced in `caBundle`");
                self.telemetry.published();
            }
        }
        Ok(())
    }

    /// Remembers since when authorities are announced.
    fn trust(&mut self, now: Timestamp, stored: &Stored, published: &Published) {
        let own = stored.authority.iter().map(Authority::certificate);
        let all = own.chain(&self.served_by);
        let held = all.filter(|authority| published.holds(authority));
        let held = held.map(|authority| {
            let key = authority.der().to_vec();
            let since = self.trusted.get(&key).copied().unwrap_or(now);
            (key, since)
        });
        self.trusted = held.collect();
    }

    fn trusted_since(&self, authority: &Certificate) -> Option<Timestamp> {
        self.trusted.get(authority.der().as_ref()).copied()
    }

    /// Serves the stored pair as soon as everybody trusts it. Where something good is served
    /// already, API servers get time to hear of a new authority.
    fn serve(&mut self, now: Timestamp, stored: &Stored) {
        let (Ok(authority), Ok(pair)) = (&stored.authority, &stored.pair) else {
            return;
        };
        let current = self.serving.current();
        if current.is_some_and(|current| current.certificate() == pair.certificate()) {
            return;
        }
        let Some(since) = self.trusted_since(authority.certificate()) else {
            return;
        };
        let settled = after(since, self.access.settings().lives.settling());
        let is_same_authority = self.served_by.as_ref() == Some(authority.certificate());
        if is_same_authority || now >= settled || !self.serves_well(now) {
            self.replace(pair, authority.certificate());
        }
    }

    fn serves_well(&self, now: Timestamp) -> bool {
        let current = self.serving.current();
        let is_valid = current.is_some_and(|pair| pair.certificate().is_valid_at(now));
        let by = self.served_by.as_ref();
        is_valid && by.is_some_and(|authority| self.trusted_since(authority).is_some())
    }

    fn replace(&mut self, pair: &Pair, authority: &Certificate) {
        tracing::info!(certificate = %pair.certificate(), %authority, "serving a new certificate");
        self.telemetry.serves(pair);
        self.serving.replace(pair.clone());
        self.served_by = Some(authority.clone());
    }

    fn standing(&self, stored: &Stored) -> Standing {
        let settings = self.access.settings();
        let pair = stored.pair.as_ref().expect("a plan leaves a good pair");
        let authority = stored.authority.as_ref();
        let authority = authority.expect("a plan leaves a good authority");
        Standing {
            authority_not_after: authority.certificate().not_after(),
            renewal: renewal(pair.certificate(), settings),
        }
    }
}
