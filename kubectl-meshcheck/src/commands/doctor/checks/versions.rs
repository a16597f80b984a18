//! Which version runs.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use kube::ResourceExt as _;
use meshcheck_rules::istio::image::Image;

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::gather::webhook_container;
use crate::commands::doctor::snapshot::{Install, Snapshot};

/// Each installation.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        let deployments = install.deployments.iter().flatten();
        for deployment in deployments {
            let pod = deployment
                .spec
                .as_ref()
                .and_then(|spec| spec.template.spec.as_ref());
            let Some(wanted) = pod.and_then(image) else {
                continue;
            };
            let place = format!("Deployment {}/{}", install.namespace, deployment.name_any());
            compare(snapshot.plugin, &place, wanted, notes);
            mixed(install, &place, wanted, notes);
        }
    }
}

fn image(pod: &PodSpec) -> Option<&str> {
    webhook_container(pod)?.image.as_deref()
}

fn compare(plugin: &str, place: &str, image: &str, notes: &mut Notes) {
    let Some(tag) = Image::parse(image).tag else {
        return notes.fine(format!("{place}: {image}, which names no version"));
    };
    let version = tag.strip_prefix('v').unwrap_or(tag);
    if version == plugin {
        return notes.fine(format!("{place}: {version}, as this plugin"));
    }
    let is_version = version.starts_with(|first: char| first.is_ascii_digit());
    if !is_version {
        return notes.fine(format!("{place}: tag {tag}, which names no version"));
    }
    notes
        .warning(
            place,
            format!("runs {version}, and this plugin is {plugin}"),
        )
        .leads_to("the same object can be judged differently in the cluster and on a laptop")
        .help("bring the older of the two to the version of the other");
}

/// Pods of another image than the Deployment has now.
fn mixed(install: &Install, place: &str, wanted: &str, notes: &mut Notes) {
    let pods = install.pods.iter().flatten();
    let others = pods.filter_map(|pod| image(pod.spec.as_ref()?));
    let others: BTreeSet<_> = others.filter(|other| *other != wanted).collect();
    let Some(other) = others.first() else {
        return;
    };
    notes
        .warning(
            place,
            format!("is on its way to {wanted}, and some Pods still run {other}"),
        )
        .leads_to("which of two versions judges an object is a matter of chance")
        .help("see whether the rollout goes on")
        .command(format!(
            "kubectl -n {} rollout status deployment",
            install.namespace
        ));
}
