//! The ConfigMaps in which Istio keeps what it was installed with.

use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

/// ConfigMaps, of which Istio's own are told by their names.
pub const CONFIG_MAP: ObjectKind = ObjectKind::new("", "ConfigMap", "configmaps");

/// One of Istio's ConfigMaps, with the document inside of it.
#[derive(Clone, Debug)]
pub enum ConfigMap<'a> {
    /// `istio` or `istio-<revision>`: the mesh config.
    Mesh(Node<'a>),
    /// `istio-sidecar-injector` or with a revision: the values that the injector's templates read.
    Injector(Node<'a>),
}

impl<'a> ConfigMap<'a> {
    /// Reads one of Istio's ConfigMaps; `None` for any other, and for one whose document cannot be read.
    pub fn of(object: &Object<'a>, strings: &'a Strings) -> Option<Self> {
        if !CONFIG_MAP.matches(object) {
            return None;
        }
        let (name, data) = (object.name?, object.root.get_set("data")?);
        let document = |key: &str| data.get_set(key)?.document(strings)?.ok();
        if is_called(name, "istio-sidecar-injector") {
            return document("values").map(Self::Injector);
        }
        is_called(name, "istio")
            .then(|| document("mesh").map(Self::Mesh))
            .flatten()
    }
}

/// `stem`, or `stem-<revision>`.
fn is_called(name: &str, stem: &str) -> bool {
    let rest = name.strip_prefix(stem);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
