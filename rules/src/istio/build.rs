//! The Istio programs in a workload and the version that each of them states.

use serde_json::Value;

use crate::istio::PROXY;
use crate::istio::image::{Component, Image, Tag};
use crate::istio::istiod::Istiod;
use crate::istio::proxy::{Proxy, Role};
use crate::istio::version::{Minor, Version};
use crate::istio::workload::{List, PodTemplate};
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

/// A label that names a version.
#[derive(Clone, Copy, Debug)]
struct Label<'l> {
    name: &'static str,
    text: &'l str,
}

/// The label that Helm's charts carry.
const CHART: &str = "helm.sh/chart";
/// Istio's charts that run something.
const CHARTS: &[&str] = &["istiod", "cni", "ztunnel", "gateway"];
/// What the charts in Istio's source carry instead of a version.
const PLACEHOLDER: Tag = Tag::Release(Version {
    minor: Minor::one(0),
    patch: Some(0),
});

impl Label<'_> {
    /// The version; none for what charts carry that were built from source.
    fn read(&self) -> Option<Tag> {
        let text = if self.name == CHART {
            let of_chart = |chart: &&str| self.text.strip_prefix(*chart)?.strip_prefix('-');
            // Helm writes `_` for the `+` of a build.
            CHARTS.iter().find_map(of_chart)?.split('_').next()?
        } else {
            self.text
        };
        let tag = Tag::read(text);
        (!matches!(tag, Tag::Unreadable) && tag != PLACEHOLDER).then_some(tag)
    }

    /// Whether a revision is called `1-24-2` or `asm-1-25`.
    fn is_revision_of_version(&self) -> bool {
        let mut words = self.text.split('-').skip_while(|word| *word != "1").skip(1);
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        words.next().is_some_and(is_number)
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
        let label = if of_sidecar { None } else { self.label() };
        let hint_text = self.hint(label.as_ref());
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
        match label.map(|label| (label.read(), label)) {
            Some((Some(tag), label)) if image.digest.is_some() => {
                Stated::Version(tag, format!("label `{}: {}`", label.name, label.text))
            }
            _ => Stated::Unknown {
                why: why.to_owned(),
                hint: hint_text.filter(|_| image.digest.is_some()),
            },
        }
    }

    /// `app.kubernetes.io/version`, then `operator.istio.io/version`, then the chart's, on the object or
    /// its pod.
    fn label(&self) -> Option<Label<'_>> {
        [
            "app.kubernetes.io/version",
            "operator.istio.io/version",
            CHART,
        ]
        .into_iter()
        .find_map(|name| self.labelled(name))
    }

    fn labelled(&self, name: &'static str) -> Option<Label<'_>> {
        let own = self.object.root.at(&["metadata", "labels"]);
        let pod = self.template.node.at(&["metadata", "labels"]);
        let mut labels = [own, pod].into_iter().flatten();
        let text = labels.find_map(|labels| labels.str_at(name))?;
        Some(Label { name, text })
    }

    /// What a label says where it does not decide; a revision may be called after a version.
    fn hint(&self, label: Option<&Label<'_>>) -> Option<String> {
        let revision = || {
            self.labelled("istio.io/rev")
                .filter(Label::is_revision_of_version)
        };
        let said = |label: &Label<'_>| format!("label {} says {}", label.name, label.text);
        label.map(said).or_else(|| revision().as_ref().map(said))
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
