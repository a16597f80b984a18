//! What keeps Pods of the webhook from being made or from running.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use meshcheck_rules::Severity;

use super::while_away;
use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Install, Snapshot};

/// Reasons of a container that waits for an image.
const NO_IMAGE: [&str; 5] = [
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
];
/// Reasons of one that has what it needs, and is only not there yet.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// What is wrong, in the order in which it is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// The API server takes no Pod, and why.
    NotMade(String),
    /// No node takes it, and why.
    NotPlaced(String),
    /// The image, and why there is none.
    NoImage(String, String),
    /// The container cannot be made, and why.
    NotStarted(String),
    /// It ends again and again, and how.
    Crashes(String),
}

/// Each Deployment behind a Service.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        let mut hooks = snapshot.hooks_to(install).peekable();
        if hooks.peek().is_none() {
            continue;
        }
        let fails_closed = hooks.any(|hook| hook.fails_closed());
        let deployments = notes.seen(&install.deployments).into_iter().flatten();
        let deployments: Vec<_> = deployments.collect();
        let Some(pods) = notes.seen(&install.pods) else {
            continue;
        };
        for deployment in &deployments {
            let troubles = troubles(deployment, pods);
            if troubles.is_empty() {
                let place = place(install, deployment);
                notes.fine(format!("{place}: nothing keeps its Pods from running"));
            }
            for (trouble, pods) in troubles {
                tell(install, deployment, &trouble, &pods, fails_closed, notes);
            }
        }
    }
}

fn place(install: &Install, deployment: &Deployment) -> String {
    format!("Deployment {}/{}", install.namespace, deployment.name_any())
}

/// Each trouble, with the Pods that have it.
fn troubles(deployment: &Deployment, pods: &[Pod]) -> BTreeMap<Trouble, Vec<String>> {
    let mut troubles = BTreeMap::<_, Vec<_>>::new();
    let status = deployment.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    // The Deployment says what its ReplicaSet met with.
    let failed = conditions.find(|one| one.type_ == "ReplicaFailure" && one.status == "True");
    if let Some(failed) = failed {
        let why = failed.message.clone().unwrap_or_default();
        troubles.entry(Trouble::NotMade(why)).or_default();
    }
    for pod in pods {
        if let Some(trouble) = of_pod(pod) {
            troubles.entry(trouble).or_default().push(pod.name_any());
        }
    }
    troubles
}

fn of_pod(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    let unplaced = conditions
        .find(|one| one.type_ == "PodScheduled" && one.reason.as_deref() == Some("Unschedulable"));
    if let Some(unplaced) = unplaced {
        let why = unplaced.message.clone().unwrap_or_default();
        return Some(Trouble::NotPlaced(why));
    }
    let init = status.init_container_statuses.iter().flatten();
    let own = status.container_statuses.iter().flatten();
    init.chain(own).find_map(of_container)
}

fn of_container(container: &ContainerStatus) -> Option<Trouble> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let why = waiting.message.clone().unwrap_or_else(|| reason.to_owned());
    if NO_IMAGE.contains(&reason) {
        return Some(Trouble::NoImage(container.image.clone(), why));
    }
    if reason == "CrashLoopBackOff" {
        return Some(Trouble::Crashes(last_end(container)));
    }
    (!ON_ITS_WAY.contains(&reason)).then_some(Trouble::NotStarted(why))
}

/// How it ended the last time.
fn last_end(container: &ContainerStatus) -> String {
    let ended = container.last_state.as_ref();
    let Some(ended) = ended.and_then(|state| state.terminated.as_ref()) else {
        return "how it ended is not told".to_owned();
    };
    match ended.reason.as_deref() {
        Some("OOMKilled") => "it took more memory than its limit (OOMKilled)".to_owned(),
        _ => format!("it ended with exit code {}", ended.exit_code),
    }
}

fn tell(
    install: &Install,
    deployment: &Deployment,
    trouble: &Trouble,
    pods: &[String],
    fails_closed: bool,
    notes: &mut Notes,
) {
    let ready = deployment.status.as_ref();
    let ready = ready.and_then(|status| status.ready_replicas).unwrap_or(0);
    let (severity, leads_to) = if ready == 0 {
        (Severity::Error, while_away(fails_closed))
    } else {
        (
            Severity::Warning,
            "what is left may be too little when a node goes away",
        )
    };
    let (help, command) = step(install, deployment, trouble, pods);
    let message = words(trouble, pods);
    notes
        .problem(severity, place(install, deployment), message)
        .leads_to(leads_to)
        .help(help)
        .command(command);
}

fn words(trouble: &Trouble, pods: &[String]) -> String {
    let who = match pods {
        [one] => format!("Pod {one}"),
        _ => format!("{} Pods", pods.len()),
    };
    match trouble {
        Trouble::NotMade(why) => format!("its Pods are not made: {why}"),
        Trouble::NotPlaced(why) => format!("no node takes {who}: {why}"),
        Trouble::NoImage(image, why) => format!("no image {image} for {who}: {why}"),
        Trouble::NotStarted(why) => format!("the container of {who} cannot be made: {why}"),
        Trouble::Crashes(how) => format!("{who}: started again and again: {how}"),
    }
}

/// What to do, in words and as a command.
fn step(
    install: &Install,
    deployment: &Deployment,
    trouble: &Trouble,
    pods: &[String],
) -> (&'static str, String) {
    let (namespace, name) = (&install.namespace, deployment.name_any());
    let pod = pods.first().map(String::as_str).unwrap_or_default();
    let describe = format!("kubectl -n {namespace} describe pod {pod}");
    match trouble {
        Trouble::NotMade(why) => not_made(namespace, why),
        Trouble::NotPlaced(_) => (
            "make room, or see which request or constraint no node fulfils",
            describe,
        ),
        Trouble::NoImage(..) => (
            "name an image that the nodes can pull, with the Secret that its registry asks for",
            format!(
                "kubectl -n {namespace} set image deployment/{name} \
                 webhook=REGISTRY/meshcheck-webhook:{}",
                env!("CARGO_PKG_VERSION")
            ),
        ),
        Trouble::NotStarted(_) => ("see what it lacks", describe),
        Trouble::Crashes(_) => (
            "see what it said before it ended",
            format!("kubectl -n {namespace} logs {pod} --previous --tail=20"),
        ),
    }
}

/// By what the API server says.
fn not_made(namespace: &str, why: &str) -> (&'static str, String) {
    let why = why.to_lowercase();
    let apply = |file: &str| format!("kubectl apply -f manifests/base/{file}");
    if why.contains("insufficient quota to match these scopes") {
        (
            "this cluster takes its priority only where a quota says so",
            apply("resource-quota.yaml"),
        )
    } else if why.contains("exceeded quota") {
        (
            "raise the quota, or ask for less",
            format!("kubectl -n {namespace} describe resourcequota"),
        )
    } else if why.contains("serviceaccount") {
        ("install its account again", apply("rbac.yaml"))
    } else {
        (
            "mend what the API server refuses in its Pods",
            format!("kubectl -n {namespace} describe replicaset"),
        )
    }
}
