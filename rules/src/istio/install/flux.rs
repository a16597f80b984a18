//! Flux: `HelmRelease`, and the sources from which it takes charts.
//!
//! Values as helm-controller composes them: `valuesFrom` in its order, then `values`, then the entries of
//! `valuesFrom` with a `targetPath` on top of all.

use super::chart_version;
use super::release::{Home, InstallVersion, Layer, Release, Unseen};
use super::repository::{Origin, Publisher};
use super::values_in::Inline;
use crate::istio::args::AGE;
use crate::istio::image::Tag;
use crate::istio::version::Version;
use crate::mesh::{Around, ChartSource};
use crate::object::{Node, Object};
use crate::rule::ObjectKind;

const SOURCES: &str = "source.toolkit.fluxcd.io";

/// A release.
pub(super) const HELM_RELEASE: ObjectKind =
    ObjectKind::new("helm.toolkit.fluxcd.io", "HelmRelease", "helmreleases");
/// A chart as an OCI artifact.
pub(super) const OCI_REPOSITORY: ObjectKind =
    ObjectKind::new(SOURCES, "OCIRepository", "ocirepositories");
/// A repository of charts.
pub(super) const HELM_REPOSITORY: ObjectKind =
    ObjectKind::new(SOURCES, "HelmRepository", "helmrepositories");
/// A chart of a repository.
pub(super) const HELM_CHART: ObjectKind = ObjectKind::new(SOURCES, "HelmChart", "helmcharts");

/// What a release refers to.
struct Reference<'a> {
    kind: &'a str,
    name: &'a str,
    namespace: Option<&'a str>,
}

/// Which chart of Istio's.
struct Chosen<'a> {
    origin: Origin,
    /// Its version, where the release states one.
    version: Option<InstallVersion<'a>>,
    /// Its version, where the source does.
    known: Option<Version>,
}

/// The chart that a `HelmRelease` installs.
pub(super) fn release<'a>(object: &Object<'a>, around: Option<&Around<'a>>) -> Option<Release<'a>> {
    let spec = object.root.get_set("spec")?;
    let chosen = chosen(&spec, object, around)?;
    let values = spec.get_set("values").map_or(Inline::Absent, Inline::of);
    let home = Home {
        is_dotted: false,
        at: values.key().unwrap_or_else(|| spec.key()),
        add: (!values.is_unreadable()).then(|| (spec.clone(), vec!["values"])),
    };
    Some(Release {
        version: chosen.version,
        known: chosen.known,
        layers: values.mapping().into_iter().map(Layer::Values).collect(),
        unseen: unseen(&spec, &values),
        ..chosen.origin.release(home)
    })
}

fn unseen(spec: &Node<'_>, values: &Inline<'_>) -> Unseen {
    let is_targeted = |item: &Node<'_>| {
        let path = item.str_at("targetPath");
        path.is_some_and(|path| !path.is_empty())
    };
    let mut unseen = Unseen {
        weaker: false,
        stronger: values.is_unreadable() || touches_istiod(spec),
    };
    for item in spec.items("valuesFrom") {
        if is_targeted(&item) {
            unseen.stronger = true;
        } else {
            unseen.weaker = true;
        }
    }
    let chart = spec.at(&["chart", "spec"]);
    unseen.weaker |= chart.is_some_and(|chart| {
        chart.items("valuesFiles").next().is_some() || chart.get_set("valuesFile").is_some()
    });
    unseen
}

fn chosen<'a>(
    spec: &Node<'a>,
    object: &Object<'a>,
    around: Option<&Around<'a>>,
) -> Option<Chosen<'a>> {
    if let Some(reference) = spec.get_set("chartRef") {
        let reference = Reference::of(&reference, object)?;
        let (origin, known) = reference.chart(around)?;
        return Some(Chosen {
            origin,
            version: None,
            known,
        });
    }
    let chart = spec.at(&["chart", "spec"])?;
    let name = chart.str_at("chart")?;
    let source = chart.get_set("sourceRef");
    let source = source.and_then(|source| Reference::of(&source, object));
    let origin = origin(name, source.as_ref(), around)?;
    let version = chart.get_set("version").filter(|_| !origin.is_source);
    Some(Chosen {
        origin,
        version: version.and_then(|node| chart_version::of_chart(node, origin)),
        known: None,
    })
}

/// The chart of this name in a source. A source that was not read is known by its name alone.
fn origin(
    name: &str,
    source: Option<&Reference<'_>>,
    around: Option<&Around<'_>>,
) -> Option<Origin> {
    let Some(source) = source else {
        return Origin::of(name, None);
    };
    match source.look_up(around) {
        Some(ChartSource::Repository { url }) if source.kind == "GitRepository" => {
            Origin::of_folder(name, url)
        }
        Some(ChartSource::Repository { url }) => Origin::of(name, Some(url)),
        _ if source.kind == "GitRepository" => Origin::of_folder(name, ""),
        _ => Origin::of_named(name, source.name),
    }
}

