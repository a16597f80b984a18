//! Kustomize: `kustomization.yaml` with `helmCharts` and `images`.

use super::chart_version;
use super::release::{Home, InstallVersion, Layer, Release, Unseen};
use super::repository::Origin;
use super::values_in::Inline;
use crate::istio::build::Stated;
use crate::istio::image::Image;
use crate::object::{Node, Object};
use crate::rule::ObjectKind;

/// A `kustomization.yaml`, with or without its kind; no API server sees it.
pub(super) const KUSTOMIZATION: ObjectKind =
    ObjectKind::new("kustomize.config.k8s.io", "Kustomization", "");

/// The charts of Istio that it inflates.
pub(super) fn releases<'a>(object: &Object<'a>) -> Vec<Release<'a>> {
    object
        .root
        .items("helmCharts")
        .filter_map(|chart| release(&chart))
        .collect()
}

fn release<'a>(chart: &Node<'a>) -> Option<Release<'a>> {
    let repository = chart.str_at("repo").filter(|repo| !repo.is_empty());
    let origin = Origin::of(chart.str_at("name")?, repository)?;
    let version = chart.get_set("version");
    let values = chart
        .get_set("valuesInline")
        .map_or(Inline::Absent, Inline::of);
    let has_files = chart.get_set("valuesFile").is_some()
        || chart.items("additionalValuesFiles").next().is_some();
    // Of a file and what stands inline, `valuesMerge` says which wins: by default what is inline.
    let file_wins = has_files && chart.str_at("valuesMerge") == Some("merge");
    let name = chart.get("name")?;
    let home = Home {
        is_dotted: false,
        at: values.key().unwrap_or_else(|| name.whole()),
        add: (!values.is_unreadable()).then(|| (chart.clone(), vec!["valuesInline"])),
    };
    Some(Release {
        version: version.and_then(|node| chart_version::of_chart(node, origin)),
        layers: values.mapping().into_iter().map(Layer::Values).collect(),
        unseen: Unseen {
            weaker: has_files,
            stronger: file_wins || values.is_unreadable(),
        },
        ..origin.release(home)
    })
}

/// Versions in the images that are put in the place of others, where these are Istio's.
pub(super) fn images<'a>(kustomize: &Node<'a>) -> Vec<InstallVersion<'a>> {
    let images = kustomize.items("images").filter_map(|image| {
        let name = image.str_at("name")?;
        let new_name = image.str_at("newName").unwrap_or(name);
        let (old, new) = (Image::parse(name), Image::parse(new_name));
        let is_istios = |image: &Image<'_>| image.component().is_some() && image.is_of_istio();
        if !is_istios(&old) && !is_istios(&new) {
            return None;
        }
        let tag = image.get_set("newTag")?;
        let text = match tag.value() {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(InstallVersion {
            chart: None,
            vendor: Image::parse(&format!("{new_name}:{text}")).vendor(),
            stated: Stated::of_tag(&text, None),
            node: tag,
        })
    });
    images.collect()
}

/// Whether a document without a kind is a kustomization that has to do with Istio.
pub(super) fn is_one(document: &serde_json::Value) -> bool {
    let is_file = document.get("kind").is_none()
        && ["helmCharts", "images", "resources"]
            .iter()
            .any(|key| document.get(key).is_some());
    is_file && {
        let root = Node::root(document);
        root.items("helmCharts")
            .any(|chart| release(&chart).is_some())
            || !images(&root).is_empty()
    }
}
