//! The options of `mesh`.

use std::path::PathBuf;

use clap::Args;
use meshcheck_rules::istio::version::{KubernetesVersion, Version};

use super::Format;
use super::value::{istio_version, kubernetes_version};

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

impl MeshArgs {
    /// All that is to be read, in the order of the command line.
    pub fn all_paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().chain(&self.filename)
    }
}
