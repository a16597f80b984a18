//! A file that may change while the server runs: it is read again and again. A watch would not do: a
//! ConfigMap volume changes by the swap of a symbolic link above the file, of which a watch on it
//! sees nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a file may hold.
pub trait Content: Sized {
    /// Why a file holds none.
    type Error: std::error::Error;

    /// Takes it out of what was read.
    fn take(path: &Path, read: io::Result<Vec<u8>>) -> Result<Self, Self::Error>;
}

/// A file that holds this.
#[derive(Debug)]
pub struct File<C> {
    path: PathBuf,
    seen: Option<u64>,
    content: PhantomData<C>,
}

impl<C: Content> File<C> {
    /// The file of this path, of which nothing is read yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            seen: None,
            content: PhantomData,
        }
    }

    /// What it holds to start with.
    pub fn first(&mut self) -> Result<C, C::Error> {
        self.seen = None;
        Ok(self.changed()?.expect("nothing was seen before"))
    }

    /// What it holds, if the file is not the one of the last call. What is wrong is told once.
    pub fn changed(&mut self) -> Result<Option<C>, C::Error> {
        let read = std::fs::read(&self.path);
        let print = fingerprint(&read);
        if self.seen.replace(print) == Some(print) {
            return Ok(None);
        }
        C::take(&self.path, read).map(Some)
    }

    /// A number for the text that was read last: the same text gives the same in every replica of a
    /// build.
    pub fn fingerprint(&self) -> u64 {
        self.seen.unwrap_or_default()
    }
}

fn fingerprint(read: &io::Result<Vec<u8>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match read {
        Ok(bytes) => bytes.hash(&mut hasher),
        Err(error) => error.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

/// Reads the file at an interval, for ever, and gives each change to `used`, with the fingerprint.
pub async fn follow<C: Content>(
    mut file: File<C>,
    every: Duration,
    used: impl Fn(Result<C, C::Error>, u64),
) {
    loop {
        tokio::time::sleep(every).await;
        match file.changed() {
            Ok(None) => {}
            Ok(Some(content)) => used(Ok(content), file.fingerprint()),
            Err(error) => used(Err(error), file.fingerprint()),
        }
    }
}
