//! Argo CD: `Application` and `ApplicationSet`.
//!
//! Values as `reposerver/repository/repository.go` and `util/helm/cmd.go` of argo-cd v3.5.1 give them to
//! `helm template`: `valueFiles`, then `valuesObject` or else `values` (never both), then `parameters`,
//! of these the ones with `forceString` last, then `fileParameters`.

use serde_json::Value;

use super::chart_version;
use super::release::{Home, InstallVersion, Layer, Parameter, Release, Unseen};
use super::repository::Origin;
use super::values_in::{Inline, inline};
use crate::istio::build::Stated;
use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

/// `Application`.
pub(super) const APPLICATION: ObjectKind =
    ObjectKind::new("argoproj.io", "Application", "applications");
/// `ApplicationSet`, a template of Applications.
pub(super) const APPLICATION_SET: ObjectKind =
    ObjectKind::new("argoproj.io", "ApplicationSet", "applicationsets");

/// The charts of Istio that it installs.
pub(super) fn releases<'a>(object: &Object<'a>, strings: &'a Strings) -> Vec<Release<'a>> {
    let Some(spec) = object.root.get_set("spec") else {
        return Vec::new();
    };
    if APPLICATION.matches(object) {
        return of_spec(&spec, false, strings);
    }
    // A patch that is a text of its own may set anything.
    let is_patched = spec.get_set("templatePatch").is_some();
    let generators = generators(&spec);
    let mut releases: Vec<Release<'a>> = templates(&spec, &generators)
        .into_iter()
        .filter_map(|template| template.get_set("spec"))
        .flat_map(|spec| of_spec(&spec, is_patched, strings))
        .collect();
    for release in &mut releases {
        if let Some(version) = &mut release.version {
            hint(version, &generators);
        }
    }
    releases
}

/// What a list generator fills into the version.
fn hint(version: &mut InstallVersion<'_>, generators: &[Node<'_>]) {
    let Some(key) = version.node.str().and_then(placeholder) else {
        return;
    };
    let elements = generators.iter().flat_map(|list| list.items("elements"));
    let listed: Vec<&str> = elements
        .filter_map(|element| element.value().get(key)?.as_str())
        .collect();
    if let (false, Stated::Unknown { hint, .. }) = (listed.is_empty(), &mut version.stated) {
        *hint = Some(format!("the list generator says {}", listed.join(", ")));
    }
}

/// The name in `{{version}}` or `{{ .version }}`.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let name = name.strip_prefix('.').unwrap_or(name);
    let is_plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (is_plain && !name.is_empty()).then_some(name)
}

/// The set's template, and those that its generators put over it.
fn templates<'a>(spec: &Node<'a>, generators: &[Node<'a>]) -> Vec<Node<'a>> {
    let own = spec.get_set("template").into_iter();
    own.chain(
        generators
            .iter()
            .filter_map(|generator| generator.get_set("template")),
    )
    .collect()
}

/// All generators of a set, those inside of others too.
fn generators<'a>(spec: &Node<'a>) -> Vec<Node<'a>> {
    const DEEPEST: usize = 4;
    let mut all = Vec::new();
    let mut level: Vec<Node<'a>> = spec.items("generators").collect();
    for _ in 0..DEEPEST {
        let found: Vec<Node<'a>> = level
            .iter()
            .flat_map(Node::entries)
            .map(|(_, generator)| generator)
            .collect();
        level = found
            .iter()
            .flat_map(|generator| generator.items("generators"))
            .collect();
        all.extend(found);
    }
    all
}

fn of_spec<'a>(spec: &Node<'a>, is_patched: bool, strings: &'a Strings) -> Vec<Release<'a>> {
    sources(spec)
        .into_iter()
        .filter_map(|source| of_source(&source, spec, is_patched, strings))
        .collect()
}

/// As Argo CD chooses: the hydrator's dry source, else the list, else the one source.
fn sources<'a>(spec: &Node<'a>) -> Vec<Node<'a>> {
    if let Some(hydrator) = spec.get_set("sourceHydrator") {
        return hydrator.get_set("drySource").into_iter().collect();
    }
    let list: Vec<Node<'a>> = spec.items("sources").collect();
    if list.is_empty() {
        return spec.get_set("source").into_iter().collect();
    }
    list
}

fn of_source<'a>(
    source: &Node<'a>,
    spec: &Node<'a>,
    is_patched: bool,
    strings: &'a Strings,
) -> Option<Release<'a>> {
    let origin = origin(source)?;
    let version = source
        .get_set("targetRevision")
        .and_then(|node| chart_version::of_chart(node, origin));
    let helm = source.get_set("helm");
    let values = helm
        .as_ref()
        .map_or(Inline::Absent, |helm| match helm.get_set("valuesObject") {
            Some(values) => Inline::of(values),
            None => inline(helm.get_set("values"), strings),
        });
    let parameters = helm.as_ref().map(parameters).unwrap_or_default();
    let lists = |key: &str| {
        helm.as_ref()
            .is_some_and(|helm| helm.items(key).next().is_some())
    };
    let unseen = Unseen {
        weaker: lists("valueFiles") || values.is_unreadable(),
        stronger: lists("fileParameters") || values.is_unreadable() || is_patched,
    };
    let home = Home {
        is_dotted: false,
        at: values.key().unwrap_or_else(|| spec.key()),
        add: values.home().or_else(|| {
            values
                .is_absent()
                .then(|| (source.clone(), vec!["helm", "valuesObject"]))
        }),
    };
    let mut layers = Vec::new();
    if !parameters.is_empty() {
        layers.push(Layer::Parameters(parameters));
    }
    layers.extend(values.mapping().map(Layer::Values));
    Some(Release {
        version,
        layers,
        unseen,
        refusal: values.refusal(),
        ..origin.release(home)
    })
}

/// A chart of a repository of charts, an OCI artifact, or a folder of a repository of sources.
fn origin(source: &Node<'_>) -> Option<Origin> {
    let repository = source.str_at("repoURL").unwrap_or_default();
    if let Some(chart) = source.str_at("chart").filter(|chart| !chart.is_empty()) {
        return Origin::of(chart, Some(repository));
    }
    if repository.starts_with("oci://") {
        return Origin::of_artifact(repository);
    }
    Origin::of_folder(source.str_at("path")?, repository)
}

/// In the order in which Helm applies them; of two for one path the last wins.
fn parameters<'a>(helm: &Node<'a>) -> Vec<Parameter<'a>> {
    let is_text = |item: &Node<'_>| item.value().get("forceString") == Some(&Value::Bool(true));
    let (texts, plain): (Vec<_>, Vec<_>) = helm.items("parameters").partition(is_text);
    let named = |(item, is_text): (Node<'a>, bool)| {
        let name = item.str_at("name")?;
        Some(Parameter::named(name, item.get_set("value")?, is_text))
    };
    let plain = plain.into_iter().map(|item| (item, false));
    let texts = texts.into_iter().map(|item| (item, true));
    plain.chain(texts).filter_map(named).collect()
}
