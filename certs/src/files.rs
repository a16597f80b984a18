//! A certificate from a directory, read again and again. A watch on the files would not do: a Secret
//! volume changes by the swap of a symbolic link above them, of which a watch on a file sees nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::pair::{Pair, PairError};
use crate::serving::Serving;
use crate::telemetry::Telemetry;

/// Tries to read both files between two swaps.
const READS: usize = 3;

/// Why a directory gives no certificate.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file is missing or cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The files hold no pair that can be served.
    #[error("{}: {source}", dir.display())]
    Pair {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: PairError,
    },
}

/// `tls.crt` and `tls.key` in a directory.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    seen: Option<u64>,
}

impl Files {
    /// The files of this directory, as the kubelet lays out a Secret of type `kubernetes.io/tls`.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            seen: None,
        }
    }

    /// The pair to start with.
    pub fn first(&mut self) -> Result<Pair, FilesError> {
        self.seen = None;
        Ok(self.changed()?.expect("nothing was seen before"))
    }

    /// The pair, if the files are not those of the last call.
    pub fn changed(&mut self) -> Result<Option<Pair>, FilesError> {
        let read = self.read();
        let print = fingerprint(&read);
        if self.seen.replace(print) == Some(print) {
            return Ok(None);
        }
        let (chain, key) = read?;
        Pair::from_pem(&chain, &key)
            .map(Some)
            .map_err(|source| self.refuse(source))
    }

    /// Both files of one generation: a certificate that is the same before and after the key was
    /// read has not been swapped in between.
    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), FilesError> {
        let mut chain = self.read_one("tls.crt")?;
        for _ in 0..READS {
            let key = self.read_one("tls.key")?;
            let again = self.read_one("tls.crt")?;
            if again == chain {
                return Ok((chain, key));
            }
            chain = again;
        }
        Ok((chain, self.read_one("tls.key")?))
    }

    fn read_one(&self, name: &str) -> Result<Vec<u8>, FilesError> {
        let path = self.dir.join(name);
        std::fs::read(&path).map_err(|source| FilesError::Read { path, source })
    }

    fn refuse(&self, source: PairError) -> FilesError {
        FilesError::Pair {
            dir: self.dir.clone(),
            source,
        }
    }
}

fn fingerprint(read: &Result<(Vec<u8>, Vec<u8>), FilesError>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match read {
        Ok(files) => files.hash(&mut hasher),
        Err(error) => error.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

/// Serves what the files hold, for ever. A pair that cannot be served is said once, and the old one
/// stays.
pub async fn follow(
    mut files: Files,
    serving: Arc<Serving>,
    telemetry: Arc<dyn Telemetry>,
    every: Duration,
) {
    loop {
        tokio::time::sleep(every).await;
        let changed = files.changed().and_then(|pair| {
            pair.map(Pair::valid_now)
                .transpose()
                .map_err(|source| files.refuse(source))
        });
        match changed {
            Ok(None) => {}
            Ok(Some(pair)) => {
                tracing::info!(certificate = %pair.certificate(), "serving a new certificate");
                telemetry.serves(&pair);
                serving.replace(pair);
                telemetry.reloaded(true);
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be served, keeping the old one");
                telemetry.reloaded(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Issued;
    use crate::self_signed::issue;

    fn write(dir: &Path, made: &Issued) {
        std::fs::write(dir.join("tls.crt"), &made.certificate).unwrap();
        std::fs::write(dir.join("tls.key"), &made.key).unwrap();
    }

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("meshcheck-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn sees_a_change_once() {
        let dir = folder("change");
        let mut files = Files::new(&dir);
        let error = files.changed().unwrap_err().to_string();
        assert!(error.contains("tls.crt: No such file"), "{error}");
        assert!(
            files.changed().unwrap().is_none(),
            "the same trouble is said once"
        );
        for _ in 0..2 {
            write(&dir, &issue(&["localhost"]).unwrap().1);
            assert!(files.changed().unwrap().unwrap().is_valid_now());
            assert!(files.changed().unwrap().is_none());
        }
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let dir = folder("misfit");
        let (one, other) = (issue(&["a"]).unwrap().1, issue(&["b"]).unwrap().1);
        for (chain, key, part) in [
            (&one.certificate, &other.key, "keys may not be consistent"),
            (&one.certificate, &String::new(), "tls.key: no items"),
            (&String::new(), &one.key, "tls.crt: no certificate"),
            (
                &one.certificate.replace("MII", "!!!"),
                &one.key,
                "tls.crt: ",
            ),
            (
                &one.certificate.replace("MII", "AAA"),
                &one.key,
                "certificate cannot be read",
            ),
        ] {
            std::fs::write(dir.join("tls.crt"), chain).unwrap();
            std::fs::write(dir.join("tls.key"), key).unwrap();
            let error = Files::new(&dir).changed().unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
            assert!(!error.contains("PRIVATE"), "{error}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
