//! Probes: what they ask, and what Istio's own look like.

use serde_json::{Value, json};

use crate::finding::{Change, op};
use crate::istio::version::{Minor, Version};
use crate::object::Node;

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// A path on a port.
    Http {
        /// Path; `/` where none is said.
        path: String,
        /// Port number.
        port: u64,
    },
    /// Something that is not HTTP: shown for messages.
    Other(String),
    /// A command, or a port by a name that stands nowhere: nobody can say.
    Unknown,
}

impl Asks {
    /// Reads a probe of a container.
    pub fn of(probe: &Node<'_>, container: &Node<'_>) -> Self {
        if let Some(get) = probe.get_set("httpGet") {
            let path = get
                .str_at("path")
                .filter(|path| !path.is_empty())
                .unwrap_or("/")
                .to_owned();
            let port = get
                .get_set("port")
                .and_then(|port| port_number(&port, container));
            return port.map_or(Self::Unknown, |port| Self::Http { path, port });
        }
        for handler in ["tcpSocket", "grpc"] {
            if let Some(node) = probe.get_set(handler) {
                let port = node
                    .get_set("port")
                    .and_then(|port| port_number(&port, container));
                let port = port.map_or_else(|| "?".to_owned(), |port| port.to_string());
                return Self::Other(format!("{handler} on port {port}"));
            }
        }
        Self::Unknown
    }

    /// What it asks instead of something that says ready, for messages; `None` where it asks that, or
    /// nobody can say.
    pub fn other_than(self, is_ready: impl Fn(&str, u64) -> bool) -> Option<String> {
        match self {
            Self::Http { path, port } if is_ready(&path, port) => None,
            Self::Http { path, port } => Some(format!("GET {path} on port {port}")),
            Self::Other(what) => Some(what),
            Self::Unknown => None,
        }
    }
}

/// A port by number, by text, or by the name that one of the container's ports has.
pub(super) fn port_number(port: &Node<'_>, container: &Node<'_>) -> Option<u64> {
    let Some(text) = port.str() else {
        return port.value().as_u64();
    };
    text.parse().ok().or_else(|| {
        let named = container
            .items("ports")
            .find(|entry| entry.str_at("name") == Some(text))?;
        named.get("containerPort")?.value().as_u64()
    })
}

/// istiod's readiness probe, the same in all charts from 1.7 to 1.31.
pub fn istiod_readiness(port: u64) -> Value {
    json!({
        "httpGet": {"path": "/ready", "port": port},
        "initialDelaySeconds": 1,
        "periodSeconds": 3,
        "timeoutSeconds": 5,
    })
}

/// The path on which a proxy says that it is ready.
pub const PROXY_READY: &str = "/healthz/ready";
/// The ports on which it does: the agent's, and Envoy's in front of it.
pub const PROXY_READY_PORTS: &[u64] = &[15020, 15021];

/// First minor whose proxy listens on 15021.
const HAS_15021: Minor = Minor::one(6);
/// First minor with a startup probe, behind which readiness may ask rarely.
pub(crate) const HAS_STARTUP: Minor = Minor::one(20);

/// The port on which a proxy of this version should be asked.
pub fn proxy_port(version: Option<Version>) -> u64 {
    match version {
        Some(version) if version.minor < HAS_15021 => 15020,
        _ => 15021,
    }
}

/// The readiness probe of a sidecar of this version. With a startup probe before it, it asks rarely.
pub fn sidecar_readiness(version: Option<Version>, has_startup: bool) -> Value {
    let port = proxy_port(version);
    let get = json!({"path": PROXY_READY, "port": port});
    let is_new = version.is_none_or(|version| version.minor >= HAS_STARTUP);
    if has_startup && is_new {
        json!({"httpGet": get, "periodSeconds": 15, "timeoutSeconds": 3, "failureThreshold": 4})
    } else {
        json!({
            "httpGet": get,
            "initialDelaySeconds": 1,
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 30,
        })
    }
}

/// The startup probe of a sidecar, the same in all versions that have one.
pub fn sidecar_startup() -> Value {
    json!({
        "httpGet": {"path": PROXY_READY, "port": 15021},
        "periodSeconds": 1,
        "timeoutSeconds": 3,
        "failureThreshold": 600,
    })
}

/// The readiness probe of a gateway of this version.
pub fn gateway_readiness(version: Option<Version>) -> Value {
    json!({
        "httpGet": {"path": PROXY_READY, "port": proxy_port(version)},
        "initialDelaySeconds": 1,
        "periodSeconds": 2,
        "timeoutSeconds": 3,
        "failureThreshold": 30,
    })
}

/// Makes a probe of a proxy ask whether it is ready: another path and port where it asks by HTTP, else
/// the `whole` probe anew.
pub fn ask_proxy<'a>(probe: &Node<'a>, port: u64, whole: impl FnOnce() -> Value) -> Change<'a> {
    match probe.get_set("httpGet") {
        Some(get) => op::replace(&get, json!({"path": PROXY_READY, "port": port})),
        None => op::replace(probe, whole()),
    }
}
