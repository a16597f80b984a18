//! What the rules would mend in real manifests can be mended in their text.

use std::fs;

use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::yaml::edit::{DocumentEdit, apply};
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Applicability, Engine, Mended, Mesh, Place};

use crate::law::{fixtures, keeps_comments, manifests};

#[test]
fn every_fix_in_the_corpus() {
    let as_of = "2026-11-22".parse().expect("a date");
    let engine = Engine::new(as_of, Policy::default(), Releases::embedded());
    let mesh = Mesh::new(Settings::default());
    let mut mended = 0;
    for path in manifests(&fixtures("corpus")) {
        let name = path.display().to_string();
        let stream = Stream::read(
            &fs::read(&path).expect("a listed file"),
            &Options::default(),
        );
        let plans: Vec<Mended> = stream
            .documents
            .iter()
            .map(|document| {
                let place = Place::file(&name);
                engine.mend(&document.value, &mesh, place, Applicability::Unsafe)
            })
            .collect();
        let edits: Vec<DocumentEdit<'_>> = stream
            .documents
            .iter()
            .zip(&plans)
            .filter(|(_, plan)| !plan.patch.0.is_empty())
            .map(|(document, plan)| DocumentEdit {
                document,
                patch: &plan.patch,
            })
            .collect();
        mended += edits.len();
        let edited = apply(&stream, &edits, &Options::default());
        assert!(edited.refused.is_empty(), "{name}: {:?}", edited.refused);
        let after = Stream::read(edited.text.as_bytes(), &Options::default());
        for (document, plan) in after.documents.iter().zip(&plans) {
            assert_eq!(document.value, plan.value, "{name}");
        }
        for edit in edits {
            keeps_comments(&stream, edit.document, edit.patch, &edited, &name);
        }
    }
    assert!(mended > 10, "only {mended} documents had something to mend");
}
