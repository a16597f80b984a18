//! Replaces a file by a new version of it: whole, or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

/// Held while a temporary file exists: an interrupt waits for it.
static WRITING: Mutex<()> = Mutex::new(());

/// The exit code of an interrupted program, as shells expect it.
const INTERRUPTED: i32 = 130;

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// Nobody may write it.
    #[error("the file is read-only")]
    ReadOnly,
    /// Somebody else wrote it meanwhile.
    #[error("the file changed while it was being checked")]
    Changed,
    /// The new version would belong to somebody else.
    #[error("the file's owner cannot be kept")]
    Owner(#[source] io::Error),
    /// The system would not have it.
    #[error("the file cannot be replaced: {0}")]
    System(#[from] io::Error),
}

/// Replaces the file at `path`, which holds `before`. Links are followed, mode and owner kept. At
/// every moment the file is either the old or the new one.
pub fn replace(path: &Path, before: &[u8], after: &[u8]) -> Result<(), ReplaceError> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let path = fs::canonicalize(path)?;
    let old = fs::metadata(&path)?;
    if old.permissions().readonly() {
        return Err(ReplaceError::ReadOnly);
    }
    if fs::read(&path)? != before {
        return Err(ReplaceError::Changed);
    }
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let mut new = tempfile::Builder::new()
        .prefix(".meshcheck-")
        .suffix(".tmp")
        .tempfile_in(&folder)?;
    new.write_all(after)?;
    keep_owner(&new, &old)?;
    new.as_file().set_permissions(old.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    // The rename itself is to outlive a crash; not every file system lets a folder be synced.
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(())
}

#[cfg(unix)]
fn keep_owner(new: &NamedTempFile, old: &Metadata) -> Result<(), ReplaceError> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let mine = new.as_file().metadata()?;
    if (mine.uid(), mine.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(new.as_file(), Some(old.uid()), Some(old.gid())).map_err(ReplaceError::Owner)
}

#[cfg(not(unix))]
fn keep_owner(_: &NamedTempFile, _: &Metadata) -> Result<(), ReplaceError> {
    Ok(())
}

/// From now on an interrupt ends the program between two files and never within one, so that no
/// temporary file stays behind.
pub fn end_between_files() {
    // Without a handler an interrupt still leaves every file whole, but may leave a temporary one.
    let _ = ctrlc::set_handler(|| {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        std::process::exit(INTERRUPTED);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        fs::write(&path, "theirs").expect("a file");
        let outcome = replace(&path, b"before", b"after");
        assert!(matches!(outcome, Err(ReplaceError::Changed)));
        assert_eq!(fs::read(&path).expect("the file"), b"theirs");
        let left: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
        assert_eq!(left.len(), 1);
    }
}
