//! Image references of Istio's components, and the version that a tag states.

use crate::istio::version::{Minor, Version};

/// An image reference, taken apart: `docker.io/istio/pilot:1.31.1@sha256:...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Registry and path without the name: `docker.io/istio`; empty for a bare name.
    pub hub: &'a str,
    /// Last path segment: `pilot`.
    pub name: &'a str,
    /// Tag; `Some("")` where a colon stands and nothing behind it.
    pub tag: Option<&'a str>,
    /// Digest with its algorithm.
    pub digest: Option<&'a str>,
}

/// A program of Istio's that runs in a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// istiod (`pilot`).
    Pilot,
    /// Sidecar, gateway or waypoint (`proxyv2`).
    Proxy,
    /// CNI node agent.
    Cni,
    /// Ambient node proxy.
    Ztunnel,
    /// Gateway or waypoint of the classes `istio-agentgateway...` (1.29 and newer).
    Agentgateway,
    /// Mixer, citadel, galley, the in-cluster operator and other retired parts.
    Retired,
}

/// Who built an image, where it is not upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vendor {
    /// Google (Anthos / Cloud Service Mesh).
    Asm,
    /// Solo.io.
    Solo,
    /// Tetrate.
    Tetrate,
    /// Microsoft's AKS add-on.
    Aks,
    /// Red Hat (OpenShift Service Mesh, Maistra).
    OpenShift,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Asm,
        Self::Solo,
        Self::Tetrate,
        Self::Aks,
        Self::OpenShift,
    ];

    /// The name that messages and the policy use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asm => "asm",
            Self::Solo => "solo",
            Self::Tetrate => "tetrate",
            Self::Aks => "aks",
            Self::OpenShift => "openshift",
        }
    }
}

/// What a tag says of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A release, `1.31.1`, perhaps with a variant or the suffix of a rebuild.
    Release(Version),
    /// An alpha, beta, release candidate, snapshot, daily or commit build of this version.
    Prerelease(Version),
    /// Nothing that could be judged: `latest`, a word, a commit.
    Unreadable,
}

impl<'a> Image<'a> {
    /// Takes a reference apart. Never fails: what is no reference has no tag.
    pub fn parse(reference: &'a str) -> Self {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (reference, None),
        };
        let (hub, last) = rest.rsplit_once('/').unwrap_or(("", rest));
        let (name, tag) = match last.split_once(':') {
            Some((name, tag)) => (name, Some(tag)),
            None => (last, None),
        };
        Self {
            hub,
            name,
            tag,
            digest,
        }
    }

    /// `image: auto`, which the injector fills in.
    pub fn is_auto(&self) -> bool {
        *self == Self::parse("auto")
    }

    /// Whether the reference holds a template or variable that somebody else fills in.
    pub fn is_template(reference: &str) -> bool {
        ["{{", "{%", "${", "$(", "<%", "(@", "#@"]
            .iter()
            .any(|mark| reference.contains(mark))
    }

    /// Who built it, if that is a known vendor.
    pub fn vendor(&self) -> Option<Vendor> {
        let tag = self.tag.unwrap_or_default();
        let hub = self.hub;
        if tag.contains("-asm.") || hub.ends_with("/asm") || hub == "asm" {
            Some(Vendor::Asm)
        } else if tag.contains("-solo") || hub.contains("soloio") || hub.contains("gloo-mesh") {
            Some(Vendor::Solo)
        } else if tag.contains("-tetrate") || hub.contains("tetratelabs") {
            Some(Vendor::Tetrate)
        } else if hub.starts_with("mcr.microsoft.com/") {
            Some(Vendor::Aks)
        } else if hub.contains("maistra") || hub.contains("openshift-service-mesh") {
            Some(Vendor::OpenShift)
        } else {
            None
        }
    }

    /// Which of Istio's programs it is, by name; for names that others use too only under a hub
    /// that speaks of Istio.
    pub fn component(&self) -> Option<Component> {
        let base = self.base_name();
        let component = match base {
            "pilot" => Component::Pilot,
            "proxyv2" => Component::Proxy,
            "ztunnel" => Component::Ztunnel,
            "install-cni" => Component::Cni,
            "proxy" | "proxy_debug" | "proxy2_debug" | "proxytproxy" if self.is_of_istio() => {
                Component::Proxy
            }
            "cni" if self.is_of_istio() => Component::Cni,
            "agentgateway" if self.is_of_istio() => Component::Agentgateway,
            "mixer" | "mixs" | "citadel" | "galley" | "operator" | "sidecar_injector"
            | "node-agent-k8s"
                if self.is_of_istio() =>
            {
                Component::Retired
            }
            _ => return None,
        };
        Some(component)
    }

    /// The name without what vendors put around it: `istio-proxyv2-rhel9` is `proxyv2`.
    fn base_name(&self) -> &'a str {
        let name = ["-rhel8", "-rhel9", "-ubi8", "-ubi9"]
            .iter()
            .find_map(|suffix| self.name.strip_suffix(suffix))
            .unwrap_or(self.name);
        let variants = ["-debug", "-distroless", "-fips"];
        let name = variants
            .iter()
            .find_map(|v| name.strip_suffix(v))
            .unwrap_or(name);
        let name = name.strip_prefix("mirrored-").unwrap_or(name);
        name.strip_prefix("istio-").unwrap_or(name)
    }

    /// Whether the reference speaks of Istio: by its name, its vendor or a segment of its path.
    pub fn is_of_istio(&self) -> bool {
        self.name.starts_with("istio-")
            || self.name.starts_with("mirrored-istio-")
            || self.vendor().is_some()
            || self.hub.split('/').any(|segment| segment.contains("istio"))
    }
}

