//! An object of the cluster as it is kept: its name and what is kept of it. The rest is dropped while it is
//! read, so that of a page of objects never more than one is whole in memory.

use std::borrow::Cow;
use std::fmt;

use kube::Resource;
use kube::core::{DynamicResourceScope, ObjectMeta};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

use super::Library;
use super::shelf::Shelf;

/// Where the API server has the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
}

impl Kind {
    /// As RBAC and `kubectl` name it: `nodes`, `deployments.apps`.
    pub(super) fn resource(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    pub(super) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// A kind that is watched. The items of a list do not say of which kind they are, so the type does.
pub(super) trait Watched: Send + Sync + 'static {
    const KIND: Kind;
    type Kept: Kept;
}

/// What is kept of an object.
pub(super) trait Kept: Clone + PartialEq + Send + Sync + 'static {
    /// What it means that a watch tells nothing.
    const STALE: &'static str;

    /// `None` for an object of which nothing is of use.
    fn of(object: &Value) -> Option<Self>;

    /// What is known has changed.
    fn has_changed(shelf: &Shelf<Self>, library: &Library);
}

/// An object, with what is kept of it.
pub(super) struct Seen<K: Watched> {
    /// Name, namespace, uid and version alone.
    metadata: ObjectMeta,
    pub(super) kept: Option<K::Kept>,
}

impl<K: Watched> Seen<K> {
    /// Namespace and name.
    pub(super) fn key(&self) -> Box<str> {
        let name = self.metadata.name.as_deref().unwrap_or_default();
        match &self.metadata.namespace {
            Some(namespace) => format!("{namespace}/{name}").into(),
            None => name.into(),
        }
    }
}

impl<'de, K: Watched> Deserialize<'de> for Seen<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(from)?;
        let members = value.as_object_mut();
        let members = members.ok_or_else(|| D::Error::custom("an object was expected"))?;
        let said = members.entry("kind");
        said.or_insert_with(|| K::KIND.kind.into());
        let said = members.entry("apiVersion");
        said.or_insert_with(|| K::KIND.api_version().into());
        let text = |key: &str| Some(value["metadata"][key].as_str()?.to_owned());
        let metadata = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        let kept = K::Kept::of(&value);
        Ok(Self { metadata, kept })
    }
}

impl<K: Watched> Resource for Seen<K> {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        K::KIND.kind.into()
    }

    fn group((): &()) -> Cow<'_, str> {
        K::KIND.group.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        K::KIND.version.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        K::KIND.plural.into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl<K: Watched> Clone for Seen<K> {
    fn clone(&self) -> Self {
        Self {
            metadata: self.metadata.clone(),
            kept: self.kept.clone(),
        }
    }
}

impl<K: Watched> fmt::Debug for Seen<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}
