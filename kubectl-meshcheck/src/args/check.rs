//! The options of `check`, which those of `compare` hold too.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use meshcheck_rules::istio::install::Chart;
use meshcheck_rules::istio::version::{KubernetesVersion, Version};
use meshcheck_rules::{Applicability, Severity};

use super::value::{istio_version, kubernetes_version};
use super::{ColorChoice, Format, PolicyArgs, ReleaseDataArgs};

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

    #[command(flatten)]
    pub policy: PolicyArgs,

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
