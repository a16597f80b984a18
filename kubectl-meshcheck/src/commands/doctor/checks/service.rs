//! That the Service is there which the webhooks lead to.

use k8s_openapi::api::core::v1::Service;

use super::while_away;
use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Hook, Install, Snapshot, alike};

const EXTERNAL: &str = "ExternalName";
/// Where nothing is said.
const PORT: i32 = 443;

/// Each Service.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        let hooks = alike(snapshot.hooks_to(install), |hook| {
            (port(hook), hook.fails_closed())
        });
        if hooks.is_empty() {
            continue;
        }
        match &install.service {
            Err(why) => notes.unknown(why),
            Ok(None) => gone(install, &hooks, notes),
            Ok(Some(service)) => there(install, service, &hooks, notes),
        }
    }
}

fn gone(install: &Install, hooks: &[Hook<'_>], notes: &mut Notes) {
    for hook in hooks {
        let message = format!("leads to {}, which does not exist", install.place());
        notes
            .error(hook.place(), message)
            .leads_to(while_away(hook.fails_closed()))
            .help("install the webhook again, or take out what was left over")
            .command(format!("kubectl delete {}", hook.configuration.resource()));
    }
}

fn there(install: &Install, service: &Service, hooks: &[Hook<'_>], notes: &mut Notes) {
    let spec = service.spec.as_ref();
    if is_external(service) {
        let to = spec.and_then(|spec| spec.external_name.as_deref());
        let to = to.unwrap_or_default();
        return notes.fine(format!(
            "{} leads out of the cluster, to {to}",
            install.place()
        ));
    }
    let ports = spec
        .and_then(|spec| spec.ports.as_deref())
        .unwrap_or_default();
    let mut is_fine = true;
    for hook in hooks {
        let wanted = port(hook);
        if ports.iter().any(|port| port.port == wanted) {
            continue;
        }
        is_fine = false;
        let has: Vec<_> = ports.iter().map(|port| port.port.to_string()).collect();
        let message = format!(
            "leads to port {wanted} of {}, which has {}",
            install.place(),
            if has.is_empty() {
                "none".to_owned()
            } else {
                has.join(", ")
            }
        );
        notes
            .error(hook.place(), message)
            .leads_to(while_away(hook.fails_closed()))
            .help("apply Service and configurations of one version together")
            .command("kubectl apply -k manifests/base");
    }
    if is_fine {
        notes.fine(format!("{} is there", install.place()));
    }
}

fn port(hook: &Hook<'_>) -> i32 {
    hook.service().and_then(|to| to.port).unwrap_or(PORT)
}

/// Whether nothing of the cluster is behind it.
pub(super) fn is_external(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.is_some_and(|spec| spec.type_.as_deref() == Some(EXTERNAL))
}
