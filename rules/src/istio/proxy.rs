//! Istio's proxy in a pod: sidecar, gateway, waypoint, or a stub that the injector fills in.

use crate::istio::PROXY;
use crate::istio::image::{Component, Image};
use crate::istio::workload::{List, PodTemplate, arguments};
use crate::object::Node;

/// The container `istio-proxy` of a pod.
#[derive(Clone, Debug)]
pub struct Proxy<'a> {
    /// The container.
    pub container: Node<'a>,
    /// The list it stands in.
    pub list: List,
    /// Its index in the list.
    pub index: usize,
    /// What it is.
    pub role: Role,
}

/// What a container called `istio-proxy` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `proxy sidecar`.
    Sidecar,
    /// `proxy router`.
    Gateway,
    /// `proxy waypoint`.
    Waypoint,
    /// `proxy --domain`, as mixer and the add-ons of its time had it.
    MixerEra,
    /// ztunnel, whose container has the same name.
    Ztunnel,
    /// Filled in at injection: no image, `image: auto`, or neither command nor arguments.
    Stub,
    /// Started in a way that is not Istio's.
    Foreign,
}

impl<'a> Proxy<'a> {
    /// Finds the proxy of a pod; among the init containers only where the containers have none.
    pub fn of(template: &PodTemplate<'a>) -> Option<Self> {
        [List::Containers, List::InitContainers]
            .into_iter()
            .find_map(|list| {
                let container = template.container(list, PROXY)?;
                let index = container.index()?;
                let role = role(&container);
                Some(Self {
                    container,
                    list,
                    index,
                    role,
                })
            })
    }

    /// Whether the container stands in the manifest as it will run.
    pub fn is_rendered(&self) -> bool {
        !matches!(self.role, Role::Stub)
    }

    /// A native sidecar: an init container that is restarted for ever.
    pub fn is_native(&self) -> bool {
        self.list == List::InitContainers
            && self.container.str_at("restartPolicy") == Some("Always")
    }

    /// An init container that must end before the application starts, which a proxy never does.
    pub fn is_blocking_init(&self) -> bool {
        self.list == List::InitContainers && !self.is_native()
    }

    /// The start hook that waits for the proxy (`pilot-agent wait`).
    pub fn wait_hook(&self) -> Option<Node<'a>> {
        let exec = self.container.at(&["lifecycle", "postStart", "exec"])?;
        let words: Vec<&str> = exec
            .items("command")
            .filter_map(|word| word.str())
            .collect();
        let text = words.join(" ");
        (text.contains("pilot-agent") && text.contains("wait")).then_some(exec)
    }
}

fn role(container: &Node<'_>) -> Role {
    let image = container
        .get_set("image")
        .and_then(|image| image.str())
        .map(Image::parse);
    match image {
        None => return Role::Stub,
        Some(image) if image.is_auto() => return Role::Stub,
        Some(image) if image.component() == Some(Component::Ztunnel) => return Role::Ztunnel,
        Some(_) => {}
    }
    let words: Vec<&str> = arguments(container).iter().filter_map(Node::str).collect();
    if words.is_empty() && container.items("command").next().is_none() {
        return Role::Stub;
    }
    let mut behind = words.iter().skip_while(|word| **word != "proxy").skip(1);
    let starts_proxy = words.contains(&"proxy");
    match behind.next() {
        Some(&"sidecar") => Role::Sidecar,
        Some(&"router" | &"ingress") => Role::Gateway,
        Some(&"waypoint") => Role::Waypoint,
        Some(&"ztunnel") => Role::Ztunnel,
        _ if starts_proxy => Role::MixerEra,
        _ => Role::Foreign,
    }
}
