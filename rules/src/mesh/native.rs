//! Whether the injector makes the proxy a native sidecar.

use crate::istio::boolean;
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
const NODES: KubernetesVersion = KubernetesVersion::one(33);

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
        if version.minor < CAN {
            let why = format!("istiod {version} has no native sidecars");
            return Native::No(why, Some(source));
        }
        if let Some(decided) = wish(template, version) {
            return decided;
        }
        let (setting, source) = match self.control_plane(revision) {
            Known::Yes(plane, told) => (plane.native_sidecars.clone(), told),
            Known::Disputed(..) | Known::No => (Setting::Unset, source),
        };
        let refused = |text: &str| {
            Native::No(
                format!("`ENABLE_NATIVE_SIDECARS` of istiod is {text:?}"),
                Some(source.clone()),
            )
        };
        match setting {
            Setting::Unknown => Native::Unknown(vec![
                "`ENABLE_NATIVE_SIDECARS` of istiod, which is set elsewhere".to_owned(),
            ]),
            Setting::Text(text) if version.minor < BY_ITSELF => {
                if boolean::parse(&text) == Some(true) {
                    Native::Yes
                } else {
                    refused(&text)
                }
            }
            Setting::Unset if version.minor < BY_ITSELF => {
                let why = "makes native sidecars only with `ENABLE_NATIVE_SIDECARS`";
                Native::No(format!("istiod {version} {why}"), Some(source))
            }
            Setting::Text(text) if text == "true" => Native::Yes,
            Setting::Text(text) if text != "auto" => refused(&text),
            Setting::Text(_) | Setting::Unset => self.by_nodes(template),
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
