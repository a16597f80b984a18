//! The command line.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub use check::{ChartName, CheckArgs, CompareArgs, FailOn, FixMode};
pub use doctor::DoctorArgs;
pub use mesh::MeshArgs;
pub use release::{ReleaseDataArgs, ReleasesArgs, UpgradePathArgs};
pub use value::IstioBuild;

mod check;
mod doctor;
mod mesh;
mod release;
mod value;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold());

const EXIT_CODES: &str = "\
Exit codes, the same for every output format:
  0  checked, and nothing at or above the --fail-on severity
  1  findings at or above it
  2  wrong usage or configuration, or the output could not be written
  3  some input could not be read or parsed (wins over 1)
  4  nothing to check: no Kubernetes object in any input (see --allow-empty)
Templates are told, not failed: render them first (--strict makes them 3).
With --fix the code speaks of what remains, with --diff of the files as they are.";

const UPGRADE_PATH: &str = "\
Examples:
  kubectl meshcheck upgrade-path 1.24.3
  kubectl meshcheck upgrade-path 1.24.3 1.29 --kubernetes-version 1.29
Exit code 0 where there is an answer, be it that no supported way is open; 2 for a question that has none.";

const COMPARE_HELP: &str = "\
In a pull request, with the branch that it goes to checked out as `base`:
  kubectl meshcheck compare base/mesh mesh
One file against its last commit:
  git show HEAD:istiod.yaml | kubectl meshcheck compare - istiod.yaml

Objects are paired by kind, namespace and name, and by the path below OLD and NEW where several
have one name. An istiod of a new revision is held against all that were there.
Options and exit codes are those of `check`; they speak of NEW, and 3 also of OLD.";

const MESH_HELP: &str = "\
Of a cluster, and then used on a laptop:
  kubectl get namespaces,nodes,mutatingwebhookconfigurations -o yaml > cluster.yaml
  kubectl -n istio-system get deployments,configmaps -o yaml > istio-system.yaml
  kubectl meshcheck mesh cluster.yaml istio-system.yaml > mesh.json
  kubectl meshcheck check --mesh mesh.json apps/

The recording holds versions, revisions, tags, selectors and what decides about injection; no
secret, no environment but ENABLE_NATIVE_SIDECARS, and of labels only Istio's.

Exit codes:
  0  recorded
  2  wrong usage, or the recording could not be written
  3  some input could not be read or parsed (what could be is recorded)
  4  no fact about a mesh in any input (see --allow-empty)";

/// Finds an Istio that is unsafe to run: connections that outlive their proxies, versions out of
/// support, workloads that start before their sidecar. Files, folders and standard input; no cluster
/// is needed.
#[derive(Debug, Parser)]
#[command(version, styles = STYLES, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `check` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `check`.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check manifests (the default command)
    #[command(after_help = EXIT_CODES)]
    Check(Box<CheckArgs>),
    /// Check manifests as an update of others: all that `check` finds, and upgrades that Istio does
    /// not support
    #[command(
        after_help = COMPARE_HELP,
        mut_arg("paths", |paths| paths
            .value_name("NEW")
            .help("What it becomes: files, folders or `-` for standard input"))
    )]
    Compare(Box<CompareArgs>),
    /// List the rules
    Rules(RulesArgs),
    /// Explain a rule: what would have happened, why, and what to do
    Explain(ExplainArgs),
    /// List Istio's releases as they stand on a date: support, Kubernetes, patches, bulletins
    Releases(ReleasesArgs),
    /// Show the way from one version of Istio to another, with the moves of Kubernetes between
    #[command(after_help = UPGRADE_PATH)]
    UpgradePath(UpgradePathArgs),
    /// Record what manifests say about the mesh, for --mesh of `check`
    #[command(after_help = MESH_HELP)]
    Mesh(MeshArgs),
    /// Diagnose the webhook that is installed in a cluster; changes nothing there
    #[command(after_help = doctor::HELP)]
    Doctor(DoctorArgs),
    /// Print a JSON schema, for editors and CI
    Schema(SchemaArgs),
}

/// Options of `rules`.
#[derive(Args, Debug)]
pub struct RulesArgs {
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
}

/// Options of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Name of the rule, such as keepalive-age-too-long
    pub rule: String,
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

/// Options of `schema`.
#[derive(Args, Debug)]
pub struct SchemaArgs {
    /// Of what: policy (meshcheck.yaml) or releases (the table of --release-data)
    #[arg(value_enum, default_value_t, hide_possible_values = true)]
    pub of: SchemaOf,
}

/// What has a JSON schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// `meshcheck.yaml`.
    #[default]
    Policy,
    /// The release table.
    Releases,
}

/// Which policy.
#[derive(Args, Debug)]
pub struct PolicyArgs {
    /// Policy to judge by, and not the nearest meshcheck.yaml from here upwards, up to the repository's root
    #[arg(
        id = "policy",
        long = "policy",
        value_name = "FILE",
        conflicts_with = "no_policy",
        help_heading = "Policy"
    )]
    pub file: Option<PathBuf>,
    /// Judge by the defaults, whatever meshcheck.yaml there is
    #[arg(long, help_heading = "Policy")]
    pub no_policy: bool,
}

/// Format of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The command as it is called: as a plugin of kubectl its help has to say `kubectl meshcheck`.
pub fn command(program: &str) -> clap::Command {
    let name = std::path::Path::new(program)
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or("kubectl-meshcheck");
    let shown = match name.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {plugin}"),
        None => name.to_owned(),
    };
    Cli::command().bin_name(&shown).display_name(shown)
}
