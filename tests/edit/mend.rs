use kubectl_meshcheck::edit::*;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{
    Object, config::Policy, engine::Engine, finding::Applicability, mesh::*, releases::Releases,
};
use std::fs;

fn walk(p: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
    for e in fs::read_dir(p).unwrap() {
        let p = e.unwrap().path();
        if p.is_dir() {
            walk(&p, out)
        } else {
            out.push(p)
        }
    }
}

#[test]
fn mend_corpus() {
    let o = Options::default();
    let engine = Engine::new(
        "2026-11-22".parse().unwrap(),
        Policy::default(),
        Releases::embedded().clone(),
    );
    let mut files = vec![];
    walk("/work/shared/corpus".as_ref(), &mut files);
    files.sort();
    let (mut n, mut refused) = (0, 0);
    for f in files {
        if f.extension().is_some_and(|e| e == "md" || e == "csv") {
            continue;
        }
        let s = Stream::read(&fs::read(&f).unwrap(), &o);
        let mut mesh = Mesh::new(Settings::default());
        for d in &s.documents {
            for ob in Object::all(&d.value) {
                mesh.learn(
                    &ob,
                    &Source::Document {
                        file: f.to_str().unwrap().into(),
                        document: d.index,
                        pointer: meshcheck_rules::Pointer::root(),
                        title: String::new(),
                    },
                );
            }
        }
        let mended: Vec<_> = s
            .documents
            .iter()
            .map(|d| {
                engine.mend(
                    &d.value,
                    &mesh,
                    Place::file(f.to_str().unwrap()),
                    Applicability::Unsafe,
                )
            })
            .collect();
        let edits: Vec<_> = s
            .documents
            .iter()
            .zip(&mended)
            .filter(|(_, m)| !m.patch.0.is_empty())
            .map(|(d, m)| DocumentEdit {
                document: d,
                patch: &m.patch,
            })
            .collect();
        if edits.is_empty() {
            continue;
        }
        n += edits.len();
        let e = apply(&s, &edits, &o);
        refused += e.refused.len();
        for r in &e.refused {
            println!("REFUSED {} {} {}", f.display(), r.document, r.reason);
        }
        print!("{}", unified_diff(f.to_str().unwrap(), &s.text, &e.text));
    }
    println!("edits {n} refused {refused}");
}
