//! Options' values that are more than a text.

use meshcheck_rules::istio::image::{Image, Tag, Vendor};
use meshcheck_rules::istio::version::{KubernetesVersion, Version};

/// A version of Istio as a tag states it.
#[derive(Clone, Debug)]
pub struct IstioBuild {
    /// As it was written.
    pub text: String,
    /// Its version.
    pub version: Version,
    /// Whose build it is, if not upstream's.
    pub vendor: Option<Vendor>,
}

pub(super) fn kubernetes_version(text: &str) -> Result<KubernetesVersion, String> {
    KubernetesVersion::parse(text).ok_or_else(|| "expected a version such as 1.33".to_owned())
}

pub(super) fn istio_version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "expected a version such as 1.30 or 1.30.3".to_owned())
}

pub(super) fn istio_build(text: &str) -> Result<IstioBuild, String> {
    let text = text.trim();
    let image = Image {
        hub: "",
        name: "pilot",
        tag: Some(text),
        digest: None,
    };
    match Tag::read(text) {
        Tag::Release(version) => Ok(IstioBuild {
            text: text.to_owned(),
            version,
            vendor: image.vendor(),
        }),
        Tag::Prerelease(version) => Err(format!(
            "a pre-release or development build of {version}: Istio promises no way from or to one, ask \
             for the release"
        )),
        Tag::Unreadable => Err("expected a version such as 1.30 or 1.30.3".to_owned()),
    }
}
