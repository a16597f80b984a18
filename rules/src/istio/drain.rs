//! How long a proxy drains before it ends.
//!
//! On SIGTERM the agent drains Envoy's listeners and waits `terminationDrainDuration` (5s by default).
//! With `EXIT_ON_ZERO_ACTIVE_CONNECTIONS` it waits `MINIMUM_DRAIN_DURATION` (5s) instead, and then until
//! no connection is left (pkg/envoy/agent.go).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::istio::duration::GoDuration;
use crate::istio::go_bool;
use crate::yaml;

/// Field of the proxy config.
pub const DRAIN: &str = "terminationDrainDuration";
/// Field of the proxy config whose entries become environment variables of the proxy.
pub const METADATA: &str = "proxyMetadata";
/// Variable that makes the agent wait until no connection is left.
pub const EXIT_ON_ZERO: &str = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS";
/// Variable: how long it waits before it looks.
pub const MINIMUM: &str = "MINIMUM_DRAIN_DURATION";
/// Variable of 1.9 and older that beats the field, in whole seconds.
pub const LEGACY: &str = "TERMINATION_DRAIN_DURATION_SECONDS";

/// What a proxy config says of draining.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Drain {
    /// `terminationDrainDuration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination: Option<GoDuration>,
    /// `EXIT_ON_ZERO_ACTIVE_CONNECTIONS` in `proxyMetadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_on_zero: Option<bool>,
    /// `MINIMUM_DRAIN_DURATION` in `proxyMetadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<GoDuration>,
}

impl Drain {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads a proxy config: the text of annotation `proxy.istio.io/config`, or `PROXY_CONFIG`.
    pub fn read(text: &str) -> Self {
        yaml::value_of(text).map_or_else(|_| Self::default(), |config| Self::in_config(&config))
    }

    /// Reads a proxy config that was parsed already. Names are read as protobuf has them, too.
    pub fn in_config(config: &Value) -> Self {
        let field = |name: &str, proto: &str| config.get(name).or_else(|| config.get(proto));
        let metadata = field(METADATA, "proxy_metadata");
        let variable = |name: &str| metadata.and_then(|map| map.get(name)?.as_str());
        let termination = field(DRAIN, "termination_drain_duration").and_then(Value::as_str);
        Self {
            termination: termination.and_then(duration),
            exit_on_zero: variable(EXIT_ON_ZERO).and_then(go_bool),
            minimum: variable(MINIMUM).and_then(duration),
        }
    }
}

/// A duration; none where Istio would take its default or refuse it.
pub fn duration(text: &str) -> Option<GoDuration> {
    GoDuration::parse(text).ok()
}
