//! The command line.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use meshcheck_rules::istio::image::{Image, Tag, Vendor};
use meshcheck_rules::istio::install::Chart;
use meshcheck_rules::istio::version::{KubernetesVersion, Version};
use meshcheck_rules::{Applicability, Severity};

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

const DOCTOR_HELP: &str = "\
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
    #[command(after_help = DOCTOR_HELP)]
    Doctor(DoctorArgs),
    /// Print a JSON schema, for editors and CI
    Schema(SchemaArgs),
}

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

/// Options of `compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// What was there before: a file, a folder or `-` for standard input
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// What it becomes, and how to check it.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// Options of `check`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct CheckArgs {
    /// Files, folders (walked for .yaml, .yml and .json) or `-` for standard input
    #[arg(value_name = "PATH", required_unless_present = "filename")]
    pub paths: Vec<PathBuf>,
    /// The same as PATH, as kubectl calls it
    #[arg(short, long, value_name = "PATH")]
    pub filename: Vec<PathBuf>,

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
    /// Templates, which cannot be judged before they are rendered, fail the run (exit code 3)
    #[arg(long)]
    pub strict: bool,
    /// Nothing to check is no failure: exit code 0 in place of 4
    #[arg(long)]
    pub allow_empty: bool,
    /// Print findings and problems only: no summary, no notes
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show info and suppressed findings too, the policy, and every input that was skipped
    #[arg(short, long)]
    pub verbose: bool,
    /// Colours: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true
    )]
    pub color: ColorChoice,

    /// Policy to judge by, and not the nearest meshcheck.yaml from here upwards, up to the repository's root
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "no_policy",
        help_heading = "Policy"
    )]
    pub policy: Option<PathBuf>,
    /// Judge by the defaults, whatever meshcheck.yaml there is
    #[arg(long, help_heading = "Policy")]
    pub no_policy: bool,

    /// Apply the safe fixes in place; for standard input, write the fixed stream to standard output
    #[arg(long, help_heading = "Fixing")]
    pub fix: bool,
    /// Apply also the fixes that a person should look at first (implies --fix unless --diff is given)
    #[arg(long, help_heading = "Fixing")]
    pub unsafe_fixes: bool,
    /// Show what would be fixed as a unified diff, and change nothing
    #[arg(long, help_heading = "Fixing")]
    pub diff: bool,

    /// Judge for this date (YYYY-MM-DD) and not for today (UTC)
    #[arg(
        long,
        value_name = "DATE",
        help_heading = "What is known about the mesh"
    )]
    pub as_of: Option<Date>,
    /// Version of Kubernetes, server and nodes, where no document says it
    #[arg(long, value_name = "X.Y", value_parser = kubernetes_version, help_heading = "What is known about the mesh")]
    pub kubernetes_version: Option<KubernetesVersion>,
    /// Version of the control plane, where no document says it
    #[arg(long, value_name = "X.Y[.Z]", value_parser = istio_version, help_heading = "What is known about the mesh")]
    pub istio_version: Option<Version>,

    /// Chart whose values are in the files that are named: istiod, base, cni, ztunnel or gateway. A file
    /// of values does not say which chart it is for; --istio-version says the chart's version
    #[arg(
        long,
        value_enum,
        value_name = "CHART",
        hide_possible_values = true,
        help_heading = "What is known about the mesh"
    )]
    pub chart: Option<ChartName>,
    #[command(flatten)]
    pub release_data: ReleaseDataArgs,
    /// What is known about the mesh, as `mesh` recorded it; what documents say comes first
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "What is known about the mesh"
    )]
    pub mesh: Option<PathBuf>,

    /// Leave out every shortcut: slower, the same answer
    #[arg(long, hide = true)]
    pub plain: bool,
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

