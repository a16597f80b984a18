//! The Istio programs in a workload and the version that each of them states.

use serde_json::Value;

use crate::istio::image::{Component, Image, Tag};
use crate::istio::istiod::Istiod;
use crate::istio::proxy::{Proxy, Role};
use crate::istio::workload::{List, PodTemplate};
use crate::istio::{PROXY, version::Version};
use crate::object::{Node, Object};
use crate::yaml;

/// A container that runs one of Istio's programs.
#[derive(Clone, Debug)]
pub struct Build<'a> {
    /// Which program.
    pub component: Component,
    /// The field that holds the image.
    pub node: Node<'a>,
    /// The image.
    pub image: Image<'a>,
    /// What is known of its version.
    pub stated: Stated,
}

/// What a manifest states of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stated {
    /// The version and where it stands, such as "tag `1.31.1`".
    Version(Tag, String),
    /// Nothing that could be judged: why, and what a label says, as a hint only.
    Unknown {
        /// `tag latest`, `no tag`.
        why: String,
        /// A label that names a version.
        hint: Option<String>,
    },
}

impl Stated {
    /// Reads the text of a tag.
    pub fn of_tag(tag: &str, hint: Option<String>) -> Self {
        match Tag::read(tag) {
            _ if Image::is_template(tag) => Self::Unknown {
                why: format!("`{tag}` is filled in later"),
                hint,
            },
            Tag::Unreadable if tag.is_empty() => Self::Unknown {
                why: "nothing stands behind the colon".to_owned(),
                hint,
            },
            Tag::Unreadable => Self::Unknown {
                why: format!("tag `{tag}` states no version"),
                hint,
            },
            read => Self::Version(read, format!("tag `{tag}`")),
        }
    }

    /// The version, where it is known.
    pub fn version(&self) -> Option<Version> {
        match self {
            Self::Version(tag, _) => tag.version(),
            Self::Unknown { .. } => None,
        }
    }
}

impl<'a> Build<'a> {
    /// Whether it is the program of this container.
    pub fn is_in(&self, container: &Node<'_>) -> bool {
        container
            .value()
            .get("image")
            .is_some_and(|image| std::ptr::eq(image, self.node.value()))
    }

    /// All of Istio's programs in a workload.
    pub fn all(
        object: &Object<'a>,
        template: &PodTemplate<'a>,
        istiod: Option<&Istiod<'a>>,
        proxy: Option<&Proxy<'a>>,
    ) -> Vec<Self> {
        let labels = Labels { object, template };
        let mut builds = Vec::new();
        for list in [List::Containers, List::InitContainers] {
            for container in template.containers(list) {
                let Some(node) = container.get_set("image") else {
                    continue;
                };
                let Some(reference) = node.str() else {
                    continue;
                };
                let image = Image::parse(reference);
                let is_istiod = istiod.is_some_and(|istiod| {
                    std::ptr::eq(istiod.container.value(), container.value())
                });
                let is_proxy = container.str_at("name") == Some(PROXY);
                let component = match image.component() {
                    _ if image.is_auto() => continue,
                    _ if is_istiod => Component::Pilot,
                    Some(Component::Ztunnel) => Component::Ztunnel,
                    _ if is_proxy => Component::Proxy,
                    Some(
                        component @ (Component::Cni | Component::Agentgateway | Component::Retired),
                    ) => component,
                    Some(Component::Pilot) if image.is_of_istio() => Component::Pilot,
                    Some(Component::Pilot | Component::Proxy) | None => continue,
                };
                let of_sidecar = component == Component::Proxy
                    && proxy
                        .is_none_or(|proxy| !matches!(proxy.role, Role::Gateway | Role::Waypoint));
                let stated = labels.stated(reference, image, component, is_istiod, of_sidecar);
                builds.push(Self {
                    component,
                    node,
                    image,
                    stated,
                });
            }
        }
        builds
    }
}

