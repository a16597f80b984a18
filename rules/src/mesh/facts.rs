//! The facts that objects hold.

use crate::mesh::{Fact, Mesh, Source};
use crate::object::Object;

/// `defaultConfig` of a mesh config.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {}
/// Injector.
#[derive(Clone, Debug, PartialEq)]
pub struct Injector {}
/// Control plane.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPlane {}
/// Setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {}

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    matches!(object.kind, "Namespace")
}

pub(super) fn learn(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    if let ("Namespace", Some(name)) = (object.kind, object.name) {
        let labels = object
            .root
            .at(&["metadata", "labels"])
            .into_iter()
            .flat_map(|l| l.entries());
        let value = labels
            .filter_map(|(k, v)| Some((k.to_owned(), v.str()?.to_owned())))
            .collect();
        let fact = Fact {
            value,
            source: source.clone(),
        };
        mesh.namespaces
            .entry(name.to_owned())
            .or_default()
            .push(fact);
    }
}
