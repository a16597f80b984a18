//! That Istio's injector sees what was mended.

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Configuration, Hook, Kind, Snapshot, alike};

/// In the names of all of Istio's injecting webhooks: `rev.namespace.sidecar-injector.istio.io`.
const INJECTOR: &str = "sidecar-injector.istio.io";
/// Sorts before Istio's.
const NAME: &str = "a0-meshcheck-webhook";
const IF_NEEDED: &str = "IfNeeded";

/// Configurations of injectors.
pub(super) fn injectors(snapshot: &Snapshot) -> impl Iterator<Item = &Configuration> {
    snapshot.configurations.iter().filter(|configuration| {
        let mut webhooks = configuration.webhooks.iter();
        configuration.kind == Kind::Mutating
            && webhooks.any(|webhook| webhook.name.contains(INJECTOR))
    })
}

/// The configuration that changes objects, against each injector.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for hook in snapshot.mains().filter(Hook::mutates) {
        let own = hook.configuration.name();
        let all: Vec<_> = injectors(snapshot).map(Configuration::name).collect();
        let before: Vec<_> = all.iter().copied().filter(|name| *name < own).collect();
        if before.is_empty() {
            notes.fine(match all.as_slice() {
                [] => format!("{own} would be called before Istio's injector, which is not there"),
                _ => format!("{own} is called before {}", all.join(", ")),
            });
        } else {
            late(&hook, &before.join(", "), notes);
        }
    }
    let mutate = snapshot.hooks().filter(Hook::mutates);
    for hook in alike(mutate, |hook| hook.webhook.reinvocation_policy.clone()) {
        again(&hook, notes);
    }
}

fn late(hook: &Hook<'_>, injectors: &str, notes: &mut Notes) {
    notes
        .error(
            hook.place(),
            format!(
                "is called after {injectors}: the API server goes by the names of configurations"
            ),
        )
        .leads_to(
            "Istio injects before the hold annotation is there, so applications start before their \
             proxy",
        )
        .help(format!(
            "call it {NAME}, as the manifests do, and delete this one"
        ))
        .command(format!("kubectl delete {}", hook.configuration.resource()));
}

fn again(hook: &Hook<'_>, notes: &mut Notes) {
    if hook.webhook.reinvocation_policy.as_deref() == Some(IF_NEEDED) {
        return;
    }
    notes
        .warning(hook.place(), "reinvocationPolicy is not IfNeeded")
        .leads_to("what a later webhook adds to an object, such as a proxy, is not mended")
        .help("let it be called again when the object changed")
        .command(hook.set("reinvocationPolicy", "\"IfNeeded\""));
}
