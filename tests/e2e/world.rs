//! What the tests share: one control plane and one Istio, each started by the first that needs it.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::assets::Assets;
use crate::control_plane::ControlPlane;
use crate::istio::Istio;

pub(crate) struct World {
    pub(crate) assets: Assets,
    // In the order in which they end.
    istio: OnceLock<Istio>,
    control_plane: OnceLock<ControlPlane>,
    watched: OnceLock<ControlPlane>,
    folder: TempDir,
}

impl World {
    pub(crate) fn new(assets: Assets) -> Self {
        Self {
            assets,
            istio: OnceLock::new(),
            control_plane: OnceLock::new(),
            watched: OnceLock::new(),
            folder: TempDir::with_prefix("meshcheck-e2e-").expect("a temporary folder"),
        }
    }

    /// A control plane for all tests: each has namespaces of its own.
    pub(crate) fn control_plane(&self) -> &ControlPlane {
        self.control_plane
            .get_or_init(|| self.another_control_plane("shared"))
    }

    /// One for the tests of what is learned from a cluster: what others leave behind says something, too.
    pub(crate) fn watched(&self) -> &ControlPlane {
        self.watched
            .get_or_init(|| self.another_control_plane("watched"))
    }

    /// One for a test that cannot share it.
    pub(crate) fn another_control_plane(&self, name: &str) -> ControlPlane {
        ControlPlane::start(&self.assets, &self.folder.path().join(name))
    }

    /// The control plane with an Istio on it, which touches only what is labelled for it.
    pub(crate) fn mesh(&self) -> &ControlPlane {
        let plane = self.control_plane();
        self.istio.get_or_init(|| Istio::start(&self.assets, plane));
        plane
    }

    /// Ends what was started. Where a test has failed it keeps what was logged, and says where.
    pub(crate) fn end(self, failed: bool) -> Option<PathBuf> {
        drop(self.istio);
        drop(self.control_plane);
        drop(self.watched);
        let mut planes = fs::read_dir(self.folder.path()).ok()?.flatten().peekable();
        if !failed || planes.peek().is_none() {
            return None;
        }
        for plane in planes {
            // It is large, and says nothing.
            let _ = fs::remove_dir_all(plane.path().join("etcd"));
        }
        Some(self.folder.keep())
    }
}
