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
