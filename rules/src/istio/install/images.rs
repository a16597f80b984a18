//! The versions that the images in a release's values state.

use super::release::{Chart, InstallVersion, Release};
use super::traced::Traced;
use super::values::given;
use super::version;
use crate::istio::build::Stated;
use crate::istio::image::{Image, Tag};
use crate::istio::version::Version;
use crate::object::Node;

/// Every version that a release states: that of its chart, and those of the images in its values that
/// will be used.
pub(super) fn versions<'a>(release: &Release<'a>) -> Vec<InstallVersion<'a>> {
    let user = given(release);
    let own: &[&str] = match release.chart {
        Chart::Istiod | Chart::Istio | Chart::Ambient => &["pilot"],
        Chart::Cni => &["cni"],
        Chart::Ztunnel => &["ztunnel"],
        Chart::Base | Chart::Gateway | Chart::Retired => &[],
    };
    let mut found: Vec<InstallVersion<'a>> = release.version.clone().into_iter().collect();
    let mut images: Vec<InstallVersion<'a>> = Vec::new();
    images.extend(image(&user, own));
    // The chart's own keys stand at the root too (1.24 and later; always for ztunnel).
    if !own.is_empty() && user.at(own).and_then(|below| below.get("tag")).is_none() {
        images.extend(image(&user, &[]));
    }
    images.extend(image_of_proxies(&user));
    for image in images {
        let is_known = found
            .iter()
            .any(|known| std::ptr::eq(known.node.value(), image.node.value()));
        if !is_known {
            found.push(InstallVersion {
                chart: Some(release.chart),
                ..image
            });
        }
    }
    found
}

/// The version of the istiod in the values, as far as it tells the version of the chart. A number has
/// lost its zeros (`1.20` is 1.2), and tells nothing.
pub(super) fn tag_version(release: &Release<'_>) -> Option<Version> {
    let user = given(release);
    let pilot = user.get("pilot").unwrap_or(&user);
    let reference = pilot
        .get("image")
        .map(Traced::text)
        .filter(|text| text.contains('/'));
    if let Some(reference) = reference {
        return Tag::read(Image::parse(&reference).tag?).version();
    }
    let tags = [
        pilot.get("tag"),
        user.get("tag"),
        user.at(&["global", "tag"]),
    ];
    let tag = tags.into_iter().flatten().find(|tag| tag.is_true())?;
    Tag::read(tag.value().as_str()?).version()
}

/// The image whose parts stand below `keys`: a whole reference, or a tag and a hub.
fn image<'a>(user: &Traced<'a>, keys: &[&str]) -> Option<InstallVersion<'a>> {
    let own = user.at(keys)?;
    let whole = own.get("image").filter(|image| image.text().contains('/'));
    if let Some(whole) = whole {
        return reference(whole.from()?);
    }
    let tag = own.get("tag").filter(|tag| tag.is_true());
    let tag = tag.or_else(|| user.at(&["global", "tag"]))?;
    let hub = own.get("hub").filter(|hub| hub.is_true());
    let hub = hub.or_else(|| user.at(&["global", "hub"]));
    let hub = hub.map(Traced::text).unwrap_or_default();
    version(tag.from()?.clone(), &hub)
}

/// The image that the injector gives to proxies.
fn image_of_proxies<'a>(user: &Traced<'a>) -> Option<InstallVersion<'a>> {
    let global = user.get("global")?;
    let whole = global
        .at(&["proxy", "image"])
        .filter(|image| image.text().contains('/'));
    if let Some(whole) = whole {
        return reference(whole.from()?);
    }
    let hub = global.get("hub").map(Traced::text).unwrap_or_default();
    version(global.get("tag")?.from()?.clone(), &hub)
}

fn reference<'a>(node: &Node<'a>) -> Option<InstallVersion<'a>> {
    let text = node.str()?;
    let image = Image::parse(text);
    Some(InstallVersion {
        chart: None,
        node: node.clone(),
        stated: match (image.tag, image.digest) {
            (Some(tag), _) => Stated::of_tag(tag, None),
            (None, Some(_)) => unknown("the image is given by digest only"),
            (None, None) => unknown("the image has no tag"),
        },
        vendor: image.vendor(),
    })
}

fn unknown(why: &str) -> Stated {
    Stated::Unknown {
        why: why.to_owned(),
        hint: None,
    }
}
