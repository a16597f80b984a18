//! Files from which an installer makes a mesh: what each of them installs, and what will run then.
//!
//! A reader for each kind of file gives [`Release`]s: a chart, its version, the layers of its values. From
//! a release of istiod's chart follows a [`Plane`]: istiod as it is going to run.

use crate::finding::Pointer;
use crate::istio::build::Stated;
use crate::istio::image::Image;
use crate::istio::version::{Minor, Version};
use crate::mesh::Around;
use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

pub use chart_file::{CHART_FILE, Dependency};
pub use installers::INSTALLS;
pub use operator::{Mistake, Refusal};
pub use plane::{Plane, Rendered};
pub use release::{
    Addition, Chart, Home, InstallVersion, Layer, Parameter, Reading, Release, Unseen,
};
pub use traced::Traced;
pub use values::{Effective, Refused};
pub use vendors::installer_of;

pub(crate) use chart_file::dependencies;
pub(crate) use installers::{chart_source, kindless};
pub(crate) use plane::READS_EXTRA_ARGS;
pub(crate) use sail::revision as sail_revision;
pub(crate) use values::{DEFAULTS, INTERNAL, READS_ROOT};

mod argo_cd;
pub(crate) mod chart_file;
mod chart_version;
mod flux;
pub(crate) mod helmfile;
mod images;
mod installers;
mod k3s;
mod kustomize;
mod operator;
mod overlay;
mod plane;
mod profile;
mod release;
mod repository;
mod sail;
mod traced;
mod values;
mod values_file;
mod values_in;
mod vendors;

/// `IstioOperator`, in the cluster or as a file for istioctl.
pub const ISTIO_OPERATOR: ObjectKind =
    ObjectKind::new("install.istio.io", "IstioOperator", "istiooperators");
/// A file of Helm values, which no API server sees.
pub const HELM_VALUES: ObjectKind = ObjectKind::new("", "", "");

/// The newest chart with which what is said here was compared.
const NEWEST_CHART: Version = Version {
    minor: Minor::one(31),
    patch: None,
};

/// What a file installs.
#[derive(Debug)]
pub struct Install<'a> {
    /// The charts that it installs.
    pub releases: Vec<Release<'a>>,
    /// The versions that it states.
    pub versions: Vec<InstallVersion<'a>>,
    /// What its installer refuses: then nothing is installed.
    pub refusals: Vec<Refusal<'a>>,
}

/// What becomes of the releases of istiod's chart in a file.
#[derive(Debug, Default)]
pub struct Running<'a> {
    /// The istiods that will run.
    pub planes: Vec<Plane<'a>>,
    /// What the chart refuses, and of which version it is: then nothing is installed.
    pub refused: Vec<(ChartVersion, Refused<'a>)>,
}

/// What is known of an installer's file besides what it says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// `--istio-version`.
    pub istio: Option<Version>,
    /// The newest version that is supported on the date.
    pub newest: Option<Version>,
}

/// The version of a chart, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartVersion {
    /// The version.
    pub version: Version,
    /// Who says so.
    pub said: Said,
}

/// Who says which version a chart has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The installer's file.
    File,
    /// The tag of the image in its values.
    Tag,
    /// `--istio-version`.
    Option,
    /// Nobody: the newest supported is taken.
    Nobody,
}

impl ChartVersion {
    /// `1.31`, and that it is only assumed, for messages.
    pub fn told(&self) -> String {
        let minor = self.version.minor;
        match self.said {
            Said::File | Said::Tag | Said::Option => minor.to_string(),
            Said::Nobody => format!("{minor} (assumed: --istio-version says which)"),
        }
    }

    /// The version of a release's chart.
    fn of(release: &Release<'_>, given: Given) -> Self {
        let stated = release
            .version
            .as_ref()
            .and_then(|stated| stated.stated.version());
        let tag = || images::tag_version(release);
        let known = [
            (stated.or(release.known), Said::File),
            (given.istio.filter(|_| release.is_named), Said::Option),
            (tag(), Said::Tag),
            (given.istio, Said::Option),
            (given.newest, Said::Nobody),
        ];
        let mut known = known
            .into_iter()
            .filter_map(|(version, said)| Some((version?, said)));
        let (version, said) = known.next().unwrap_or((NEWEST_CHART, Said::Nobody));
        Self { version, said }
    }
}

