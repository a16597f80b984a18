//! Installers that are recognised and not judged, but for what is known of their versions.

use super::release::InstallVersion;
use crate::istio::build::Stated;
use crate::istio::image::Vendor;
use crate::object::Object;
use crate::rule::ObjectKind;

/// OpenShift Service Mesh 2 and Maistra: its versions are its own, its settings are not the charts'.
pub(super) const SERVICE_MESH_CONTROL_PLANE: ObjectKind = ObjectKind::new(
    "maistra.io",
    "ServiceMeshControlPlane",
    "servicemeshcontrolplanes",
);

/// Kinds that install a mesh in ways that are not judged, with what they are.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "maistra.io",
        "ServiceMeshControlPlane",
        "OpenShift Service Mesh 2",
    ),
    ("istio.banzaicloud.io", "Istio", "Banzai Cloud's operator"),
    (
        "istio.banzaicloud.io",
        "RemoteIstio",
        "Banzai Cloud's operator",
    ),
    (
        "servicemesh.cisco.com",
        "IstioControlPlane",
        "Cisco's operator",
    ),
    ("operator.kyma-project.io", "Istio", "Kyma's operator"),
    ("sailoperator.io", "IstioRevisionTag", "the Sail operator"),
];

/// The installer of an object that is recognised and whose settings are not judged.
pub fn installer_of(object: &Object<'_>) -> Option<&'static str> {
    let group = object.group();
    KNOWN
        .iter()
        .find(|(known, kind, _)| *kind == object.kind && *known == group)
        .map(|(.., installer)| *installer)
}

/// The version that a `ServiceMeshControlPlane` states: `v2.6`, which is no version of Istio.
pub(super) fn versions<'a>(object: &Object<'a>) -> Vec<InstallVersion<'a>> {
    let node = object.root.at(&["spec", "version"]);
    let version = node.and_then(|node| {
        let text = node.str()?;
        Some(InstallVersion {
            chart: None,
            stated: Stated::of_tag(text, None),
            vendor: Some(Vendor::OpenShift),
            node,
        })
    });
    version.into_iter().collect()
}
