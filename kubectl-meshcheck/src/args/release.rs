//! The options of `releases` and `upgrade-path`, and which release table it is.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use meshcheck_rules::istio::version::KubernetesVersion;

use super::value::{IstioBuild, istio_build, kubernetes_version};
use super::{Format, PolicyArgs};

/// Which release table.
#[derive(Args, Debug)]
pub struct ReleaseDataArgs {
    /// Release table to judge by in place of the built-in one, as JSON
    #[arg(
        long = "release-data",
        value_name = "FILE",
        help_heading = "What is known about the mesh"
    )]
    pub file: Option<PathBuf>,
}

/// Options of `releases`.
#[derive(Args, Debug)]
pub struct ReleasesArgs {
    /// For this date (YYYY-MM-DD) and not for today (UTC)
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// Those too that ended more than a year ago
    #[arg(long)]
    pub all: bool,
    /// Format of the list
    #[arg(
        short,
        long,
        value_enum,
        value_name = "human|json",
        default_value_t,
        hide_possible_values = true
    )]
    pub output: Format,
    #[command(flatten)]
    pub policy: PolicyArgs,
    #[command(flatten)]
    pub release_data: ReleaseDataArgs,
}

/// Options of `upgrade-path`.
#[derive(Args, Debug)]
pub struct UpgradePathArgs {
    /// The version that runs, such as 1.24.3
    #[arg(value_parser = istio_build)]
    pub from: IstioBuild,
    /// The version to go to; the newest supported one where nothing is said
    #[arg(value_parser = istio_build)]
    pub to: Option<IstioBuild>,
    /// Version of the cluster's Kubernetes
    #[arg(long, value_name = "X.Y", value_parser = kubernetes_version)]
    pub kubernetes_version: Option<KubernetesVersion>,
    /// For this date (YYYY-MM-DD) and not for today (UTC)
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<Date>,
    /// Format of the answer
    #[arg(
        short,
        long,
        value_enum,
        value_name = "human|json",
        default_value_t,
        hide_possible_values = true
    )]
    pub output: Format,
    #[command(flatten)]
    pub release_data: ReleaseDataArgs,
}
