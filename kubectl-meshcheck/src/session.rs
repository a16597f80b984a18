//! One run: what it reads, and the engine that judges it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use meshcheck_rules::istio::install::Chart;
use meshcheck_rules::yaml::{self, Document, Stream};
use meshcheck_rules::{Engine, Mesh, Object, Place, Source};

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
    /// The chart whose values are in the files that are named (`--chart`).
    pub chart: Option<Chart>,
}

impl<'i> Session<'i> {
    /// A run over `inputs`.
    pub fn new(inputs: &'i [Input], engine: Engine, options: yaml::Options) -> Self {
        Self {
            inputs,
            texts: Texts::new(inputs, options.limits.bytes),
            engine,
            options,
            chart: None,
        }
    }

    /// The same, with the chart whose values are in the files that are named.
    #[must_use]
    pub fn with_chart(self, chart: Option<Chart>) -> Self {
        Self { chart, ..self }
    }

    /// Where the objects of one document are. Of a file of values Helm reads only the first document.
    pub fn place(&self, index: usize, document: usize) -> Place<'i> {
        let input = &self.inputs[index];
        let chart = self.chart.filter(|_| input.is_named && document == 0);
        Place::file(&input.place).of_chart(chart)
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
