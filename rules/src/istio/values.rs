//! Helm values of Istio's charts.

use serde_json::Value;

use crate::istio::args::AGE;

/// Keys below `pilot` that only Istio's charts have.
const PILOT_KEYS: &[&str] = &[
    AGE,
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

/// Whether a document without a kind holds values of the istiod chart, its own or those of a chart
/// that depends on it, which stand below a name.
pub fn hold_istio_values(document: &Value) -> bool {
    are_istio_values(document)
        || document
            .as_object()
            .is_some_and(|root| root.values().any(are_istio_values))
}

/// Whether a mapping holds values of the istiod chart: by keys that only it has.
pub fn are_istio_values(document: &Value) -> bool {
    let Some(root) = document.as_object() else {
        return false;
    };
    if root.contains_key(AGE) || root.contains_key("_internal_defaults_do_not_set") {
        return true;
    }
    let pilot = root.get("pilot").and_then(Value::as_object);
    let Some(pilot) = pilot else { return false };
    PILOT_KEYS.iter().any(|key| pilot.contains_key(*key))
        || [
            "sidecarInjectorWebhook",
            "meshConfig",
            "istiodRemote",
            "istio_cni",
        ]
        .iter()
        .any(|key| root.contains_key(*key))
}
