//! The files that tests read.

use std::fs;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

pub(super) fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join("yaml").join(name)).expect("a fixture")
}

/// Real manifests: the ones in the repository, and the larger set beside it, where there is one.
pub(super) fn manifests() -> Vec<(PathBuf, Vec<u8>)> {
    let mut folders = vec![
        fixtures().join("corpus"),
        fixtures().join("../../../shared/corpus"),
    ];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.extension().is_some_and(|e| e == "md" || e == "csv") {
                let bytes = fs::read(&path).expect("a file");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    assert!(found.len() > 40);
    found
}
