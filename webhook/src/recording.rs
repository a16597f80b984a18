//! What is known of the mesh before the cluster is asked: options, and a recording.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use meshcheck_rules::Mesh;
use meshcheck_rules::mesh::{RecordingError, Settings};

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// It cannot be read.
    #[error("mesh {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no recording, or a broken one.
    #[error("mesh {}{}: {source}", path.display(), place(source))]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordingError,
    },
}

fn place(error: &RecordingError) -> String {
    let position = error.position();
    position.map_or_else(String::new, |(line, column)| {
        format!(" line {line} column {column}")
    })
}

/// The mesh as far as options and a recording say.
pub fn mesh(settings: Settings, recording: Option<&Path>) -> Result<Mesh, MeshError> {
    let mut mesh = Mesh::new(settings);
    let Some(path) = recording else {
        return Ok(mesh);
    };
    let text = fs::read_to_string(path).map_err(|source| MeshError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let name = path.to_string_lossy().into();
    mesh.recall(&text, &name)
        .map_err(|source| MeshError::Recording {
            path: path.to_owned(),
            source,
        })?;
    Ok(mesh)
}
