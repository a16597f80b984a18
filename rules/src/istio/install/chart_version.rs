//! The version of a chart, as installers' files state it.

use serde_json::Value;

use super::release::InstallVersion;
use super::repository::{Origin, Publisher, archive};
use crate::istio::build::Stated;
use crate::istio::image::{Image, Tag};
use crate::object::Node;

/// What charts built from Istio's sources carry, whatever they are.
const UNRELEASED: &str = "1.0.0";

/// The version that a node states of a chart; `None` where it states nothing.
pub(super) fn of_chart(node: Node<'_>, origin: Origin) -> Option<InstallVersion<'_>> {
    let text = text(&node)?;
    let stated = if origin.is_source {
        of_revision(&text)
    } else {
        of_number(&text, origin)
    };
    Some(InstallVersion {
        chart: Some(origin.chart),
        vendor: origin.publisher.vendor().or_else(|| vendor(&text)),
        node,
        stated,
    })
}

/// The version in the name of a chart's archive, `istiod-1.20.3.tgz`.
pub(super) fn of_archive(node: Node<'_>, origin: Origin) -> Option<InstallVersion<'_>> {
    let (_, version) = archive(node.str()?.rsplit('/').next()?);
    let stated = of_number(version?, origin);
    Some(InstallVersion {
        chart: Some(origin.chart),
        node,
        stated,
        vendor: origin.publisher.vendor(),
    })
}

/// Helm takes the newest where nothing is asked for, and so does `*`; only the latter is said.
fn text(node: &Node<'_>) -> Option<String> {
    let text = match node.value() {
        Value::String(text) => text.trim().to_owned(),
        // YAML has made a number of `1.20`.
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn of_number(text: &str, origin: Origin) -> Stated {
    // Build metadata says nothing of what was built; OCI tags write `_` for the plus.
    let number = text.split(['+', '_']).next().unwrap_or(text);
    let tag = Tag::read(number);
    let why = if Image::is_template(text) {
        format!("`{text}` is filled in later")
    } else if !is_exact(number) {
        format!("`{text}` is a range of versions")
    } else if text == UNRELEASED {
        format!("chart version `{text}` is what charts built from the sources carry")
    } else {
        match tag.version() {
            Some(version) if version.minor.major == 1 || origin.publisher != Publisher::Other => {
                return Stated::Version(tag, format!("chart version `{text}`"));
            }
            _ => format!("chart version `{text}` is no version of Istio's"),
        }
    };
    Stated::Unknown { why, hint: None }
}

/// A revision of git: tags are versions, `release-1.20` is the branch of one.
fn of_revision(text: &str) -> Stated {
    let why = match Tag::read(text) {
        _ if Image::is_template(text) => format!("`{text}` is filled in later"),
        Tag::Unreadable => format!("revision `{text}` states no version"),
        read => return Stated::Version(read, format!("revision `{text}`")),
    };
    Stated::Unknown { why, hint: None }
}

fn vendor(text: &str) -> Option<crate::istio::image::Vendor> {
    Image::parse(&format!("pilot:{text}")).vendor()
}

/// Three numbers, and what may stand behind them: everything else is a range to Helm.
fn is_exact(text: &str) -> bool {
    let number = text.strip_prefix('v').unwrap_or(text);
    let number = number.split('-').next().unwrap_or(number);
    let mut parts = 0;
    let plain = number.split('.').all(|part| {
        parts += 1;
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    plain && parts == 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::istio::install::release::Chart;

    fn stated(text: &str, publisher: Publisher) -> Stated {
        let origin = Origin {
            chart: Chart::Istiod,
            publisher,
            is_source: false,
        };
        of_number(text, origin)
    }

    #[test]
    fn exact_versions_are_known_and_ranges_are_not() {
        for text in [
            "1.20.3",
            "v1.20.3",
            "1.31.0-rc.1",
            "1.20.3+abc",
            "1.28.5_tetrate.2",
        ] {
            let read = stated(text, Publisher::Other);
            assert!(read.version().is_some(), "{text}: {read:?}");
        }
        let ranges = [
            "~1.20.3",
            "^1.20",
            "1.20.x",
            "1.20.*",
            "1.20",
            "1",
            "*",
            ">=1.20.0 <1.22.0",
            "1.20.3 - 1.20.9",
            "latest",
            "{{version}}",
            "{{ .values.version }}",
            "${ISTIO_VERSION}",
            "1.0.0",
        ];
        for text in ranges {
            let read = stated(text, Publisher::Istio);
            assert!(read.version().is_none(), "{text}: {read:?}");
        }
        assert!(stated("3.2.1", Publisher::Other).version().is_none());
    }

    #[test]
    fn revisions_of_git_are_tags_or_branches() {
        assert!(of_revision("1.20.3").version().is_some());
        assert!(of_revision("release-1.20").version().is_some());
        for text in ["HEAD", "master", "19df463bb9ac46ac6cf2bc3a6b5bd5ad8a4a6a1d"] {
            assert!(of_revision(text).version().is_none(), "{text}");
        }
    }
}
