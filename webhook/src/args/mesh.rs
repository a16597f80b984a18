//! What is known of the mesh, and from where.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use meshcheck_rules::istio::version::{KubernetesVersion, Version};
use meshcheck_rules::mesh::Settings;

/// `--watch` and what goes with it. An option is stronger than what is watched, and that is stronger
/// than a recording.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of the mesh around an object")]
pub struct MeshArgs {
    /// Learn the mesh from the cluster, and follow it
    ///
    /// Namespaces, nodes, control planes and what injects are watched; needs a kubeconfig or a
    /// service account that may read them. A review never waits for the API server: what is not
    /// known yet is unknown, and what was known stays while the API server is away.
    #[arg(long, env = "MESHCHECK_WATCH", value_parser = BoolishValueParser::new())]
    pub watch: bool,

    /// Recording of a mesh, as `kubectl meshcheck mesh` writes it; weaker than what is watched
    #[arg(long, env = "MESHCHECK_MESH", value_name = "FILE")]
    pub mesh: Option<PathBuf>,

    /// Kubernetes version of the API server and the nodes, such as 1.33
    #[arg(long, env = "MESHCHECK_KUBERNETES_VERSION", value_name = "X.Y", value_parser = kubernetes)]
    pub kubernetes_version: Option<KubernetesVersion>,

    /// Version of Istio's control plane, such as 1.31 or 1.31.1
    #[arg(long, env = "MESHCHECK_ISTIO_VERSION", value_name = "X.Y[.Z]", value_parser = istio)]
    pub istio_version: Option<Version>,
}

impl MeshArgs {
    /// What a person says of the mesh.
    pub fn settings(&self) -> Settings {
        Settings {
            kubernetes: self.kubernetes_version,
            istio: self.istio_version,
        }
    }
}

fn kubernetes(text: &str) -> Result<KubernetesVersion, &'static str> {
    KubernetesVersion::parse(text).ok_or("not a Kubernetes version such as 1.33 or v1.33.4")
}

fn istio(text: &str) -> Result<Version, &'static str> {
    Version::parse(text).ok_or("not an Istio version such as 1.31 or 1.31.1")
}