/// Labels and annotations that name a version where the image does not.
struct Labels<'o, 'a> {
    object: &'o Object<'a>,
    template: &'o PodTemplate<'a>,
}

impl Labels<'_, '_> {
    /// A label speaks for the object it stands on: an application's own version is not its proxy's.
    fn stated(
        &self,
        reference: &str,
        image: Image<'_>,
        component: Component,
        is_istiod: bool,
        of_sidecar: bool,
    ) -> Stated {
        let hint = if of_sidecar { None } else { self.label() };
        let hint_text = hint
            .as_ref()
            .map(|(label, version)| format!("label {label} says {version}"));
        if Image::is_template(reference)
            && image
                .tag
                .is_none_or(|tag| Tag::read(tag) == Tag::Unreadable)
        {
            return Stated::Unknown {
                why: format!("`{reference}` is filled in later"),
                hint: hint_text,
            };
        }
        if image.component().is_none() && component == Component::Proxy && !is_istiod {
            let why = format!("`{}` is no image name of Istio's", image.name);
            return Stated::Unknown {
                why,
                hint: hint_text,
            };
        }
        if let Some(tag) = image.tag {
            return Stated::of_tag(tag, hint_text);
        }
        if let Some(tag) = self.kbld_tag(reference) {
            return match Tag::read(&tag) {
                Tag::Unreadable => Stated::Unknown {
                    why: format!("tag `{tag}` states no version"),
                    hint: hint_text,
                },
                read => Stated::Version(read, format!("tag `{tag}` in kbld's annotation")),
            };
        }
        let why = match image.digest {
            Some(_) => "the image is given by digest only",
            None => "the image has no tag",
        };
        let unknown = || Stated::Unknown {
            why: why.to_owned(),
            hint: None,
        };
        match hint {
            Some((label, text)) if image.digest.is_some() => match Tag::read(text) {
                Tag::Unreadable => unknown(),
                read => Stated::Version(read, format!("label `{label}: {text}`")),
            },
            _ => unknown(),
        }
    }

    /// `app.kubernetes.io/version`, then `operator.istio.io/version`, on the object or its pod.
    fn label(&self) -> Option<(&'static str, &str)> {
        let own = self.object.root.at(&["metadata", "labels"]);
        let pod = self.template.node.at(&["metadata", "labels"]);
        ["app.kubernetes.io/version", "operator.istio.io/version"]
            .into_iter()
            .find_map(|name| {
                let text = [&own, &pod]
                    .into_iter()
                    .flatten()
                    .find_map(|labels| labels.str_at(name))?;
                Some((name, text))
            })
    }

    /// The tag that kbld resolved to a digest, from its annotation.
    fn kbld_tag(&self, reference: &str) -> Option<String> {
        const KBLD: &str = "kbld.k14s.io/images";
        let own = self.object.root.at(&["metadata", "annotations"]);
        let pod = self.template.node.at(&["metadata", "annotations"]);
        let text = [own, pod]
            .into_iter()
            .flatten()
            .find_map(|node| node.str_at(KBLD))?;
        let resolved = yaml::value_of(text).ok()?;
        let entry = resolved.as_array()?.iter().find(|entry| {
            let url = entry.get("URL").or_else(|| entry.get("url"));
            url.and_then(Value::as_str) == Some(reference)
        })?;
        tag_in(entry)
    }
}

/// The first `tag` somewhere in an entry of kbld's annotation, or the one of a `url` in it.
fn tag_in(entry: &Value) -> Option<String> {
    match entry {
        Value::Object(members) => {
            let own =
                members
                    .iter()
                    .find_map(|(key, value)| match key.to_ascii_lowercase().as_str() {
                        "tag" => value.as_str().map(str::to_owned),
                        "url" => Image::parse(value.as_str()?).tag.map(str::to_owned),
                        _ => None,
                    });
            own.or_else(|| members.values().find_map(tag_in))
        }
        Value::Array(items) => items.iter().find_map(tag_in),
        _ => None,
    }
}