impl Tag {
    /// Reads a tag. Forms: istio-facts 6.1 and 6.2.
    pub fn read(tag: &str) -> Self {
        if let Some(daily) = tag.strip_prefix("release-") {
            let minor = daily.split('-').next().and_then(Minor::parse);
            return minor.map_or(Self::Unreadable, |minor| {
                Self::Prerelease(Version { minor, patch: None })
            });
        }
        // Behind a plus stands what built it: no tag has one, a chart's version may.
        let (number, suffix) = tag.split_once(['-', '+']).unwrap_or((tag, ""));
        let Some(version) = Version::parse(number) else {
            return Self::Unreadable;
        };
        if is_prerelease(suffix) {
            Self::Prerelease(version)
        } else {
            Self::Release(version)
        }
    }

    /// The version, where there is one.
    pub fn version(self) -> Option<Version> {
        match self {
            Self::Release(version) | Self::Prerelease(version) => Some(version),
            Self::Unreadable => None,
        }
    }
}

/// Words for a build that is no release, wherever they stand behind the number: `rc.0`, `beta2`,
/// `debug-dev`.
const EARLY: &[&str] = &[
    "alpha",
    "beta",
    "rc",
    "dev",
    "devel",
    "snapshot",
    "pre",
    "prerelease",
    "preview",
    "milestone",
    "nightly",
    "daily",
    "unstable",
];

fn is_prerelease(suffix: &str) -> bool {
    let is_early = |word: &str| {
        let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
        EARLY.iter().any(|known| stem.eq_ignore_ascii_case(known))
    };
    suffix.split(['.', '-', '_']).any(is_early) || is_git_describe(suffix)
}

/// `1-g19df463bb`: commits since the tag and the commit.
fn is_git_describe(suffix: &str) -> bool {
    let mut parts = suffix.split('-');
    let count = parts.next().unwrap_or_default();
    let commit = parts
        .next()
        .and_then(|part| part.strip_prefix('g'))
        .unwrap_or_default();
    !count.is_empty()
        && count.bytes().all(|b| b.is_ascii_digit())
        && commit.len() >= 7
        && commit.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(minor: u32, patch: Option<u32>) -> Version {
        Version {
            minor: Minor::one(minor),
            patch,
        }
    }

    #[test]
    fn takes_references_apart() {
        let image = Image::parse("localhost:5000/istio/pilot:1.20.3-distroless@sha256:abc");
        assert_eq!(image.hub, "localhost:5000/istio");
        assert_eq!(image.name, "pilot");
        assert_eq!(image.tag, Some("1.20.3-distroless"));
        assert_eq!(image.digest, Some("sha256:abc"));
        assert_eq!(Image::parse("pilot:").tag, Some(""));
        assert!(Image::parse("auto").is_auto());
    }

    #[test]
    fn reads_every_known_tag_form() {
        let release = |minor, patch| Tag::Release(version(minor, Some(patch)));
        let early = |minor, patch| Tag::Prerelease(version(minor, patch));
        let forms = [
            ("1.31.1", release(31, 1)),
            ("1.20.3-distroless", release(20, 3)),
            ("1.20.3-debug", release(20, 3)),
            ("1.28.5-asm.9", release(28, 5)),
            ("1.13.2-asm.2-distroless", release(13, 2)),
            ("1.29.2-patch0-solo", release(29, 2)),
            ("1.30.5-solo-distroless", release(30, 5)),
            ("1.13.3-tetrate-v0", release(13, 3)),
            ("1.18.7-r4", release(18, 7)),
            ("1.19.0-1-20240102223345-96c3a993", release(19, 0)),
            ("1.20", Tag::Release(version(20, None))),
            ("1.11.0-beta.1", early(11, Some(0))),
            ("1.31.0-rc.0", early(31, Some(0))),
            ("1.10-alpha.3d4f2c", early(10, None)),
            ("1.7-dev", early(7, None)),
            ("1.1.0-snapshot.4", early(1, Some(0))),
            ("1.15-beta.0", early(15, None)),
            ("1.14.1-1-g19df463bb", early(14, Some(1))),
            ("1.3.0-prerelease", early(3, Some(0))),
            ("1.3.0-pre-release", early(3, Some(0))),
            ("1.22.0-PreRelease.2", early(22, Some(0))),
            ("1.5.0-preview1", early(5, Some(0))),
            ("1.20.3-debug-rc1", early(20, Some(3))),
            ("1.24-nightly", early(24, None)),
            ("1.20.3-predator", release(20, 3)),
            ("release-1.3-latest-daily", early(3, None)),
            ("master-latest-daily", Tag::Unreadable),
            ("latest", Tag::Unreadable),
            ("19df463bb9ac46ac6cf2bc3a6b5bd5ad8a4a6a1d", Tag::Unreadable),
            ("", Tag::Unreadable),
            ("test", Tag::Unreadable),
        ];
        for (tag, expected) in forms {
            assert_eq!(Tag::read(tag), expected, "{tag}");
        }
    }

    #[test]
    fn a_name_is_not_an_identity() {
        let component = |reference| Image::parse(reference).component();
        assert_eq!(
            component("docker.io/istio/pilot:1.1.4"),
            Some(Component::Pilot)
        );
        assert_eq!(
            component("registry.redhat.io/openshift-service-mesh/istio-proxyv2-rhel9@sha256:1"),
            Some(Component::Proxy)
        );
        assert_eq!(
            component("docker.io/istio/examples-helloworld-v1:1.0"),
            None
        );
        assert_eq!(component("grafana/operator:v5"), None);
        assert_eq!(
            component("gcr.io/istio-testing/mixer:latest"),
            Some(Component::Retired)
        );
        assert_eq!(component("calico/cni:v3.27.0"), None);
        assert_eq!(component("ubuntu"), None);
    }
}
