//! The facts that installers' files hold: the mesh as it is going to be.
//!
//! What a file does not say is known only where it is all that its installer sees.

use serde_json::{Value, json};

use super::learn;
use super::{ControlPlane, DEFAULT_REVISION, Injector, Mesh, MeshConfig, Setting, Source};
use crate::istio::Subject;
use crate::istio::hold::Hold;
use crate::istio::install::{Given, INSTALLS, Plane, Said, Traced, sail_revision};
use crate::object::{Object, Strings};

/// Words of which at least one stands in every text that holds such a fact.
pub(super) const WORDS: &[&str] = &[
    "IstioOperator",
    "sailoperator.io",
    "istiod",
    "meshConfig",
    "holdApplicationUntilProxyStarts",
];

pub(super) fn may_hold(object: &Object<'_>) -> bool {
    INSTALLS.iter().any(|kind| kind.matches(object))
}

pub(super) fn learn(mesh: &mut Mesh, object: &Object<'_>, source: &Source) {
    if !may_hold(object) {
        return;
    }
    let strings = Strings::default();
    let given = Given {
        istio: mesh.settings.istio,
        newest: None,
    };
    let subject = Subject::of(object, &strings).given(given);
    let is_refused = subject
        .install
        .as_ref()
        .is_some_and(|install| !install.refusals.is_empty());
    if is_refused {
        return;
    }
    for plane in subject.planes() {
        let planned = Planned::of(object, plane);
        if let Some(fact) = planned.control_plane() {
            mesh.put(fact, source, true);
        }
        if let Some(fact) = planned.mesh_config() {
            mesh.put(fact, source, true);
        }
        if let Some(fact) = planned.injector() {
            mesh.put(fact, source, true);
        }
    }
}

/// A control plane that an installer is going to run.
struct Planned<'p, 'a> {
    plane: &'p Plane<'a>,
    revision: String,
    /// Whether what the file does not say is known to be the default.
    is_whole: bool,
}

impl<'p, 'a> Planned<'p, 'a> {
    fn of(object: &Object<'_>, plane: &'p Plane<'a>) -> Self {
        let revision = plane.values.root().get("revision").map(Traced::text);
        let revision = sail_revision(object).or(revision);
        let revision = revision.filter(|revision| !revision.is_empty());
        let release = &plane.release;
        Self {
            plane,
            revision: revision.unwrap_or_else(|| DEFAULT_REVISION.to_owned()),
            is_whole: release.unseen.is_nothing() && !release.is_vendors,
        }
    }

    fn control_plane(&self) -> Option<ControlPlane> {
        let plane = self.plane;
        let container = plane.deployment.container()?;
        let is_stated = matches!(plane.chart.said, Said::File | Said::Tag);
        let native_sidecars = match learn::setting(&container, "ENABLE_NATIVE_SIDECARS") {
            Setting::Unset if !self.is_whole => Setting::Unknown,
            setting => setting,
        };
        let says_something = self.is_whole || is_stated;
        says_something.then(|| ControlPlane {
            revision: self.revision.clone(),
            version: is_stated.then(|| plane.version()),
            is_vendors: plane.release.is_vendors,
            native_sidecars,
        })
    }

    fn mesh_config(&self) -> Option<MeshConfig> {
        let config = self.plane.values.root().get("meshConfig");
        let config = config.map(Traced::value).unwrap_or_default();
        let read = learn::mesh_config(&self.revision, &config);
        (self.is_whole || read.hold != Hold::Absent).then_some(read)
    }

    fn injector(&self) -> Option<Injector> {
        let root = self.plane.values.root();
        let member = |keys: &[&str]| root.at(keys).map(Traced::value).unwrap_or_default();
        let values = json!({
            "global": member(&["global"]),
            "sidecarInjectorWebhook": member(&["sidecarInjectorWebhook"]),
        });
        let webhook = |key: &str| member(&["sidecarInjectorWebhook", key]);
        let policy = match member(&["global", "proxy", "autoInject"]) {
            Value::Null => json!("enabled"),
            said => said,
        };
        let config = json!({
            "policy": policy,
            "neverInjectSelector": webhook("neverInjectSelector"),
            "alwaysInjectSelector": webhook("alwaysInjectSelector"),
            "defaultTemplates": webhook("defaultTemplates"),
        });
        let read = learn::injector(&self.revision, &values, &config);
        (self.is_whole || read.hold == Some(true)).then_some(read)
    }
}
