//! Where the webhooks are asked.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;

use super::order::injectors;
use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::selection::{is_selected, selects};
use crate::commands::doctor::snapshot::{Hook, Snapshot, alike};
use crate::output::counted;

/// Of the cluster itself: what is refused there can keep the cluster from coming up.
const SYSTEM: &str = "kube-system";
const NAME: &str = "kubernetes.io/metadata.name";
/// Namespaces that are named; more are counted.
const NAMED: usize = 5;

/// Each webhook.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    let common = |hook: &Hook<'_>| {
        let selector = hook.webhook.namespace_selector.clone();
        (selector, hook.service().cloned(), hook.fails_closed())
    };
    for hook in alike(snapshot.hooks(), common) {
        excluded(&hook, notes);
    }
    let mains: Vec<_> = snapshot.mains().collect();
    for hook in &mains {
        by_object(hook, notes);
    }
    if mains.is_empty() {
        return;
    }
    if let Some(namespaces) = notes.seen(&snapshot.namespaces) {
        for hook in &mains {
            covered(snapshot, hook, namespaces, notes);
        }
    }
}

/// What it must not be asked about.
fn excluded(hook: &Hook<'_>, notes: &mut Notes) {
    let own = hook.service().map(|to| to.namespace.as_str());
    for name in [Some(SYSTEM), own].into_iter().flatten() {
        let labels = [(NAME.to_owned(), name.to_owned())].into();
        if !selects(hook, &labels) {
            continue;
        }
        let leads_to = if name == SYSTEM {
            "each change of the cluster's own parts waits for the webhook"
        } else {
            "its own Pods are judged by itself"
        };
        let locked = if hook.fails_closed() {
            ": with failurePolicy Fail they cannot come back once it is away"
        } else {
            ""
        };
        let place = hook.place();
        let problem = if hook.fails_closed() {
            notes.error(place, not_excluded(name))
        } else {
            notes.warning(place, not_excluded(name))
        };
        problem
            .leads_to(format!("{leads_to}{locked}"))
            .help("exclude it by name, as the manifests do")
            .command(exclude(hook, name));
    }
}

fn not_excluded(name: &str) -> String {
    format!("namespaceSelector does not exclude {name}")
}

/// Adds an expression to those that there are.
fn exclude(hook: &Hook<'_>, name: &str) -> String {
    let selector = hook.webhook.namespace_selector.as_ref();
    let expression =
        format!("{{\"key\": \"{NAME}\", \"operator\": \"NotIn\", \"values\": [\"{name}\"]}}");
    match selector.and_then(|selector| selector.match_expressions.as_ref()) {
        Some(_) => hook.set("namespaceSelector/matchExpressions/-", &expression),
        None => hook.set(
            "namespaceSelector/matchExpressions",
            &format!("[{expression}]"),
        ),
    }
}

fn by_object(hook: &Hook<'_>, notes: &mut Notes) {
    let selector = hook.webhook.object_selector.clone().unwrap_or_default();
    if selector.match_expressions.is_none() && selector.match_labels.is_none() {
        return;
    }
    notes
        .warning(hook.place(), "objectSelector selects by labels of objects")
        .leads_to("whoever may label an object may take it out of sight")
        .help("select by namespaces alone")
        .command(hook.set("objectSelector", "{}"));
}

fn covered(snapshot: &Snapshot, hook: &Hook<'_>, namespaces: &[Namespace], notes: &mut Notes) {
    let (asked, others): (Vec<_>, Vec<_>) = namespaces
        .iter()
        .partition(|namespace| is_selected(hook, namespace));
    if asked.is_empty() {
        notes
            .error(
                hook.place(),
                format!(
                    "namespaceSelector selects none of {}",
                    counted(namespaces.len(), "namespace")
                ),
            )
            .leads_to("it is never asked: everything passes")
            .help("apply the configuration of the manifests, which selects all but a few by name")
            .command("kubectl apply -k manifests/base");
        return;
    }
    let planes = control_planes(snapshot);
    let own = hook.service().map(|to| to.namespace.as_str());
    let missed = others.into_iter().filter(|namespace| {
        let name = namespace.name_any();
        let is_in_mesh = is_meshed(namespace) || planes.contains(name.as_str());
        is_in_mesh && name != SYSTEM && Some(name.as_str()) != own
    });
    let missed: Vec<_> = missed.map(ResourceExt::name_any).collect();
    if missed.is_empty() {
        let count = counted(namespaces.len(), "namespace");
        return notes.fine(format!(
            "{} is asked about {} of {count}",
            hook.place(),
            asked.len()
        ));
    }
    notes
        .warning(
            hook.place(),
            format!(
                "is not asked about {}, which the mesh is in",
                listed(&missed)
            ),
        )
        .leads_to("what is applied there is neither mended nor refused")
        .help("take it out of namespaceSelector, unless that is meant")
        .command(format!("kubectl edit {}", hook.configuration.resource()));
}

/// Whether its workloads are in a mesh.
fn is_meshed(namespace: &Namespace) -> bool {
    let labels = namespace.labels();
    let is = |key: &str, value: &str| labels.get(key).is_some_and(|found| found == value);
    is("istio-injection", "enabled")
        || is("istio.io/dataplane-mode", "ambient")
        || (labels.contains_key("istio.io/rev") && !is("istio-injection", "disabled"))
}

/// Namespaces of control planes: there the injectors are.
fn control_planes(snapshot: &Snapshot) -> BTreeSet<&str> {
    let webhooks = injectors(snapshot).flat_map(|configuration| &configuration.webhooks);
    let services = webhooks.filter_map(|webhook| webhook.client_config.service.as_ref());
    services.map(|to| to.namespace.as_str()).collect()
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let first = names[..names.len() - more].join(", ");
    match more {
        0 => first,
        _ => format!("{first} and {more} more"),
    }
}
