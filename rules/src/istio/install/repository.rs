//! Whose charts a repository holds, and which of Istio's charts is meant.

use super::release::{Chart, Home, Release};
use crate::istio::image::{Image, Vendor};

/// Where Istio publishes charts, or did: as a host with a path, without the scheme.
const OF_ISTIO: &[&str] = &[
    "blob.istio.io",
    "ghcr.io/istio",
    "gcr.io/istio-release",
    "gcr.io/istio-testing",
    "registry.istio.io",
    "istio-release.storage.googleapis.com",
    "istio-prerelease.storage.googleapis.com",
    "istio-build.storage.googleapis.com",
    "storage.googleapis.com/istio-release",
    "storage.googleapis.com/istio-prerelease",
    "storage.googleapis.com/istio-build",
];

/// Folders of istio/istio that are charts. They carry version 1.0.0 there.
const FOLDERS: &[(&str, Chart)] = &[
    (
        "manifests/charts/istio-control/istio-discovery",
        Chart::Istiod,
    ),
    ("manifests/charts/base", Chart::Base),
    ("manifests/charts/istio-cni", Chart::Cni),
    ("manifests/charts/ztunnel", Chart::Ztunnel),
    ("manifests/charts/gateway", Chart::Gateway),
    ("manifests/charts/gateways/istio-ingress", Chart::Retired),
    ("manifests/charts/gateways/istio-egress", Chart::Retired),
    ("manifests/charts/istiod-remote", Chart::Retired),
    ("manifests/charts/istio-operator", Chart::Retired),
    ("manifests/sample-charts/ambient", Chart::Ambient),
    ("install/kubernetes/helm/istio", Chart::Istio),
];

/// Who publishes the charts of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publisher {
    /// Istio itself.
    Istio,
    /// A vendor with a build of its own.
    Vendor(Vendor),
    /// Somebody else, perhaps a mirror.
    Other,
}

/// A chart that an installer names, with what is known of where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) chart: Chart,
    pub(super) publisher: Publisher,
    /// Whether it is a folder of a repository of sources, where versions are revisions of git.
    pub(super) is_source: bool,
}

impl Publisher {
    /// Who publishes at an address, with or without its scheme.
    pub(super) fn at(address: &str) -> Self {
        let place = without_scheme(address);
        if OF_ISTIO.iter().any(|home| is_below(place, home)) {
            return Self::Istio;
        }
        let image = Image {
            hub: place,
            name: "",
            tag: None,
            digest: None,
        };
        image.vendor().map_or(Self::Other, Self::Vendor)
    }

    pub(super) fn vendor(self) -> Option<Vendor> {
        match self {
            Self::Vendor(vendor) => Some(vendor),
            Self::Istio | Self::Other => None,
        }
    }
}

impl Origin {
    /// A release of this chart.
    pub(super) fn release(self, home: Home<'_>) -> Release<'_> {
        Release {
            is_vendors: self.publisher.vendor().is_some(),
            ..Release::new(self.chart, home)
        }
    }

    /// The chart `name` of the repository at `address`; `None` for a chart that is not Istio's.
    /// `istiod` and `ztunnel` are nobody else's names, wherever they come from; `base`, `gateway` and
    /// `cni` are, so that there the repository decides.
    pub(super) fn of(name: &str, address: Option<&str>) -> Option<Self> {
        let (path, name) = name.rsplit_once('/').unwrap_or(("", name));
        let (name, _) = archive(name);
        let publisher = match address {
            Some(address) => Publisher::at(address),
            None if path.contains('.') => Publisher::at(path),
            None => Publisher::Other,
        };
        let chart = Chart::of_name(name)?;
        let is_own_name = matches!(name, "istiod" | "ztunnel" | "istiod-remote");
        (is_own_name || publisher != Publisher::Other).then_some(Self {
            chart,
            publisher,
            is_source: false,
        })
    }

    /// The chart whose repository is only known by a name that somebody gave it (`istio`): that
    /// decides for the names that others use too.
    pub(super) fn of_named(name: &str, repository: &str) -> Option<Self> {
        Self::of(name, None).or_else(|| {
            let speaks_of_istio = repository
                .split(['-', '_', '.', '/'])
                .any(|word| word == "istio");
            let chart = Chart::of_name(name).filter(|_| speaks_of_istio)?;
            Some(Self {
                chart,
                publisher: Publisher::Other,
                is_source: false,
            })
        })
    }

    /// The chart in an OCI artifact, whose name is the last part of its address.
    pub(super) fn of_artifact(address: &str) -> Option<Self> {
        let (repository, name) = address.trim_end_matches('/').rsplit_once('/')?;
        Self::of(name, Some(repository))
    }

    /// The chart in a folder of a repository of sources: istiod's by its path, which nobody else
    /// has, the others in Istio's own repository.
    pub(super) fn of_folder(path: &str, repository: &str) -> Option<Self> {
        let path = path.trim_start_matches("./").trim_matches('/');
        let repository = repository.trim_end_matches('/').trim_end_matches(".git");
        let is_istios = ["/istio/istio", ":istio/istio"]
            .iter()
            .any(|name| repository.ends_with(name));
        let found = FOLDERS.iter().find(|(folder, _)| {
            path == *folder
                || (path.ends_with(folder) && path[..path.len() - folder.len()].ends_with('/'))
        });
        let vendored = path.ends_with("istio-control/istio-discovery");
        let chart = match found {
            Some((_, chart)) if is_istios || vendored => *chart,
            _ if vendored => Chart::Istiod,
            _ => return None,
        };
        Some(Self {
            chart,
            publisher: if is_istios {
                Publisher::Istio
            } else {
                Publisher::Other
            },
            is_source: true,
        })
    }
}

/// `istiod-1.20.3.tgz` is chart `istiod` at `1.20.3`.
pub(super) fn archive(name: &str) -> (&str, Option<&str>) {
    let Some(stem) = name.strip_suffix(".tgz") else {
        return (name, None);
    };
    let starts_version =
        |at: &usize| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit() || c == 'v');
    let dash = stem
        .match_indices('-')
        .map(|(at, _)| at)
        .find(starts_version);
    match dash {
        Some(at) => (&stem[..at], Some(&stem[at + 1..])),
        None => (stem, None),
    }
}

