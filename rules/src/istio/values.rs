//! Helm values of Istio's charts.

use serde_json::Value;

/// Whether a document without a kind holds values of Istio's charts, by keys that only they have.
pub fn are_istio_values(document: &Value) -> bool {
    document
        .pointer("/pilot/keepaliveMaxServerConnectionAge")
        .is_some()
}
