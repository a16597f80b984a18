//! That one of the webhook can be away.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;
use kube::core::{Selector, SelectorExt as _};
use meshcheck_rules::Severity;

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Install, Snapshot};
use crate::output::counted;

/// Each Deployment behind a Service.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        let mut hooks = snapshot.hooks_to(install).peekable();
        if hooks.peek().is_none() {
            continue;
        }
        let fails_closed = hooks.any(|hook| hook.fails_closed());
        let Some(deployments) = notes.seen(&install.deployments) else {
            continue;
        };
        for deployment in deployments {
            count(install, deployment, fails_closed, notes);
        }
    }
}

fn count(install: &Install, deployment: &Deployment, fails_closed: bool, notes: &mut Notes) {
    let place = format!("Deployment {}/{}", install.namespace, deployment.name_any());
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let ready = deployment
        .status
        .as_ref()
        .and_then(|status| status.ready_replicas);
    let ready = ready.unwrap_or(0);
    let (namespace, name) = (&install.namespace, deployment.name_any());
    if wanted < 2 {
        // With none, the Service has no endpoint, which is an error of its own.
        let severity = if fails_closed {
            Severity::Error
        } else {
            Severity::Warning
        };
        let leads_to = if fails_closed {
            "while its one Pod moves to another node, everything that it is asked about is refused"
        } else {
            "while its one Pod moves to another node, everything passes, and nobody is told"
        };
        notes
            .problem(
                severity,
                place.clone(),
                format!(
                    "asks for {}",
                    counted(usize::try_from(wanted).unwrap_or(0), "replica")
                ),
            )
            .leads_to(leads_to)
            .help("run three")
            .command(format!(
                "kubectl -n {namespace} scale deployment {name} --replicas=3"
            ));
    }
    if ready < wanted {
        notes
            .warning(
                place.clone(),
                format!("{ready} of {wanted} replicas are ready"),
            )
            .leads_to("what is left may be too little when a node goes away")
            .help("see what keeps the others")
            .command(format!(
                "kubectl -n {namespace} rollout status deployment {name}"
            ));
    }
    if let Some(budgets) = notes.seen(&install.budgets) {
        budget(install, deployment, budgets, notes);
    }
    if notes.is_clean() {
        notes.fine(format!(
            "{place}: {ready} of {wanted} ready, with a disruption budget"
        ));
    }
}

fn budget(
    install: &Install,
    deployment: &Deployment,
    budgets: &[PodDisruptionBudget],
    notes: &mut Notes,
) {
    let place = format!("Deployment {}/{}", install.namespace, deployment.name_any());
    let template = deployment.spec.as_ref().map(|spec| &spec.template);
    let labels = template.and_then(|template| template.metadata.as_ref()?.labels.clone());
    let labels = labels.unwrap_or_default();
    let covers = |budget: &&PodDisruptionBudget| {
        let selector = budget.spec.as_ref().and_then(|spec| spec.selector.clone());
        let selector = selector.and_then(|selector| Selector::try_from(selector).ok());
        selector.is_some_and(|selector| selector.matches(&labels))
    };
    let Some(budget) = budgets.iter().find(covers) else {
        notes
            .warning(place, "has no PodDisruptionBudget")
            .leads_to("a drain may take all of its Pods at once")
            .help("install the one of the manifests")
            .command("kubectl apply -f manifests/base/disruption-budget.yaml");
        return;
    };
    let status = budget.status.as_ref();
    if status.is_some_and(|status| {
        status.disruptions_allowed == Some(0) && status.expected_pods > Some(0)
    }) {
        let (namespace, name) = (&install.namespace, budget.name_any());
        notes
            .warning(
                format!("PodDisruptionBudget {namespace}/{name}"),
                "lets no Pod go at the moment",
            )
            .leads_to("the drain of a node waits for it")
            .help("bring the missing Pods up, or let one be away")
            .command(format!(
                "kubectl -n {namespace} describe poddisruptionbudget {name}"
            ));
    }
}
