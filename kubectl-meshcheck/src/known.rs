//! What is known about the mesh before any document is read: options, and a recording.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use meshcheck_rules::Mesh;
use meshcheck_rules::mesh::{RecordingError, Settings};

use crate::source::{describe, for_people};

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The system would not give it.
    #[error("--mesh {file}: {}", describe(source))]
    Unreadable {
        /// As named on the command line.
        file: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is no text.
    #[error("--mesh {0}: it is no text")]
    NoText(String),
    /// It is no recording, or a broken one.
    #[error("--mesh {place}: {source}")]
    Recording {
        /// With line and column where these are known.
        place: String,
        /// What is wrong with it.
        source: RecordingError,
    },
}

/// The mesh as far as options and a recording say.
pub fn mesh(settings: Settings, recording: Option<&Path>) -> Result<Mesh, MeshError> {
    let mut mesh = Mesh::new(settings);
    if let Some(path) = recording {
        recall(&mut mesh, path)?;
    }
    Ok(mesh)
}

fn recall(mesh: &mut Mesh, path: &Path) -> Result<(), MeshError> {
    let name: Arc<str> = path.to_string_lossy().into();
    let shown = for_people(&name);
    let bytes = fs::read(path).map_err(|source| MeshError::Unreadable {
        file: shown.clone(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| MeshError::NoText(shown.clone()))?;
    mesh.recall(&text, &name).map_err(|source| {
        let place = match source.position() {
            Some((line, column)) => format!("{shown}:{line}:{column}"),
            None => shown,
        };
        MeshError::Recording { place, source }
    })
}
