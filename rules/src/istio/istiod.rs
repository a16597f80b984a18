//! istiod: which container it is, and how it is started.

use crate::istio::args::{AGE, Arguments, INTERVAL, TIMEOUT};
use crate::istio::image::{Component, Image};
use crate::istio::workload::{List, PodTemplate, arguments};
use crate::object::{Node, Object};

/// The container of istiod in a workload.
#[derive(Clone, Debug)]
pub struct Istiod<'a> {
    /// The container.
    pub container: Node<'a>,
    /// Its arguments.
    pub arguments: Arguments<'a>,
    /// Whether the object is only a patch, of which nothing is missing.
    pub is_patch: bool,
    /// Whether a program of somebody's own starts istiod, so that the arguments are not istiod's.
    pub is_wrapped: bool,
}

impl<'a> Istiod<'a> {
    /// The istiod in a container that an installer is going to write.
    pub fn in_container(container: Node<'a>) -> Self {
        Self {
            arguments: Arguments::of(&container),
            is_patch: false,
            is_wrapped: false,
            container,
        }
    }

    /// Finds istiod in a workload: by label `app=istiod` or container `discovery`, and by a pilot
    /// image or istiod's arguments. A patch may have neither image nor arguments: then the object's
    /// name must say it.
    pub fn of(object: &Object<'a>, template: &PodTemplate<'a>) -> Option<Self> {
        let labelled = template.label("app") == Some("istiod")
            || object
                .root
                .at(&["metadata", "labels"])
                .and_then(|l| l.str_at("app"))
                == Some("istiod");
        let named = object.name.is_some_and(|name| {
            ["istiod", "istio-pilot"]
                .iter()
                .any(|stem| name.starts_with(stem))
        });
        let container = template.containers(List::Containers).find(|container| {
            let is_discovery = container.str_at("name") == Some("discovery");
            let runs_istiod = has_pilot_image(container) || has_istiod_arguments(container);
            let patches_istiod = template.is_patch && named && container.get_set("image").is_none();
            (is_discovery && (runs_istiod || patches_istiod)) || (labelled && runs_istiod)
        })?;
        Some(Self {
            arguments: Arguments::of(&container),
            is_patch: template.is_patch,
            is_wrapped: is_wrapped(&container),
            container,
        })
    }
}

fn has_pilot_image(container: &Node<'_>) -> bool {
    let image = container.str_at("image").map(Image::parse);
    image.and_then(|image| image.component()) == Some(Component::Pilot)
}

fn has_istiod_arguments(container: &Node<'_>) -> bool {
    let flags = [AGE, INTERVAL, TIMEOUT];
    arguments(container)
        .iter()
        .filter_map(Node::str)
        .any(|text| {
            let name = text
                .trim_start_matches('-')
                .split(['=', ' '])
                .next()
                .unwrap_or_default();
            text == "discovery" || (text.starts_with("--") && flags.contains(&name))
        })
}

/// Whether `command` starts something else than istiod's own program.
fn is_wrapped(container: &Node<'_>) -> bool {
    let program = container.items("command").next();
    program.and_then(|node| node.str()).is_some_and(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.starts_with("pilot-discovery")
    })
}
