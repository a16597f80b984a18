//! Helm values of Istio's charts, which do not say what they are: told by keys that only these charts have.

use serde_json::{Map, Value};

use crate::istio::args::AGE;
use crate::istio::image::Image;
use crate::istio::install::{Chart, DEFAULTS, INTERNAL};
use crate::istio::resembles;

type Members = Map<String, Value>;

/// Keys at the root that only istiod's chart has.
const ROOT: &[&str] = &["sidecarInjectorWebhook", "istiodRemote", "istio_cni"];

/// Keys below `pilot` that only Istio's charts have.
const PILOT: &[&str] = &[
    "autoscaleMin",
    "autoscaleMax",
    "autoscaleEnabled",
    "traceSampling",
    "rollingMaxSurge",
    "rollingMaxUnavailable",
    "enableProtocolSniffingForOutbound",
    "taint",
    "trustedZtunnelNamespace",
];

/// How variables of istiod's begin.
const VARIABLES: &[&str] = &[
    "PILOT_",
    "ISTIO_",
    "ISTIOD_",
    "GRPC_KEEPALIVE_",
    "ENABLE_NATIVE_SIDECARS",
];

/// Keys of a mesh config.
const MESH_CONFIG: &[&str] = &[
    "accessLogEncoding",
    "accessLogFile",
    "accessLogFormat",
    "defaultConfig",
    "defaultProviders",
    "discoverySelectors",
    "enableAutoMtls",
    "enablePrometheusMerge",
    "enableTracing",
    "extensionProviders",
    "ingressControllerMode",
    "localityLbSetting",
    "outboundTrafficPolicy",
    "rootNamespace",
    "trustDomain",
];

/// Keys below `global.proxy`.
const PROXY: &[&str] = &[
    "autoInject",
    "componentLogLevel",
    "excludeIPRanges",
    "excludeInboundPorts",
    "excludeOutboundPorts",
    "holdApplicationUntilProxyStarts",
    "includeIPRanges",
    "includeInboundPorts",
    "readinessFailureThreshold",
    "readinessInitialDelaySeconds",
    "readinessPeriodSeconds",
    "statusPort",
];

/// Keys of the CNI agent's chart, at the root or below `cni`.
const CNI: &[&str] = &[
    "cniBinDir",
    "cniConfDir",
    "cniConfFileName",
    "cniNetnsDir",
    "reconcileIptablesOnStartup",
];

/// Keys of ztunnel's chart that no other has together.
const ZTUNNEL: &[&[&str]] = &[
    &["xdsAddress", "caAddress"],
    &["l7Enabled"],
    &["istioNamespace", "logLevel"],
    &["istioNamespace", "caAddress"],
];

/// Keys of the base chart, at the root or below `base`.
const BASE: &[&str] = &[
    "defaultRevision",
    "enableCRDTemplates",
    "excludedCRDs",
    "validationURL",
    "validationCABundle",
];

/// Whether a document without a kind holds values of the istiod chart, its own or those of a chart
/// that depends on it, which stand below a name; or those of another of Istio's charts.
pub fn hold_istio_values(document: &Value) -> bool {
    chart_of(document).is_some()
        || document
            .as_object()
            .is_some_and(|root| root.values().any(are_istio_values))
}

/// Whether a mapping holds values of the istiod chart: by keys that only it has.
pub fn are_istio_values(document: &Value) -> bool {
    document.as_object().is_some_and(is_istiods)
}

/// The chart of Istio's whose values a mapping holds, told by keys that only it has. What might be
/// anybody's is nobody's.
pub fn chart_of(document: &Value) -> Option<Chart> {
    let root = document.as_object()?;
    // The file of a chart itself, and who writes into what it keeps for itself.
    if let Some(chart) = root.get(INTERNAL).and_then(chart_of) {
        return Some(chart);
    }
    let below = |key: &str| root.get(key).and_then(Value::as_object);
    let has = |members: &Members, keys: &[&str]| keys.iter().any(|key| members.contains_key(*key));
    let is_cnis = has(root, CNI) || below("cni").is_some_and(|cni| has(cni, CNI));
    let is_bases = has(root, BASE) || below("base").is_some_and(|base| has(base, BASE));
    let is_ztunnels = ZTUNNEL
        .iter()
        .any(|keys| keys.iter().all(|key| root.contains_key(*key)))
        || root.get("image").and_then(Value::as_str) == Some("ztunnel");
    let chart = match () {
        () if is_ztunnels => Chart::Ztunnel,
        () if is_istiods(root) => Chart::Istiod,
        () if is_cnis => Chart::Cni,
        () if is_gateways(root) => Chart::Gateway,
        () if is_bases => Chart::Base,
        // Of several charts with the same hub and tag this is the one that matters.
        () if below("global").is_some_and(has_istios_hub) => Chart::Istiod,
        () => return None,
    };
    Some(chart)
}

