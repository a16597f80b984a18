//! What is read: folders and files made by the generator, kept from run to run.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::service;

/// Where things are kept that need not be made again.
pub(crate) fn cache() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.filter(|path| path.is_absolute()).or_else(home);
    base.unwrap_or_else(env::temp_dir).join("meshcheck")
}

/// The manifests of Istio itself: all of them where they lie beside the project, else the ones that
/// the tests need.
pub(crate) fn corpus() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let whole = project.join("../shared/corpus");
    if whole.is_dir() {
        whole
    } else {
        project.join("tests/fixtures/corpus")
    }
}

/// Part of the name of everything that is made: raise it when the texts change.
const VERSION: u32 = 2;

/// Documents of one service.
pub(crate) const DOCUMENTS: usize = 2;

const SERVICES_PER_FOLDER: usize = 100;
const FOLDERS_PER_TEAM: usize = 10;

/// The same services in several forms.
pub(crate) struct Inputs {
    pub(crate) services: usize,
    /// A file for each service.
    pub(crate) folder: PathBuf,
    /// All services in one file.
    pub(crate) file: PathBuf,
    /// The same with every second document broken.
    pub(crate) broken: PathBuf,
}

impl Inputs {
    /// Makes what is not there yet.
    pub(crate) fn make(cache: &Path, services: usize) -> io::Result<Self> {
        let base = cache.join(format!("bench-v{VERSION}-{services}"));
        if !base.is_dir() {
            // Under another name until it is whole: the next run would trust a half one.
            let part = base.with_extension(std::process::id().to_string());
            fs::create_dir_all(&part)?;
            write_folder(&part.join("folder"), services)?;
            write_file(&part.join("all.yaml"), services, service::text)?;
            write_file(&part.join("broken.yaml"), services, broken)?;
            fs::rename(&part, &base)?;
        }
        Ok(Self {
            services,
            folder: base.join("folder"),
            file: base.join("all.yaml"),
            broken: base.join("broken.yaml"),
        })
    }
}

fn write_folder(root: &Path, services: usize) -> io::Result<()> {
    for index in 0..services {
        let folder = index / SERVICES_PER_FOLDER;
        let team = service::TEAMS[(folder / FOLDERS_PER_TEAM) % service::TEAMS.len()];
        let path = root.join(team).join(format!("area-{folder:03}"));
        if index % SERVICES_PER_FOLDER == 0 {
            fs::create_dir_all(&path)?;
        }
        let name = format!("service-{index:05}.yaml");
        fs::write(path.join(name), service::text(index))?;
    }
    Ok(())
}

fn write_file(path: &Path, services: usize, text: fn(usize) -> String) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for index in 0..services {
        if index > 0 {
            out.write_all(b"---\n")?;
        }
        out.write_all(text(index).as_bytes())?;
    }
    out.flush()
}

/// A service whose second document is no YAML.
fn broken(index: usize) -> String {
    format!("{}  - name: [https\n", service::text(index))
}