/// Options of `mesh`.
#[derive(Args, Debug)]
pub struct MeshArgs {
    /// Files, folders (walked for .yaml, .yml and .json) or `-` for standard input
    #[arg(value_name = "PATH", required_unless_present_any = ["filename", "mesh"])]
    pub paths: Vec<PathBuf>,
    /// The same as PATH, as kubectl calls it
    #[arg(short, long, value_name = "PATH")]
    pub filename: Vec<PathBuf>,
    /// What to write to standard output: the recording, or what is in it for people
    #[arg(
        short,
        long,
        value_enum,
        value_name = "json|human",
        default_value = "json",
        hide_possible_values = true
    )]
    pub output: Format,
    /// Only the recording: what is in it is not told on standard error
    #[arg(short, long)]
    pub quiet: bool,
    /// Nothing to record is no failure: exit code 0 in place of 4
    #[arg(long)]
    pub allow_empty: bool,
    /// Version of Kubernetes, server and nodes, where no document says it
    #[arg(long, value_name = "X.Y", value_parser = kubernetes_version)]
    pub kubernetes_version: Option<KubernetesVersion>,
    /// Version of the control plane, where no document says it
    #[arg(long, value_name = "X.Y[.Z]", value_parser = istio_version)]
    pub istio_version: Option<Version>,
    /// A recording to go on from
    #[arg(long, value_name = "FILE")]
    pub mesh: Option<PathBuf>,
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

/// One of the charts whose values may be in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChartName {
    /// The control plane.
    Istiod,
    /// Custom resources.
    Base,
    /// The CNI agent.
    Cni,
    /// Ambient's proxy on the node.
    Ztunnel,
    /// A gateway.
    Gateway,
}

impl ChartName {
    /// The chart.
    pub fn chart(self) -> Chart {
        match self {
            Self::Istiod => Chart::Istiod,
            Self::Base => Chart::Base,
            Self::Cni => Chart::Cni,
            Self::Ztunnel => Chart::Ztunnel,
            Self::Gateway => Chart::Gateway,
        }
    }
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

/// A version of Istio as a tag states it.
#[derive(Clone, Debug)]
pub struct IstioBuild {
    /// As it was written.
    pub text: String,
    /// Its version.
    pub version: Version,
    /// Whose build it is, if not upstream's.
    pub vendor: Option<Vendor>,
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

/// The lowest severity that fails a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors.
    #[default]
    Error,
    /// Errors and warnings.
    Warning,
    /// Every finding.
    Info,
    /// Nothing.
    Never,
}

impl FailOn {
    /// The severity, `None` for never.
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Never => None,
        }
    }
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

/// What to do about fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixMode {
    /// Only report.
    Report,
    /// Show a diff of the fixes up to this grade.
    Diff(Applicability),
    /// Apply the fixes up to this grade.
    Apply(Applicability),
}

impl MeshArgs {
    /// All that is to be read, in the order of the command line.
    pub fn all_paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().chain(&self.filename)
    }
}

impl CheckArgs {
    /// All that is to be read, in the order of the command line.
    pub fn all_paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().chain(&self.filename)
    }

    /// What the three options for fixes come to.
    pub fn fix_mode(&self) -> FixMode {
        let grade = if self.unsafe_fixes {
            Applicability::Unsafe
        } else {
            Applicability::Safe
        };
        match (self.diff, self.fix || self.unsafe_fixes) {
            (true, _) => FixMode::Diff(grade),
            (false, true) => FixMode::Apply(grade),
            (false, false) => FixMode::Report,
        }
    }
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

fn kubernetes_version(text: &str) -> Result<KubernetesVersion, String> {
    KubernetesVersion::parse(text).ok_or_else(|| "expected a version such as 1.33".to_owned())
}

fn istio_version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "expected a version such as 1.30 or 1.30.3".to_owned())
}

fn istio_build(text: &str) -> Result<IstioBuild, String> {
    let text = text.trim();
    let image = Image {
        hub: "",
        name: "pilot",
        tag: Some(text),
        digest: None,
    };
    match Tag::read(text) {
        Tag::Release(version) => Ok(IstioBuild {
            text: text.to_owned(),
            version,
            vendor: image.vendor(),
        }),
        Tag::Prerelease(version) => Err(format!(
            "a pre-release or development build of {version}: Istio promises no way from or to one, ask \
             for the release"
        )),
        Tag::Unreadable => Err("expected a version such as 1.30 or 1.30.3".to_owned()),
    }
}