impl<'a> Reference<'a> {
    /// Without a namespace the object's own is meant.
    fn of(node: &Node<'a>, object: &Object<'a>) -> Option<Self> {
        Some(Self {
            kind: node.str_at("kind")?,
            name: node.str_at("name")?,
            namespace: node.str_at("namespace").or(object.namespace),
        })
    }

    fn look_up<'m>(&self, around: Option<&Around<'m>>) -> Option<&'m ChartSource> {
        let kind = format!("{}.{SOURCES}", self.kind);
        around?.chart_source(&kind, self.name, self.namespace)
    }

    /// The chart that a release refers to as a whole, and its version.
    fn chart(&self, around: Option<&Around<'_>>) -> Option<(Origin, Option<Version>)> {
        match self.look_up(around) {
            Some(ChartSource::Artifact { url, version }) => {
                Some((Origin::of_artifact(url)?, *version))
            }
            Some(ChartSource::Chart {
                chart,
                source: (kind, name),
                version,
            }) => {
                let source = Reference {
                    kind,
                    name,
                    namespace: self.namespace,
                };
                Some((origin(chart, Some(&source), around)?, *version))
            }
            Some(_) => None,
            // An artifact is mostly called like its chart.
            None => Some((Origin::of(self.name, None)?, None)),
        }
    }
}

/// Whether a patch of the rendered objects speaks of istiod's arguments.
fn touches_istiod(spec: &Node<'_>) -> bool {
    spec.items("postRenderers").any(|renderer| {
        let kustomize = renderer.get_set("kustomize");
        kustomize.is_some_and(|kustomize| {
            let text = kustomize.value().to_string();
            text.contains(AGE) || (text.contains("istiod") && text.contains("args"))
        })
    })
}

/// Versions that a source of charts states: of an OCI artifact or a chart of Istio's.
pub(super) fn versions<'a>(
    object: &Object<'a>,
    around: Option<&Around<'a>>,
) -> Vec<InstallVersion<'a>> {
    let Some(spec) = object.root.get_set("spec") else {
        return Vec::new();
    };
    let found = if OCI_REPOSITORY.matches(object) {
        artifact(&spec)
    } else if HELM_CHART.matches(object) {
        let source = spec.get_set("sourceRef");
        let source = source.and_then(|source| Reference::of(&source, object));
        let name = spec.str_at("chart").unwrap_or_default();
        origin(name, source.as_ref(), around)
            .filter(|origin| !origin.is_source)
            .and_then(|origin| chart_version::of_chart(spec.get_set("version")?, origin))
    } else {
        None
    };
    found.into_iter().collect()
}

/// Whether it is a repository of Istio's own charts.
pub(super) fn is_repository_of_istio(object: &Object<'_>) -> bool {
    let url = object.root.at(&["spec", "url"]);
    HELM_REPOSITORY.matches(object)
        && url
            .and_then(|url| url.str())
            .is_some_and(|url| Publisher::at(url) == Publisher::Istio)
}

/// A digest wins over a range, a range over a tag; without any of them it is `latest`.
fn artifact<'a>(spec: &Node<'a>) -> Option<InstallVersion<'a>> {
    let origin = Origin::of_artifact(spec.str_at("url")?)?;
    let reference = spec.get_set("ref")?;
    if reference.get_set("digest").is_some() {
        return None;
    }
    let node = reference
        .get_set("semver")
        .or_else(|| reference.get_set("tag"))?;
    chart_version::of_chart(node, origin)
}

/// Versions in the images that post-renderers put in the place of the chart's.
pub(super) fn images<'a>(object: &Object<'a>) -> Vec<InstallVersion<'a>> {
    let spec = object.root.get_set("spec");
    let renderers = spec.iter().flat_map(|spec| spec.items("postRenderers"));
    renderers
        .filter_map(|renderer| renderer.get_set("kustomize"))
        .flat_map(|kustomize| super::kustomize::images(&kustomize))
        .collect()
}

/// The source that an object is, for the releases that refer to it.
pub(super) fn source(object: &Object<'_>) -> Option<ChartSource> {
    let spec = object.root.get_set("spec")?;
    let text = |key: &str| spec.str_at(key).map(str::to_owned);
    let is_git = object.kind == "GitRepository" && object.group() == SOURCES;
    if HELM_REPOSITORY.matches(object) || is_git {
        Some(ChartSource::Repository { url: text("url")? })
    } else if OCI_REPOSITORY.matches(object) {
        let version = artifact(&spec).and_then(|version| version.stated.version());
        Some(ChartSource::Artifact {
            url: text("url")?,
            version,
        })
    } else if HELM_CHART.matches(object) {
        let source = spec.get_set("sourceRef")?;
        let of = |key: &str| source.str_at(key).map(str::to_owned);
        let version = spec.str_at("version").map(Tag::read);
        Some(ChartSource::Chart {
            chart: text("chart")?,
            source: (of("kind")?, of("name")?),
            version: version.and_then(Tag::version),
        })
    } else {
        None
    }
}
