//! The ConfigMaps in which Istio keeps what it was installed with.

use crate::mesh::DEFAULT_REVISION;
use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

/// ConfigMaps, of which Istio's own are told by their names.
pub const CONFIG_MAP: ObjectKind = ObjectKind::new("", "ConfigMap", "configmaps");

/// One of Istio's ConfigMaps.
#[derive(Clone, Debug)]
pub struct ConfigMap<'a> {
    /// The revision that reads it.
    pub revision: &'a str,
    /// The document inside of it.
    pub content: Content<'a>,
}

/// The document inside of one of Istio's ConfigMaps.
#[derive(Clone, Debug)]
pub enum Content<'a> {
    /// `istio` or `istio-<revision>`: the mesh config.
    Mesh(Node<'a>),
    /// `istio-sidecar-injector` or with a revision: the values that the injector's templates read.
    Injector(Node<'a>),
}

impl<'a> ConfigMap<'a> {
    /// Reads one of Istio's ConfigMaps; `None` for any other, and for one whose document cannot be read.
    pub fn of(object: &Object<'a>, strings: &'a Strings) -> Option<Self> {
        let name = object.name.filter(|_| CONFIG_MAP.matches(object))?;
        let data = object.root.get_set("data")?;
        let document = |key: &str| data.get_set(key)?.document(strings)?.ok();
        let (revision, content) = match revision_in(name, "istio-sidecar-injector") {
            Some(revision) => (revision, Content::Injector(document("values")?)),
            None => (
                revision_in(name, "istio")?,
                Content::Mesh(document("mesh")?),
            ),
        };
        Some(Self { revision, content })
    }
}

/// The revision in `stem` or `stem-<revision>`.
fn revision_in<'a>(name: &'a str, stem: &str) -> Option<&'a str> {
    match name.strip_prefix(stem)? {
        "" => Some(DEFAULT_REVISION),
        rest => rest.strip_prefix('-'),
    }
}
