//! What manifests were before: another file, or another folder of the same layout.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use meshcheck_rules::config::Policy;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::update::{Before, State, Stored};
use meshcheck_rules::yaml::Stream;
use meshcheck_rules::{Engine, Mesh, Object, Place, Source};

use crate::judge::FileReport;
use crate::output::Render;
use crate::problem::Problem;
use crate::session::Session;
use crate::source::{Inputs, Unreadable, cleaned};

/// The state before a run, against which its objects are held.
#[derive(Debug)]
pub struct Since {
    state: State,
    old: Root,
    new: Vec<Root>,
}

/// A path of the command line, and the folder that it is.
#[derive(Debug)]
struct Root {
    path: Arc<str>,
}

impl Root {
    fn of(path: &Path) -> Self {
        let path = cleaned(&path.to_string_lossy());
        Self { path }
    }

    /// The path of a file below this; empty for the file itself.
    fn below<'p>(&self, place: &'p str) -> Option<&'p str> {
        match place.strip_prefix(&*self.path)? {
            "" => Some(""),
            // The folder in which one stands has no name in paths.
            rest if self.path.is_empty() => Some(rest),
            rest => rest
                .strip_prefix('/')
                .or_else(|| self.path.ends_with('/').then_some(rest)),
        }
    }
}

/// An object's own part of what was before.
pub struct Former<'s> {
    since: &'s Since,
    stored: Option<&'s Stored>,
    object: Option<Object<'s>>,
    place: String,
}

impl Since {
    /// Reads what was before as `session` reads what is, and hands over a report of each file that
    /// could not be read.
    pub fn read<'p>(
        old: &Path,
        new: impl IntoIterator<Item = &'p PathBuf>,
        session: &Session<'_>,
        render: &dyn Render,
        mut tell: impl FnMut(FileReport),
    ) -> Self {
        let inputs = Inputs::find([&old.to_path_buf()]);
        for unreadable in &inputs.unreadable {
            tell(FileReport::of(Problem::io(unreadable), render));
        }
        // No rule looks at what was there, only at what becomes of it.
        let on = session.engine.as_of();
        let engine = Engine::new(on, Policy::default(), Releases::embedded());
        let engine = engine.with_rules(Vec::new());
        let read = Session::new(&inputs.found, engine, session.options);
        let read = read.with_chart(session.chart);
        let mut since = Self {
            state: State::new(read.learn(Mesh::default())),
            old: Root::of(old),
            new: new.into_iter().map(|path| Root::of(path)).collect(),
        };
        for (index, input) in read.inputs.iter().enumerate() {
            match read.texts.take(index) {
                Ok(bytes) => since.learn(&read, index, &bytes, |problem| {
                    tell(FileReport::of(problem, render));
                }),
                Err(error) => {
                    let name = Arc::clone(&input.name);
                    let problem = Problem::io(&Unreadable { name, error });
                    tell(FileReport::of(problem, render));
                }
            }
        }
        since
    }

    fn learn(
        &mut self,
        session: &Session<'_>,
        index: usize,
        bytes: &[u8],
        mut tell: impl FnMut(Problem),
    ) {
        let input = &session.inputs[index];
        let below: Arc<str> = self.old.below(&input.place).unwrap_or_default().into();
        let stream = Stream::each(bytes, &session.options, |_, document| {
            let (place, document_index) = (session.place(index, document.index), document.index);
            self.state
                .add(document.value, place, &below, |object| Source::Document {
                    file: Arc::clone(&input.place),
                    document: document_index,
                    pointer: object.root.pointer(),
                    title: object.title().into(),
                });
        });
        for problem in &stream.problems {
            tell(Problem::read(&input.name, problem));
        }
    }

    /// What there was of an object, which stands at `place` now.
    pub fn of(&self, object: &Object<'_>, place: &str) -> Former<'_> {
        let below = self.new.iter().find_map(|root| root.below(place));
        let below = below.unwrap_or_default();
        let stored = self.state.replaced_by(object, below);
        let old = &self.old.path;
        Former {
            since: self,
            stored,
            object: stored.and_then(Stored::object),
            place: match (old.is_empty(), below.is_empty()) {
                (_, true) => old.to_string(),
                (true, false) => below.to_owned(),
                (false, false) => format!("{old}/{below}"),
            },
        }
    }
}

impl Former<'_> {
    /// For the engine.
    pub fn before(&self) -> Before<'_> {
        let source = self.stored.map(|stored| &stored.source);
        Before {
            object: self.object.as_ref().zip(source),
            mesh: Some((self.since.state.mesh(), Place::file(&self.place))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_from_its_root() {
        let below = |root: &str, place: &str| {
            let root = Root::of(Path::new(root));
            root.below(place).map(str::to_owned)
        };
        assert_eq!(below("old", "old/a/b.yaml").as_deref(), Some("a/b.yaml"));
        assert_eq!(below("./old/", "old/b.yaml").as_deref(), Some("b.yaml"));
        assert_eq!(below("old", "older/b.yaml"), None);
        assert_eq!(below("old.yaml", "old.yaml").as_deref(), Some(""));
        assert_eq!(below(".", "a/b.yaml").as_deref(), Some("a/b.yaml"));
        assert_eq!(below("/", "/a.yaml").as_deref(), Some("a.yaml"));
    }
}
