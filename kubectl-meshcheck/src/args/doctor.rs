//! The options of `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::{ColorChoice, FailOn, Format};

pub(super) const HELP: &str = "\
Nothing is written to the cluster. It is read (webhook configurations, namespaces; Services, endpoints,
Deployments, Pods, disruption budgets and Secrets around the webhook; the API server's metrics), a
connection is forwarded to each Pod to see its certificate, and two objects are tried with dryRun=All,
which the API server stores nowhere: one that must be patched, and one that must be refused. Of Secrets
only certificates are used. What may not be read is told as unknown.

Exit codes, the same for every output format:
  0  healthy: nothing at or above the --fail-on severity
  1  problems at or above it
  2  wrong usage, or the cluster could not be asked
  3  something could not be looked at (wins over 1)
  4  the webhook is not installed in this cluster";

/// Options of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Context of the kubeconfig to use, and not its current one
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
    /// Kubeconfig to use, and not that of KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the webhook; by default those that the webhook configurations lead to
    #[arg(short, long, value_name = "NAME", help_heading = "Cluster")]
    pub namespace: Option<String>,
    /// Namespace to try objects in; by default one that the webhook is asked about
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub probe_namespace: Option<String>,
    /// Format of the report
    #[arg(
        short,
        long,
        value_enum,
        value_name = "human|json",
        default_value_t,
        hide_possible_values = true
    )]
    pub output: Format,
    /// The lowest severity that fails the run: error, warning, info or never
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value_t,
        hide_possible_values = true
    )]
    pub fail_on: FailOn,
    /// Colours: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true
    )]
    pub color: ColorChoice,
}
