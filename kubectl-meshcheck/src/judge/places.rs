//! Where the facts stand that findings name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use meshcheck_rules::Source;
use meshcheck_rules::finding::{Location, Part, Pointer};
use meshcheck_rules::yaml::{Span, Stream};

use crate::report::Elsewhere;
use crate::session::Session;

/// Finds a fact's place when a finding asks for it, and remembers: thousands of findings may name
/// one `ConfigMap`.
pub(super) struct Places<'s> {
    session: &'s Session<'s>,
    by_place: OnceLock<HashMap<&'s str, usize>>,
    known: Mutex<HashMap<Source, Option<Arc<Elsewhere>>>>,
}

impl<'s> Places<'s> {
    pub(super) fn new(session: &'s Session<'s>) -> Self {
        Self {
            session,
            by_place: OnceLock::new(),
            known: Mutex::default(),
        }
    }

    /// The place of a fact; `None` for one that is in no document.
    pub(super) fn find(&self, source: &Source) -> Option<Arc<Elsewhere>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = known.get(source) {
            return place.clone();
        }
        let place = self.look_up(source).map(Arc::new);
        known.insert(source.clone(), place.clone());
        place
    }

    fn look_up(&self, source: &Source) -> Option<Elsewhere> {
        let Source::Document {
            file,
            document,
            pointer,
            ..
        } = source
        else {
            return None;
        };
        let index = *self.by_place().get(&**file)?;
        let pointer = pointer.join("metadata").join("name");
        Some(Elsewhere {
            file: Arc::clone(&self.session.inputs[index].name),
            document: *document,
            pointer: pointer.to_string(),
            span: self.span(index, *document, pointer),
        })
    }

    fn span(&self, index: usize, document: usize, pointer: Pointer) -> Option<(Span, String)> {
        let bytes = self.session.texts.get(index).ok()?;
        let stream = Stream::read(&bytes, &self.session.options);
        let document = stream.documents.iter().find(|d| d.index == document)?;
        let at = Location {
            pointer,
            part: Part::Whole,
            inner: None,
        };
        let spans = document.spans(&stream.text, &self.session.options);
        let span = spans.locate(&at).span;
        let line = crate::output::line_at(&stream.text, span.bytes.start);
        let text = stream.text.get(line)?.to_owned();
        Some((span, text))
    }

    fn by_place(&self) -> &HashMap<&'s str, usize> {
        self.by_place.get_or_init(|| {
            let inputs = self.session.inputs.iter().enumerate();
            inputs
                .map(|(index, input)| (&*input.place, index))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use meshcheck_rules::config::Policy;
    use meshcheck_rules::releases::Releases;
    use meshcheck_rules::{Engine, yaml};

    use super::*;
    use crate::source::Inputs;

    fn source(file: &str, document: usize) -> Source {
        Source::Document {
            file: file.into(),
            document,
            pointer: Pointer::root(),
            title: "ConfigMap/istio".into(),
        }
    }

    #[test]
    fn a_fact_is_found_by_its_file_and_document() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mesh.yaml");
        let text = "kind: Other\n---\nkind: ConfigMap\nmetadata:\n  name: istio\n";
        std::fs::write(&path, text).expect("a file");
        let inputs = Inputs::find([&PathBuf::from(&path)]);
        let date = jiff::civil::date(2026, 11, 22);
        let engine = Engine::new(date, Policy::default(), Releases::embedded());
        let session = Session::new(&inputs.found, engine, yaml::Options::default());
        let places = Places::new(&session);
        let file = path.to_str().expect("a path of text");

        let there = places.find(&source(file, 1)).expect("it is there");
        assert_eq!(&*there.file, file);
        assert_eq!(there.pointer, "/metadata/name");
        let (span, line) = there.span.as_ref().expect("a place");
        assert_eq!((span.start.line, span.start.column), (5, 3));
        assert_eq!(line, "  name: istio");
        // A file that holds less than it did has no such place, and says so by having none.
        let gone = places.find(&source(file, 7)).expect("the file is there");
        assert!(gone.span.is_none());
        assert!(places.find(&source("elsewhere.yaml", 0)).is_none());
        assert!(places.find(&Source::Setting("--istio-version")).is_none());
    }
}