fn without_scheme(address: &str) -> &str {
    let address = address.trim();
    address.split_once("://").map_or(address, |(_, rest)| rest)
}

fn is_below(place: &str, home: &str) -> bool {
    place
        .get(..home.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(home))
        && (place.len() == home.len() || place[home.len()..].starts_with(['/', ':', '?', '@']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(name: &str, address: &str) -> Option<Chart> {
        Origin::of(name, Some(address)).map(|origin| origin.chart)
    }

    #[test]
    fn the_repository_decides_for_common_names() {
        let istios = [
            "https://istio-release.storage.googleapis.com/charts",
            "https://istio-release.storage.googleapis.com/charts/",
            "https://blob.istio.io/istio-release/charts",
            "oci://ghcr.io/istio/release/charts",
            "oci://gcr.io/istio-release/charts",
            "gcr.io/istio-release/charts",
            "registry.istio.io/release/charts",
            "https://storage.googleapis.com/istio-release/releases/1.4.3/charts/",
        ];
        for address in istios {
            assert_eq!(chart("base", address), Some(Chart::Base), "{address}");
            assert_eq!(chart("gateway", address), Some(Chart::Gateway), "{address}");
            assert_eq!(chart("istiod", address), Some(Chart::Istiod), "{address}");
        }
        let others = [
            "https://charts.example.com",
            "oci://ghcr.io/istio-ecosystem/charts",
            "oci://gcr.io/istio-release-copy/charts",
            "https://github.com/istio/istio.git",
        ];
        for address in others {
            assert_eq!(chart("base", address), None, "{address}");
            assert_eq!(chart("cni", address), None, "{address}");
            assert_eq!(chart("gateway", address), None, "{address}");
            assert_eq!(chart("istiod", address), Some(Chart::Istiod), "{address}");
        }
        assert_eq!(
            chart("argo-cd", "https://blob.istio.io/istio-release/charts"),
            None
        );
    }

    #[test]
    fn a_vendors_chart_is_the_vendors() {
        let solo = Origin::of(
            "istiod",
            Some("oci://us-docker.pkg.dev/soloio-img/istio-helm"),
        );
        assert_eq!(
            solo.expect("istiod").publisher,
            Publisher::Vendor(Vendor::Solo)
        );
    }

    #[test]
    fn a_name_of_a_repository_helps() {
        let chart = |name, repository| Origin::of_named(name, repository).map(|o| o.chart);
        assert_eq!(chart("base", "istio"), Some(Chart::Base));
        assert_eq!(chart("gateway", "istio-charts"), Some(Chart::Gateway));
        assert_eq!(chart("gateway", "platform"), None);
        assert_eq!(chart("istiod", "platform"), Some(Chart::Istiod));
        assert_eq!(chart("podinfo", "istio"), None);
    }

    #[test]
    fn artifacts_and_archives_carry_their_name() {
        let of = |address| Origin::of_artifact(address).map(|origin| origin.chart);
        assert_eq!(
            of("oci://ghcr.io/istio/release/charts/istiod"),
            Some(Chart::Istiod)
        );
        assert_eq!(
            of("oci://ghcr.io/istio/release/charts/base/"),
            Some(Chart::Base)
        );
        assert_eq!(of("oci://ghcr.io/stefanprodan/charts/podinfo"), None);
        assert_eq!(of("istiod"), None);
        assert_eq!(archive("istiod-1.20.3.tgz"), ("istiod", Some("1.20.3")));
        assert_eq!(
            archive("istiod-remote-1.20.3-rc.1.tgz"),
            ("istiod-remote", Some("1.20.3-rc.1"))
        );
        assert_eq!(archive("istiod"), ("istiod", None));
        let url = "https://blob.istio.io/istio-release/charts/base-1.30.0.tgz";
        assert_eq!(
            Origin::of(url, None).map(|origin| origin.chart),
            Some(Chart::Base)
        );
    }

    #[test]
    fn folders_of_the_sources_are_charts() {
        let of = |path, repository| Origin::of_folder(path, repository).map(|origin| origin.chart);
        let istio = "https://github.com/istio/istio.git";
        let discovery = "manifests/charts/istio-control/istio-discovery";
        assert_eq!(of(discovery, istio), Some(Chart::Istiod));
        assert_eq!(of("./manifests/charts/base/", istio), Some(Chart::Base));
        assert_eq!(
            of(
                "vendor/istio-control/istio-discovery",
                "https://git.example.com/infra"
            ),
            Some(Chart::Istiod)
        );
        assert_eq!(
            of("manifests/charts/base", "https://git.example.com/infra"),
            None
        );
        assert_eq!(of("samples/addons", istio), None);
        assert_eq!(of("git@github.com", "git@github.com:istio/istio.git"), None);
        assert_eq!(
            of("manifests/charts/base", "git@github.com:istio/istio.git"),
            Some(Chart::Base)
        );
    }
}
