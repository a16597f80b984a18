//! Which namespaces a webhook is asked about.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::core::{Selector, SelectorExt as _};

use super::snapshot::Hook;

/// Whether the API server asks the webhook about objects in this namespace.
pub(super) fn is_selected(hook: &Hook<'_>, namespace: &Namespace) -> bool {
    let labels = namespace.metadata.labels.as_ref();
    selects(hook, labels.unwrap_or(&BTreeMap::new()))
}

/// The same of a namespace with these labels. A selector that the API server took can be read.
pub(super) fn selects(hook: &Hook<'_>, labels: &BTreeMap<String, String>) -> bool {
    let selector = hook.webhook.namespace_selector.clone().unwrap_or_default();
    Selector::try_from(selector).is_ok_and(|selector| selector.matches(labels))
}