impl<'a> Install<'a> {
    /// Reads an installer's file; `None` for anything else.
    pub fn of(
        object: &Object<'a>,
        strings: &'a Strings,
        around: Option<&Around<'a>>,
    ) -> Option<Self> {
        if ISTIO_OPERATOR.matches(object) {
            Some(operator::read(object))
        } else if let Some(found) = installers::read(object, strings, around) {
            Some(Self::found(found))
        } else {
            HELM_VALUES
                .matches(object)
                .then(|| Self::from_releases(values_file::read(object)))
        }
    }

    fn found(found: installers::Found<'a>) -> Self {
        let mut install = Self::from_releases(found.releases);
        install.versions.extend(found.versions);
        install
    }

    /// What these releases install.
    fn from_releases(releases: Vec<Release<'a>>) -> Self {
        Self {
            versions: stated(&releases),
            refusals: releases
                .iter()
                .filter_map(|release| release.refusal.clone())
                .collect(),
            releases,
        }
    }

    /// Whether its installer refuses what it says of the connection age.
    pub fn refuses_age(&self) -> bool {
        self.refusals
            .iter()
            .any(|refusal| refusal.mistake == Mistake::Age)
    }

    /// Whether its installer refuses a key that was meant to be the connection age.
    pub fn refuses_key(&self) -> bool {
        self.refusals
            .iter()
            .any(|refusal| refusal.mistake == Mistake::Key)
    }

    /// Whether its installer refuses what stands at this place, or what it stands in.
    pub fn refuses(&self, at: &Pointer) -> bool {
        self.refusals
            .iter()
            .any(|refusal| at.is_within(&refusal.node.pointer()))
    }

    /// Whether its installer refuses arguments that this istiod would get.
    pub fn refuses_arguments(&self, plane: &Plane<'_>) -> bool {
        let lists = self
            .refusals
            .iter()
            .flat_map(|refusal| refusal.node.elements());
        lists.into_iter().any(|item| plane.deployment.uses(&item))
    }

    /// Every istiod that it is going to run, or would, if its installer refused nothing.
    pub fn run(&self, given: Given, strings: &'a Strings) -> Running<'a> {
        let mut running = Running::default();
        let istiods = self
            .releases
            .iter()
            .filter(|release| release.chart == Chart::Istiod && release.refusal.is_none());
        for release in istiods {
            let chart = ChartVersion::of(release, given);
            match Plane::of(release, chart, strings) {
                Ok(plane) => running.planes.extend(plane),
                Err(refused) => running.refused.push((chart, refused)),
            }
        }
        running
    }
}

/// The versions that releases state, each field once: the `global` of several charts is one.
fn stated<'a>(releases: &[Release<'a>]) -> Vec<InstallVersion<'a>> {
    let mut all: Vec<InstallVersion<'a>> = Vec::new();
    for version in releases.iter().flat_map(images::versions) {
        let is_told =
            |known: &InstallVersion<'_>| std::ptr::eq(known.node.value(), version.node.value());
        if !all.iter().any(is_told) {
            all.push(version);
        }
    }
    all
}

/// A version as it stands in a field; `None` where the field says nothing.
pub(crate) fn version<'a>(node: Node<'a>, hub: &str) -> Option<InstallVersion<'a>> {
    let text = Traced::of_node(&node);
    let text = text.members().is_none().then(|| text.text())?;
    if text.is_empty() {
        return None;
    }
    let vendor = Image::parse(&format!("{hub}/pilot:{text}")).vendor();
    Some(InstallVersion {
        chart: None,
        node,
        stated: Stated::of_tag(&text, None),
        vendor,
    })
}
