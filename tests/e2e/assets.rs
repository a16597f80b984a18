//! The programs of others that the tests run.

use std::env;
use std::path::{Path, PathBuf};

/// A file or folder of the assets.
pub(crate) type Need = &'static str;

/// What a cluster takes that makes Pods of Deployments.
pub(crate) const KUBERNETES: &[Need] = &[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
];

/// The same with an Istio on it.
pub(crate) const MESH: &[Need] = &[
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kubectl",
    "helm",
    "pilot-discovery",
    "charts",
];

/// Where the programs are.
pub(crate) struct Assets {
    folder: Option<PathBuf>,
    /// Whether a test that cannot run has failed.
    pub(crate) are_required: bool,
}

impl Assets {
    /// As `KUBEBUILDER_ASSETS` and `MESHCHECK_E2E` say, or what is wrong with them.
    pub(crate) fn of_the_environment() -> Result<Self, String> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let required = set("MESHCHECK_E2E");
        if let Some(other) = required.as_ref().filter(|value| *value != "required") {
            return Err(format!(
                "MESHCHECK_E2E is {}, not required",
                other.display()
            ));
        }
        let folder = set("KUBEBUILDER_ASSETS").map(PathBuf::from);
        if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(format!(
                "KUBEBUILDER_ASSETS is {}, which is no folder",
                folder.display()
            ));
        }
        Ok(Self {
            folder,
            are_required: required.is_some(),
        })
    }

    /// Why what needs these cannot run; `None` if it can.
    pub(crate) fn missing(&self, needs: &[Need]) -> Option<String> {
        let Some(folder) = &self.folder else {
            return Some("KUBEBUILDER_ASSETS is not set, see tests/e2e/assets.sh".to_owned());
        };
        let missing = needs.iter().filter(|name| !folder.join(name).exists());
        let missing: Vec<_> = missing.copied().collect();
        (!missing.is_empty()).then(|| format!("no {} in {}", missing.join(", "), folder.display()))
    }

    pub(crate) fn path(&self, name: Need) -> PathBuf {
        let folder: &Path = self
            .folder
            .as_deref()
            .expect("a test that has what it needs");
        folder.join(name)
    }
}
