//! One run: what it reads, and the engine that judges it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use meshcheck_rules::yaml::{self, Document, Stream};
use meshcheck_rules::{Engine, Mesh, Object, Source};

use crate::parallel::in_order;
use crate::source::{Input, Texts};

/// One run.
pub struct Session<'i> {
    /// What is read, in the order of the names.
    pub inputs: &'i [Input],
    /// Their bytes.
    pub texts: Texts<'i>,
    /// The rules.
    pub engine: Engine,
    /// How to read.
    pub options: yaml::Options,
}

impl<'i> Session<'i> {
    /// A run over `inputs`.
    pub fn new(inputs: &'i [Input], engine: Engine, options: yaml::Options) -> Self {
        Self {
            inputs,
            texts: Texts::new(inputs, options.limits.bytes),
            engine,
            options,
        }
    }

    /// The first pass: adds the facts in all documents to what is known of the mesh.
    pub fn learn(&self, mut mesh: Mesh) -> Mesh {
        let work = |index| {
            // A file that breaks the reader breaks it again in the second pass, which reports it.
            catch_unwind(AssertUnwindSafe(|| self.with_facts(index))).unwrap_or_default()
        };
        in_order(self.inputs.len(), work, |index, documents| {
            for document in &documents {
                learn_document(&mut mesh, document, &self.inputs[index].place);
            }
        });
        mesh
    }

    /// The documents of one input that hold facts.
    fn with_facts(&self, index: usize) -> Vec<Document> {
        let Ok(bytes) = self.texts.get(index) else {
            return Vec::new(); // the second pass reports it
        };
        if !self.options.plain && !Mesh::may_learn_from_text(&bytes) {
            return Vec::new();
        }
        let mut documents = Vec::new();
        Stream::each(&bytes, &self.options, |_, document| {
            let objects = Object::all(&document.value);
            if objects.iter().any(Mesh::may_learn_from) {
                documents.push(document);
            }
        });
        documents
    }
}

fn learn_document(mesh: &mut Mesh, document: &Document, file: &Arc<str>) {
    let objects = Object::all(&document.value);
    for object in objects.iter().filter(|object| Mesh::may_learn_from(object)) {
        let source = Source::Document {
            file: Arc::clone(file),
            document: document.index,
            pointer: object.root.pointer(),
            title: object.title().into(),
        };
        mesh.learn(object, &source);
    }
}
