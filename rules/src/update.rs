//! What was there before: the object that an update replaces, and the mesh around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::finding::Pointer;
use crate::istio::Subject;
use crate::istio::install::Chart;
use crate::mesh::{Mesh, Place, Source};
use crate::object::{Object, Strings};

/// What was there before an object. All of it may be unknown: then the object is judged by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Before<'a> {
    /// The object that it replaces, and where that stands.
    pub object: Option<(&'a Object<'a>, &'a Source)>,
    /// The mesh that was there, and the place in it that is the object's.
    pub mesh: Option<(&'a Mesh, Place<'a>)>,
}

/// Whether what an object was before can matter to a rule: whether istiod runs in it, or it installs
/// one.
pub fn matters(object: &Object<'_>) -> bool {
    let strings = Strings::default();
    let subject = Subject::of(object, &strings);
    subject.istiod.is_some() || subject.install.is_some()
}

/// A state of all objects, against which another is held.
#[derive(Debug, Default)]
pub struct State {
    mesh: Mesh,
    objects: BTreeMap<Key, Vec<Stored>>,
}

/// Kind, namespace and name: what an object is recognised by.
type Key = (String, Option<String>, Option<String>);

/// An object of a [`State`].
#[derive(Debug)]
pub struct Stored {
    /// Where it stands.
    pub source: Source,
    /// Path of its file below the folder that was named; empty for a file that was named itself.
    below: Arc<str>,
    document: Arc<Value>,
    pointer: Pointer,
    chart: Option<Chart>,
}

impl Stored {
    /// The object.
    pub fn object(&self) -> Option<Object<'_>> {
        let place = Place::cluster().of_chart(self.chart);
        Object::at(&self.document, &self.pointer, place)
    }
}

impl State {
    /// A state without objects, of which this is known.
    pub fn new(mesh: Mesh) -> Self {
        Self {
            mesh,
            objects: BTreeMap::new(),
        }
    }

    /// What is known of its mesh.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Adds the objects of a document that was read at a place. `source` says where an object stands,
    /// `below` is the path of the file below the folder that was named.
    pub fn add(
        &mut self,
        document: Value,
        place: Place<'_>,
        below: &Arc<str>,
        source: impl Fn(&Object<'_>) -> Source,
    ) {
        let document = Arc::new(document);
        for object in self.mesh.objects(&document, place) {
            let strings = Strings::default();
            let around = self.mesh.around(&object, place);
            let subject = Subject::within(&object, &strings, &around);
            if subject.istiod.is_some() || subject.install.is_some() {
                let stored = Stored {
                    source: source(&object),
                    below: Arc::clone(below),
                    document: Arc::clone(&document),
                    pointer: object.root.pointer(),
                    chart: place.chart(),
                };
                self.objects.entry(key(&object)).or_default().push(stored);
            }
        }
    }

    /// The object that another one replaces: of the same kind, namespace and name, in the file of the
    /// same path where several are; `None` where that leaves more than one.
    pub fn replaced_by(&self, object: &Object<'_>, below: &str) -> Option<&Stored> {
        let all = self.objects.get(&key(object))?;
        let mut here = all.iter().filter(|stored| &*stored.below == below);
        match (here.next(), here.next(), all.as_slice()) {
            (Some(only), None, _) | (None, _, [only]) => Some(only),
            _ => None,
        }
    }
}

fn key(object: &Object<'_>) -> Key {
    (
        object.kind.to_owned(),
        object.namespace.map(str::to_owned),
        object.name.map(str::to_owned),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn istiod(namespace: &str, image: &str) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "istiod", "namespace": namespace},
            "spec": {"selector": {}, "template": {
                "metadata": {"labels": {"app": "istiod"}},
                "spec": {"containers": [{"name": "discovery", "image": image, "args": ["discovery"]}]},
            }},
        })
    }

    fn state(files: &[(&str, &str, &str)]) -> State {
        let mut state = State::default();
        for (below, namespace, image) in files {
            let value = istiod(namespace, image);
            let place = Place::file(below);
            state.add(value, place, &Arc::from(*below), |object| {
                Source::Document {
                    file: Arc::from(*below),
                    document: 0,
                    pointer: object.root.pointer(),
                    title: object.title().into(),
                }
            });
        }
        state
    }

    fn image_of(stored: Option<&Stored>) -> Option<String> {
        let object = stored?.object()?;
        let image = object
            .root
            .value()
            .pointer("/spec/template/spec/containers/0/image");
        Some(image?.as_str()?.to_owned())
    }

    #[test]
    fn objects_are_recognised_by_name_and_then_by_file() {
        let state = state(&[
            ("dev/istiod.yaml", "istio-system", "istio/pilot:1.28.0"),
            ("prod/istiod.yaml", "istio-system", "istio/pilot:1.29.0"),
            ("other.yaml", "other", "istio/pilot:1.30.0"),
        ]);
        let value = istiod("istio-system", "istio/pilot:1.31.1");
        let object = &Object::all(&value)[0];
        let found = |below| image_of(state.replaced_by(object, below));
        assert_eq!(
            found("prod/istiod.yaml").as_deref(),
            Some("istio/pilot:1.29.0")
        );
        assert_eq!(
            found("dev/istiod.yaml").as_deref(),
            Some("istio/pilot:1.28.0")
        );
        assert_eq!(found("moved.yaml"), None, "there are two");
        let value = istiod("other", "istio/pilot:1.31.1");
        let object = &Object::all(&value)[0];
        let moved = image_of(state.replaced_by(object, "moved.yaml"));
        assert_eq!(moved.as_deref(), Some("istio/pilot:1.30.0"));
    }
}
