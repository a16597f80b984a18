//! That somebody is behind the Service.

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt as _;

use super::service::is_external;
use super::while_away;
use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Install, Snapshot};

/// Each Service that is there.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        let Ok(Some(service)) = &install.service else {
            continue;
        };
        let fails_closed = snapshot.hooks_to(install).any(|hook| hook.fails_closed());
        if is_external(service) || snapshot.hooks_to(install).next().is_none() {
            continue;
        }
        if let Some(slices) = notes.seen(&install.slices) {
            ready(install, slices, fails_closed, notes);
        }
    }
}

fn ready(install: &Install, slices: &[EndpointSlice], fails_closed: bool, notes: &mut Notes) {
    let endpoints = slices
        .iter()
        .flat_map(|slice| slice.endpoints.iter().flatten());
    // Ready where nothing is said.
    let is_ready = endpoints.map(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|conditions| conditions.ready) != Some(false)
    });
    let is_ready: Vec<bool> = is_ready.collect();
    let (ready, all) = (
        is_ready.iter().filter(|ready| **ready).count(),
        is_ready.len(),
    );
    if ready > 0 {
        // That some are not is told of the replicas.
        return notes.fine(format!("{ready} of {all} behind {} ready", install.place()));
    }
    let message = match all {
        0 => "has no endpoint".to_owned(),
        1 => "has 1 endpoint, which is not ready".to_owned(),
        _ => format!("has {all} endpoints, none of which is ready"),
    };
    let (help, command) = next_step(install);
    notes
        .error(install.place(), message)
        .leads_to(while_away(fails_closed))
        .help(help)
        .command(command);
}

/// Where the reason is to be seen.
fn next_step(install: &Install) -> (String, String) {
    let namespace = &install.namespace;
    let pods = install.pods.as_deref().unwrap_or_default();
    match pods.first() {
        None => (
            "there is no Pod: see whether there is a Deployment, and what it says".to_owned(),
            format!("kubectl -n {namespace} describe deployment,replicaset"),
        ),
        Some(pod) => (
            format!("see why {} is not ready", pod.name_any()),
            format!("kubectl -n {namespace} describe pod {}", pod.name_any()),
        ),
    }
}
