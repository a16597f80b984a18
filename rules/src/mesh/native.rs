//! Whether the injector makes the proxy a native sidecar.

use crate::istio::go_bool;
use crate::istio::version::{KubernetesVersion, Minor, Version};
use crate::istio::workload::PodTemplate;
use crate::mesh::{Around, DEFAULT_REVISION, Known, Setting, Source};

/// The pod's own wish.
const ANNOTATION: &str = "sidecar.istio.io/nativeSidecar";
/// First istiod that can make native sidecars, when told to.
const CAN: Minor = Minor::one(19);
/// First istiod that reads the pod's wish.
const READS_ANNOTATION: Minor = Minor::one(24);
/// First istiod that makes native sidecars by itself where all nodes can run them.
const BY_ITSELF: Minor = Minor::one(27);
/// The nodes on which it does.
pub(crate) const NODES: KubernetesVersion = KubernetesVersion::one(33);

/// Whether the injector makes the proxy of a pod a native sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Native {
    /// It does.
    Yes,
    /// It does not: why, and the fact that says so where it is not the pod itself.
    No(String, Option<Source>),
    /// It cannot be known: the facts that are missing, each with how to give it.
    Unknown(Vec<String>),
}

/// What a control plane does where the pod does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeMode<'a> {
    /// It knows no native sidecars.
    Missing,
    /// It makes none, since nobody asked for them.
    OffByDefault,
    /// It makes none: what `ENABLE_NATIVE_SIDECARS` says.
    Off(&'a str),
    /// It makes them.
    On,
    /// It makes them where every node runs Kubernetes 1.33 or newer.
    ByNodes,
    /// That is set elsewhere.
    Unknown,
}

impl<'a> NativeMode<'a> {
    /// From the version and `ENABLE_NATIVE_SIDECARS`: a boolean of Go's before 1.27, where what is
    /// none counts as no; one of three words from then on.
    pub fn of(version: Version, setting: &'a Setting) -> Self {
        match setting {
            _ if version.minor < CAN => Self::Missing,
            Setting::Unknown => Self::Unknown,
            Setting::Unset if version.minor < BY_ITSELF => Self::OffByDefault,
            Setting::Text(text) if version.minor < BY_ITSELF => {
                if go_bool(text) == Some(true) {
                    Self::On
                } else {
                    Self::Off(text)
                }
            }
            Setting::Unset => Self::ByNodes,
            Setting::Text(text) => match text.as_str() {
                "true" => Self::On,
                "auto" => Self::ByNodes,
                _ => Self::Off(text),
            },
        }
    }
}

impl Around<'_> {
    /// Whether the control plane of `revision` injects a native sidecar into this pod.
    pub fn native(&self, template: &PodTemplate<'_>, revision: &str) -> Native {
        let (version, source) = match self.istio_version(revision) {
            Known::Yes(version, source) => (version, source),
            Known::Disputed(one, other) => {
                return Native::Unknown(vec![format!(
                    "istiod's version ({one} and {other} disagree)"
                )]);
            }
            Known::No => {
                return Native::Unknown(vec![self.missing_istiod(revision)]);
            }
        };
        let (setting, told) = match self.control_plane(revision) {
            Known::Yes(plane, told) => (&plane.native_sidecars, told),
            Known::Disputed(..) | Known::No => (&Setting::Unset, source.clone()),
        };
        let mode = NativeMode::of(version, setting);
        let wish = wish(template, version).filter(|_| mode != NativeMode::Missing);
        match (wish, mode) {
            (Some(decided), _) => decided,
            (None, NativeMode::Missing) => {
                let why = format!("istiod {version} has no native sidecars");
                Native::No(why, Some(source))
            }
            (None, NativeMode::OffByDefault) => {
                let why = "makes native sidecars only with `ENABLE_NATIVE_SIDECARS`";
                Native::No(format!("istiod {version} {why}"), Some(told))
            }
            (None, NativeMode::Off(text)) => {
                let why = format!("`ENABLE_NATIVE_SIDECARS` of istiod is {text:?}");
                Native::No(why, Some(told))
            }
            (None, NativeMode::On) => Native::Yes,
            (None, NativeMode::ByNodes) => self.by_nodes(template),
            (None, NativeMode::Unknown) => Native::Unknown(vec![
                "`ENABLE_NATIVE_SIDECARS` of istiod, which is not in sight".to_owned(),
            ]),
        }
    }

    /// What to say where nothing is known of the istiod of a revision.
    fn missing_istiod(&self, revision: &str) -> String {
        let known: Vec<&str> = self.revisions().collect();
        match (revision, known.is_empty()) {
            (DEFAULT_REVISION, true) => "the version of istiod (--istio-version)".to_owned(),
            (_, true) => format!("the version of istiod of revision {revision} (--istio-version)"),
            (_, false) => format!(
                "the version of istiod of revision {revision}, where only {} is known \
                 (--istio-version)",
                known.join(", ")
            ),
        }
    }

    fn by_nodes(&self, template: &PodTemplate<'_>) -> Native {
        match self.oldest_node(template) {
            Some(node) if node.kubelet >= NODES => Native::Yes,
            Some(node) => {
                let why = format!(
                    "the oldest node runs Kubernetes {}, and istiod waits for {NODES} on all of them",
                    node.kubelet
                );
                Native::No(why, Some(node.source))
            }
            None => Native::Unknown(vec![
                "the Kubernetes version of the nodes (--kubernetes-version)".to_owned(),
            ]),
        }
    }
}

/// What the pod's annotation decides. 1.24 to 1.26 read only `"true"` as yes, from 1.27 on
/// everything but `"false"` is yes and the empty text is no wish.
fn wish(template: &PodTemplate<'_>, version: Version) -> Option<Native> {
    let text = template.annotation_text(ANNOTATION)?;
    if version.minor < READS_ANNOTATION {
        return None;
    }
    let refused = || {
        Some(Native::No(
            format!("annotation {ANNOTATION} is {text:?}"),
            None,
        ))
    };
    if version.minor < BY_ITSELF {
        return if text == "true" {
            Some(Native::Yes)
        } else {
            refused()
        };
    }
    match text {
        "" => None,
        "false" => refused(),
        _ => Some(Native::Yes),
    }
}
