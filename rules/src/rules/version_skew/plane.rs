//! The control plane that a part of the data plane belongs to.

use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Related, RelatedPlace};
use crate::istio::args::{Variable, variable};
use crate::istio::gate::Reinjection;
use crate::istio::image::Component;
use crate::istio::version::Version;
use crate::istio::workload::{List, PodTemplate};
use crate::mesh::{ControlPlane, DEFAULT_REVISION, Enrolment, Known, Source};
use crate::object::Node;

use super::note;

/// A control plane, as far as a part has to fit it.
pub(super) struct Plane {
    /// `istiod 1.30.3 of revision canary`.
    pub(super) name: String,
    pub(super) version: Version,
    /// Where that is said.
    pub(super) told: Option<Related>,
}

/// What is known of a part's revision.
enum Revision {
    /// Its control plane is one that is not of this mesh.
    Elsewhere,
    /// This revision or tag.
    Named(String),
    /// Nothing says it.
    Unsaid,
}

/// The control planes that a part of the object may belong to; none where that is not known.
pub(super) fn planes(cx: &Context<'_>, component: Component) -> Vec<Plane> {
    let subject = cx.subject();
    if cx.reinjection() == Some(Reinjection::Replaces) {
        return Vec::new(); // its proxy will be another one
    }
    if let Some(istiod) = &subject.istiod {
        let own = subject.version_in(&istiod.container);
        let at = istiod.container.get("image");
        return own
            .into_iter()
            .map(|version| Plane {
                name: format!("istiod {version} of the same pod"),
                version,
                told: at.as_ref().map(|node| Related {
                    message: "istiod is here".to_owned(),
                    at: RelatedPlace::Here(node.as_value()),
                }),
            })
            .collect();
    }
    let Some(template) = &subject.template else {
        return Vec::new();
    };
    match (component, revision_of(cx, template)) {
        (_, Revision::Elsewhere) => Vec::new(),
        // One agent serves the pods of all revisions, and is upgraded behind the first of them.
        (Component::Cni, _) | (Component::Ztunnel, Revision::Unsaid) => newest(cx),
        (_, Revision::Named(name)) => of_revision(cx, cx.around.revision(&name))
            .into_iter()
            .collect(),
        (_, Revision::Unsaid) => all(cx),
    }
}

/// The revision of the istiod in the object itself.
pub(super) fn own_revision(cx: &Context<'_>) -> Option<String> {
    let own = crate::mesh::control_plane_in(cx.object, cx.subject())?;
    Some(own.revision)
}

fn of_revision(cx: &Context<'_>, revision: &str) -> Option<Plane> {
    match cx.around.control_plane(revision) {
        Known::Yes(plane, _) if plane.is_vendors => None,
        _ => match cx.around.istio_version(revision) {
            Known::Yes(version, source) => Some(Plane::new(revision, version, source)),
            Known::Disputed(..) | Known::No => None,
        },
    }
}

/// Every control plane that is known; the one of `--istio-version` where none is.
fn all(cx: &Context<'_>) -> Vec<Plane> {
    let known = cx.around.control_planes();
    if known.is_empty() {
        return of_revision(cx, DEFAULT_REVISION).into_iter().collect();
    }
    // One that states no version, or is a vendor's, may be the one: then nobody knows.
    let planes = known
        .into_iter()
        .map(|(plane, source)| of_plane(plane, source));
    planes.collect::<Option<Vec<_>>>().unwrap_or_default()
}

fn of_plane(plane: &ControlPlane, source: Source) -> Option<Plane> {
    let version = plane.version.filter(|_| !plane.is_vendors)?;
    Some(Plane::new(&plane.revision, version, source))
}

fn newest(cx: &Context<'_>) -> Vec<Plane> {
    let newest = all(cx).into_iter().max_by_key(|plane| plane.version);
    newest.into_iter().collect()
}

impl Plane {
    fn new(revision: &str, version: Version, source: Source) -> Self {
        let name = match revision {
            DEFAULT_REVISION => format!("istiod {version}"),
            revision => format!("istiod {version} of revision {revision}"),
        };
        Self {
            told: Some(note(&name, source)),
            name,
            version,
        }
    }
}

/// Whom a part asks, in this order: the address in it, what the injector left, the namespace's label,
/// its own label.
fn revision_of(cx: &Context<'_>, template: &PodTemplate<'_>) -> Revision {
    let lists = [List::Containers, List::InitContainers];
    let mut containers = lists.into_iter().flat_map(|list| template.containers(list));
    let address = containers.find_map(|container| address_in(&container));
    if let Some(address) = address {
        return revision_at(&address);
    }
    if let Some(revision) = injected_by(template) {
        return Revision::Named(revision);
    }
    if let Enrolment::In { revision, .. } = cx.enrolment() {
        return Revision::Named(revision.clone());
    }
    if let Known::Yes(labels, _) = cx.around.namespace_labels() {
        match (labels.get("istio-injection"), labels.get("istio.io/rev")) {
            (Some("enabled"), _) => return Revision::Named(DEFAULT_REVISION.to_owned()),
            (None, Some(name)) => return Revision::Named(name.to_owned()),
            _ => {}
        }
    }
    let own = cx.object.root.at(&["metadata", "labels"]);
    let label = template
        .label("istio.io/rev")
        .or_else(|| template.annotation_text("istio.io/rev"))
        .or_else(|| own.as_ref()?.str_at("istio.io/rev"));
    label.map_or(Revision::Unsaid, |name| Revision::Named(name.to_owned()))
}

/// `revision` in the injector's status annotation.
fn injected_by(template: &PodTemplate<'_>) -> Option<String> {
    let status = template.annotation_text("sidecar.istio.io/status")?;
    let status: Value = serde_json::from_str(status).ok()?;
    let revision = status.get("revision")?.as_str()?;
    (!revision.is_empty()).then(|| revision.to_owned())
}

/// The control plane's address in a proxy's environment.
fn address_in(container: &Node<'_>) -> Option<String> {
    let literal = |name: &str| match variable(container, name) {
        Variable::Literal(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    let config = literal("PROXY_CONFIG").and_then(|text| {
        let config: Value = serde_json::from_str(text).ok()?;
        Some(config.get("discoveryAddress")?.as_str()?.to_owned())
    });
    let addresses = ["XDS_ADDRESS", "CA_ADDRESS", "CA_ADDR"];
    config.or_else(|| {
        addresses
            .iter()
            .find_map(|name| Some(literal(name)?.to_owned()))
    })
}

/// `istiod.istio-system.svc:15012` is the default one's, `istiod-canary...` that of `canary`,
/// `istiod-revision-tag-prod...` that of a tag.
fn revision_at(address: &str) -> Revision {
    let host = address
        .trim_start_matches("https://")
        .split(['.', ':'])
        .next()
        .unwrap_or_default();
    let named = |name: &str| Revision::Named(name.to_owned());
    match host {
        "istiod" | "istio-pilot" => named(DEFAULT_REVISION),
        host => match host.strip_prefix("istiod-") {
            Some(rest) => named(rest.strip_prefix("revision-tag-").unwrap_or(rest)),
            None => Revision::Elsewhere,
        },
    }
}
