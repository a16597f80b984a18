//! Options of the background audit.

use std::time::Duration;

use clap::Args;

use super::{duration, positive};

/// Of the background audit.
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// How often everything in the cluster is judged again, such as 1h; 0 or off: never
    ///
    /// It is judged as well when the date, the policy or the release table changes. One replica does
    /// it; docs/audit.md says what it needs and what comes of it.
    #[arg(long, env = "MESHCHECK_AUDIT_INTERVAL", value_name = "DURATION", default_value = "0", value_parser = interval)]
    pub audit_interval: Duration,

    /// Lease by which the replicas agree who does the audit, in the webhook's own namespace
    #[arg(
        long,
        env = "MESHCHECK_AUDIT_LEASE",
        value_name = "NAME",
        default_value = "meshcheck-webhook-audit"
    )]
    pub audit_lease: String,

    /// How long the audit stands still at most when its replica dies; renewed at a third of it
    #[arg(long, env = "MESHCHECK_AUDIT_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = lease)]
    pub audit_lease_duration: Duration,

    /// Namespaces that the audit leaves alone beside its own, as the webhook configurations do
    #[arg(
        long,
        env = "MESHCHECK_AUDIT_EXCLUDED_NAMESPACES",
        value_name = "NAME,...",
        value_delimiter = ',',
        default_value = "kube-system,kube-public,kube-node-lease"
    )]
    pub audit_excluded_namespaces: Vec<String>,
}

impl AuditArgs {
    /// Whether there is an audit.
    pub fn is_on(&self) -> bool {
        !self.audit_interval.is_zero()
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match text {
        "off" => Ok(Duration::ZERO),
        text => duration(text),
    }
}

/// A Lease says whole seconds.
fn lease(text: &str) -> Result<Duration, String> {
    let time = positive(text)?;
    if time < Duration::from_secs(1) {
        return Err("below a second".to_owned());
    }
    Ok(time)
}
