//! Sail operator (group `sailoperator.io`), which is OpenShift Service Mesh 3 as well.
//!
//! `spec.values` are the charts' values, held to a schema: the API server drops what it does not know.
//! Without `spec.version` the operator takes its own newest, which nobody can see from here.

use serde_json::Value;

use super::release::{Chart, Home, InstallVersion, Layer, Release};
use super::values_in::Inline;
use crate::istio::build::Stated;
use crate::istio::image::{Image, Tag};
use crate::object::{Node, Object};
use crate::rule::ObjectKind;

const GROUP: &str = "sailoperator.io";

/// A control plane.
pub(super) const ISTIO: ObjectKind = ObjectKind::new(GROUP, "Istio", "istios");
/// One revision of it.
pub(super) const ISTIO_REVISION: ObjectKind =
    ObjectKind::new(GROUP, "IstioRevision", "istiorevisions");
/// The node agent.
pub(super) const ISTIO_CNI: ObjectKind = ObjectKind::new(GROUP, "IstioCNI", "istiocnis");
/// Ambient's proxy.
pub(super) const ZTUNNEL: ObjectKind = ObjectKind::new(GROUP, "ZTunnel", "ztunnels");

/// Members of `spec.values`. The schemas of all kinds of both versions of the group are no wider
/// (`api/v1/values_types.gen.go` of istio-ecosystem/sail-operator).
const ROOTS: &[&str] = &[
    "base",
    "cni",
    "compatibilityVersion",
    "defaultRevision",
    "experimental",
    "gatewayClasses",
    "global",
    "istiodRemote",
    "istio_cni",
    "meshConfig",
    "pilot",
    "profile",
    "revision",
    "revisionTags",
    "sidecarInjectorWebhook",
    "telemetry",
    "ztunnel",
];

/// The chart that it installs; `None` for kinds of other groups.
pub(super) fn release<'a>(object: &Object<'a>) -> Option<Release<'a>> {
    let charts = [
        (&ISTIO, Chart::Istiod),
        (&ISTIO_REVISION, Chart::Istiod),
        (&ISTIO_CNI, Chart::Cni),
        (&ZTUNNEL, Chart::Ztunnel),
    ];
    let (_, chart) = charts.into_iter().find(|(kind, _)| kind.matches(object))?;
    let root = &object.root;
    let spec = root.get_set("spec");
    let at = |key: &str| spec.as_ref().and_then(|spec| spec.get_set(key));
    let values = at("values").map_or(Inline::Absent, Inline::of);
    let spec_or_root = spec.as_ref().map_or_else(|| root.whole(), Node::key);
    let home = Home {
        is_dotted: false,
        at: values.key().unwrap_or(spec_or_root),
        add: (!values.is_unreadable()).then(|| (root.clone(), vec!["spec", "values"])),
    };
    Some(Release {
        version: at("version").and_then(|node| version(chart, node)),
        profile: at("profile"),
        roots: Some(ROOTS),
        layers: values.mapping().into_iter().map(Layer::Values).collect(),
        ..Release::new(chart, home)
    })
}

/// The revision that the operator gives to what an object installs: its name, with the version where
/// every version is one of its own.
pub(crate) fn revision(object: &Object<'_>) -> Option<String> {
    let name = object.name?;
    let spec = object.root.get_set("spec");
    let spec = |keys: &[&str]| spec.as_ref()?.at(keys)?.str().map(str::to_owned);
    let is_by_version = spec(&["updateStrategy", "type"]).as_deref() == Some("RevisionBased");
    if ISTIO_REVISION.matches(object) || ISTIO.matches(object) && !is_by_version {
        return Some(name.to_owned());
    }
    let version = spec(&["version"]).filter(|_| ISTIO.matches(object))?;
    Some(format!("{name}-{}", version.replace('.', "-")))
}

/// `v1.30.3`, `v1.30-latest` (the newest patch that the operator has), `master`, a pre-release.
fn version(chart: Chart, node: Node<'_>) -> Option<InstallVersion<'_>> {
    let Value::String(text) = node.value() else {
        return None;
    };
    let stated = match Tag::read(text) {
        _ if text.is_empty() => return None,
        _ if Image::is_template(text) => unknown(format!("`{text}` is filled in later")),
        Tag::Unreadable => unknown(format!("version `{text}` is whatever was built last")),
        read => Stated::Version(read, format!("version `{text}`")),
    };
    Some(InstallVersion {
        chart: Some(chart),
        node,
        stated,
        vendor: None,
    })
}

fn unknown(why: String) -> Stated {
    Stated::Unknown { why, hint: None }
}
