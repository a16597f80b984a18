//! All installers but istioctl: which objects they are, and what is read from each.

use serde_json::Value;

use super::release::{InstallVersion, Release};
use super::{
    CHART_FILE, HELM_VALUES, ISTIO_OPERATOR, argo_cd, chart_file, flux, helmfile, k3s, kustomize,
    sail, vendors,
};
use crate::istio::values;
use crate::mesh::{Around, ChartSource};
use crate::object::{Object, Strings};
use crate::rule::ObjectKind;

/// Kinds from which an installer makes a mesh.
pub const INSTALLS: &[ObjectKind] = &[
    ISTIO_OPERATOR,
    sail::ISTIO,
    sail::ISTIO_REVISION,
    sail::ISTIO_CNI,
    sail::ZTUNNEL,
    argo_cd::APPLICATION,
    argo_cd::APPLICATION_SET,
    flux::HELM_RELEASE,
    flux::OCI_REPOSITORY,
    flux::HELM_CHART,
    flux::HELM_REPOSITORY,
    k3s::HELM_CHART,
    k3s::HELM_CHART_CONFIG,
    vendors::SERVICE_MESH_CONTROL_PLANE,
    kustomize::KUSTOMIZATION,
    helmfile::HELMFILE,
    CHART_FILE,
    HELM_VALUES,
];

/// What an installer's object says.
#[derive(Clone, Debug, Default)]
pub(super) struct Found<'a> {
    /// The charts that it installs.
    pub(super) releases: Vec<Release<'a>>,
    /// Versions that it states besides those of the charts.
    pub(super) versions: Vec<InstallVersion<'a>>,
}

/// Reads an object of one of these installers; `None` for any other, and for one that installs
/// nothing of Istio's.
pub(super) fn read<'a>(
    object: &Object<'a>,
    strings: &'a Strings,
    around: Option<&Around<'a>>,
) -> Option<Found<'a>> {
    let found = match object.group() {
        "sailoperator.io" => Found::of(sail::release(object)),
        "argoproj.io" => Found::of(argo_cd::releases(object, strings)),
        "helm.toolkit.fluxcd.io" => Found {
            versions: flux::images(object),
            ..Found::of(flux::release(object, around))
        },
        "source.toolkit.fluxcd.io" => Found::only(flux::versions(object, around)),
        "helm.cattle.io" => Found::of(k3s::release(object, strings, around)),
        "maistra.io" => Found::only(vendors::versions(object)),
        _ if kustomize::KUSTOMIZATION.matches(object) => Found {
            versions: kustomize::images(&object.root),
            ..Found::of(kustomize::releases(object))
        },
        _ if helmfile::HELMFILE.matches(object) => Found::of(helmfile::releases(object)),
        _ if CHART_FILE.matches(object) => Found::only(chart_file::versions(object)),
        _ if HELM_VALUES.matches(object) => Found::of(chart_file::values(object, around)),
        _ => return None,
    };
    let is_istios = flux::is_repository_of_istio(object);
    (is_istios || !found.releases.is_empty() || !found.versions.is_empty()).then_some(found)
}

impl<'a> Found<'a> {
    fn of(releases: impl IntoIterator<Item = Release<'a>>) -> Self {
        Self {
            releases: releases.into_iter().collect(),
            versions: Vec::new(),
        }
    }

    fn only(versions: Vec<InstallVersion<'a>>) -> Self {
        Self {
            releases: Vec::new(),
            versions,
        }
    }
}

/// `apiVersion` and kind of a document that states none, where it is one of an installer's files.
pub(crate) fn kindless(document: &Value) -> Option<(&'static str, &'static str)> {
    if chart_file::is_one(document) {
        Some(("", CHART_FILE.kind))
    } else if helmfile::is_one(document) {
        Some(("", helmfile::HELMFILE.kind))
    } else if kustomize::is_one(document) {
        // What kustomize takes it for.
        Some((
            "kustomize.config.k8s.io/v1beta1",
            kustomize::KUSTOMIZATION.kind,
        ))
    } else if values::hold_istio_values(document) {
        Some(("", HELM_VALUES.kind))
    } else {
        None
    }
}

/// The source of charts that an object is, for the releases that refer to it.
pub(crate) fn chart_source(object: &Object<'_>) -> Option<ChartSource> {
    flux::source(object).or_else(|| k3s::source(object))
}
