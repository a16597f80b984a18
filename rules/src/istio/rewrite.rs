//! Rewriting of the application's probes: the injector lets the kubelet ask the proxy's agent, which
//! asks the application.

use std::fmt;

use crate::istio::version::{Minor, Version};
use crate::istio::workload::{List, PodTemplate};
use crate::istio::{PROXY, go_bool};
use crate::object::Node;

/// Annotation of the pod that switches rewriting on or off.
pub const ANNOTATION: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
/// First minor that rewrites TCP probes.
const REWRITES_TCP: Minor = Minor::one(12);
/// First minor that rewrites gRPC probes.
const REWRITES_GRPC: Minor = Minor::one(13);

/// What a probe does, where the injector could rewrite it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handler {
    /// `httpGet`.
    Http,
    /// `tcpSocket`.
    Tcp,
    /// `grpc`.
    Grpc,
}

impl Handler {
    fn field(self) -> &'static str {
        match self {
            Self::Http => "httpGet",
            Self::Tcp => "tcpSocket",
            Self::Grpc => "grpc",
        }
    }

    /// Whether an injector of this version rewrites it; the newest does where the version is unknown.
    pub fn is_rewritten_by(self, version: Option<Version>) -> bool {
        let since = match self {
            Self::Http => return true,
            Self::Tcp => REWRITES_TCP,
            Self::Grpc => REWRITES_GRPC,
        };
        version.is_none_or(|version| version.minor >= since)
    }
}

/// A probe of the application that the injector rewrites unless told not to.
#[derive(Clone, Copy, Debug)]
pub struct AppProbe<'a> {
    container: &'a str,
    field: &'static str,
    /// What it does.
    pub handler: Handler,
    /// Whether it asks a port that the pod's annotations keep out of the proxy.
    pub bypasses_proxy: bool,
}

/// `` readinessProbe of `cart` ``.
impl fmt::Display for AppProbe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of `{}`", self.field, self.container)
    }
}

/// What the pod's annotation says of rewriting; `None` where it says nothing that Istio reads.
pub fn wish(template: &PodTemplate<'_>) -> Option<bool> {
    go_bool(template.annotation_text(ANNOTATION)?)
}

/// The application's HTTP, TCP and gRPC probes as they were written: none that was rewritten already.
pub fn probes<'a>(template: &PodTemplate<'a>) -> Vec<AppProbe<'a>> {
    let bypass = Bypass::of(template);
    let containers = [List::Containers, List::InitContainers]
        .into_iter()
        .flat_map(|list| template.containers(list));
    let applications = containers.filter(|container| container.str_at("name") != Some(PROXY));
    applications
        .flat_map(|container| of_container(&container, &bypass))
        .collect()
}

fn of_container<'a>(container: &Node<'a>, bypass: &Bypass<'_>) -> Vec<AppProbe<'a>> {
    let handlers = [Handler::Http, Handler::Tcp, Handler::Grpc];
    let probe = |field: &'static str| {
        let probe = container.get_set(field)?;
        let (handler, node) = handlers
            .into_iter()
            .find_map(|handler| Some((handler, probe.get_set(handler.field())?)))?;
        let is_rewritten = node
            .str_at("path")
            .is_some_and(|path| path.starts_with("/app-health/"));
        let port = node
            .get_set("port")
            .and_then(|port| super::probe::port_number(&port, container));
        (!is_rewritten).then(|| AppProbe {
            container: container.str_at("name").unwrap_or("?"),
            field,
            handler,
            bypasses_proxy: bypass.all || port.is_some_and(|port| bypass.takes(port)),
        })
    };
    ["startupProbe", "readinessProbe", "livenessProbe"]
        .into_iter()
        .filter_map(probe)
        .collect()
}

/// The ports of a pod that its annotations keep out of the proxy.
struct Bypass<'a> {
    /// Nothing is redirected to the proxy at all.
    all: bool,
    excluded: &'a str,
    /// `None` where all ports are redirected.
    included: Option<&'a str>,
}

impl<'a> Bypass<'a> {
    fn of(template: &PodTemplate<'a>) -> Self {
        let text = |name: &str| template.annotation_text(name);
        let excluded = text("traffic.sidecar.istio.io/excludeInboundPorts");
        let included = text("traffic.sidecar.istio.io/includeInboundPorts");
        Self {
            all: text("sidecar.istio.io/interceptionMode") == Some("NONE"),
            excluded: excluded.unwrap_or_default(),
            included: included.filter(|ports| ports.trim() != "*"),
        }
    }

    fn takes(&self, port: u64) -> bool {
        let lists = |ports: &str| {
            ports
                .split(',')
                .any(|entry| entry.trim().parse() == Ok(port))
        };
        // Only where all ports are redirected some can be excluded again.
        match self.included {
            Some(included) => !lists(included),
            None => lists(self.excluded),
        }
    }
}