fn is_istiods(root: &Members) -> bool {
    let below = |key: &str| root.get(key).and_then(Value::as_object);
    let has = |members: Option<&Members>, keys: &[&str]| {
        members.is_some_and(|members| keys.iter().any(|key| members.contains_key(*key)))
    };
    let proxy = below("global").and_then(|global| global.get("proxy")?.as_object());
    let injector = ROOT.iter().any(|key| below(key).is_some());
    let own = [DEFAULTS, INTERNAL].into_iter().filter_map(below);
    is_tuned(root)
        || injector
        || below("pilot").is_some_and(is_pilots)
        || has(below("meshConfig"), MESH_CONFIG)
        || has(proxy, PROXY)
        || own.into_iter().any(is_istiods)
}

/// Whether these are settings of istiod itself.
fn is_pilots(pilot: &Members) -> bool {
    let environment = pilot.get("env").and_then(Value::as_object);
    let is_istiods = |name: &String| VARIABLES.iter().any(|start| name.starts_with(start));
    let image = pilot.get("image").and_then(Value::as_str);
    is_tuned(pilot)
        || PILOT.iter().any(|key| pilot.contains_key(*key))
        || environment.is_some_and(|variables| variables.keys().any(is_istiods))
        || image.is_some_and(|image| image.contains("/pilot:") || image.contains("/pilot@"))
}

/// Whether somebody sets the age there, or means to.
fn is_tuned(members: &Members) -> bool {
    let extra = members.get("extraContainerArgs").and_then(Value::as_array);
    let sets = |item: &Value| {
        item.as_str()
            .is_some_and(|text| text.starts_with("--keepalive"))
    };
    members.keys().any(|key| resembles(key, AGE))
        || extra.is_some_and(|items| items.iter().any(sets))
}

/// Whether images come from a place that speaks of Istio.
fn has_istios_hub(global: &Members) -> bool {
    let hub = global.get("hub").and_then(Value::as_str);
    hub.is_some_and(|hub| Image::parse(&format!("{hub}/pilot")).is_of_istio())
}

/// A gateway's pods are labelled as such, and tell their state on Istio's port.
fn is_gateways(root: &Members) -> bool {
    let label = root.get("labels").and_then(|labels| labels.get("istio"));
    let label = label.and_then(Value::as_str);
    let ports = root.get("service").and_then(|service| service.get("ports"));
    let is_status = |port: &Value| {
        port.get("name").and_then(Value::as_str) == Some("status-port")
            && port.get("port").and_then(Value::as_u64) == Some(15021)
    };
    root.contains_key("networkGateway")
        || label.is_some_and(|label| label.ends_with("gateway"))
        || ports
            .and_then(Value::as_array)
            .is_some_and(|ports| ports.iter().any(is_status))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn charts_are_told_by_keys_of_their_own() {
        let cases = [
            (json!({"pilot": {"autoscaleMin": 2}}), Some(Chart::Istiod)),
            (
                json!({"pilot": {"env": {"PILOT_ENABLE_STATUS": "true"}}}),
                Some(Chart::Istiod),
            ),
            (
                json!({"keepAliveMaxServerConnectionAge": "10m"}),
                Some(Chart::Istiod),
            ),
            (
                json!({"extraContainerArgs": ["--keepaliveInterval=30s"]}),
                Some(Chart::Istiod),
            ),
            (
                json!({"meshConfig": {"defaultConfig": {}}}),
                Some(Chart::Istiod),
            ),
            (
                json!({"global": {"proxy": {"statusPort": 0}}}),
                Some(Chart::Istiod),
            ),
            (
                json!({"global": {"hub": "gcr.io/istio-release"}}),
                Some(Chart::Istiod),
            ),
            (json!({"cni": {"cniBinDir": "/bin"}}), Some(Chart::Cni)),
            (
                json!({"cniBinDir": "/bin", "global": {"tag": "1.31.1"}}),
                Some(Chart::Cni),
            ),
            (json!({"defaultRevision": "canary"}), Some(Chart::Base)),
            (
                json!({"labels": {"istio": "ingressgateway"}}),
                Some(Chart::Gateway),
            ),
            (
                json!({"xdsAddress": "", "caAddress": ""}),
                Some(Chart::Ztunnel),
            ),
        ];
        for (values, chart) in cases {
            assert_eq!(chart_of(&values), chart, "{values}");
        }
    }

    #[test]
    fn what_others_have_too_is_nobodys() {
        let cases = [
            json!({}),
            json!({"pilot": {"replicaCount": 3}}),
            json!({"pilot": {"image": "example.com/autopilot:1"}}),
            json!({"pilot": null, "global": {"logAsJson": true}}),
            json!({"global": {"hub": "a", "tag": "1.16.1"}}),
            json!({"global": {"proxy": {"resources": {}}}}),
            json!({"meshConfig": {"enabled": true}}),
            json!({"extraContainerArgs": ["--verbose"]}),
            json!({"profile": "demo"}),
            json!({"revision": "canary"}),
            json!({"labels": {"istio": "yes"}, "service": {"ports": [{"port": 80}]}}),
            json!({"replicaCount": 2, "image": {"tag": "1.0"}, "ingress": {"enabled": true}}),
        ];
        for values in cases {
            assert_eq!(chart_of(&values), None, "{values}");
        }
    }
}
