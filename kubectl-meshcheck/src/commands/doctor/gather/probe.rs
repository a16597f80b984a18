//! Objects that are tried, and stored nowhere: one that must be patched, one that must be refused.

use std::time::Duration;

use http::Request;
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt as _;
use meshcheck_rules::releases::Releases;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::access::Reader;
use crate::commands::doctor::outcome::Outcome;
use crate::commands::doctor::selection::is_selected;
use crate::commands::doctor::snapshot::{
    Configuration, Counts, Hook, MUTATE, Probes, Seen, Tried, Unseen, VALIDATE, Way, hooks_of,
};
use crate::commands::today;

/// For the Service to answer. Where packets get lost the API server itself waits much longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tried first, where the webhooks are asked about them: whoever may do anything may do it there.
const LIKELY: [&str; 2] = ["istio-system", "default"];
/// So long that no policy has it.
const AGE: &str = "8760h";
/// Support of it ended in 2021.
const OLD: &str = "1.7.4";

/// Tries both, where the webhooks are asked.
pub(super) async fn all(
    reader: &Reader<'_>,
    configurations: &[Configuration],
    namespaces: &Seen<Vec<Namespace>>,
    wanted: Option<&str>,
) -> Probes {
    let hooks = configurations.iter().flat_map(hooks_of);
    let hooks: Vec<_> = hooks.filter(Hook::is_main).collect();
    let namespace = match wanted {
        Some(wanted) => Some(wanted.to_owned()),
        None => namespace(&hooks, namespaces),
    };
    let nothing = || Err(Unseen("nothing was tried".to_owned()));
    let mut probes = Probes {
        namespace,
        patched: nothing(),
        refused: nothing(),
        way: None,
    };
    if let (Some(namespace), false) = (&probes.namespace, hooks.is_empty()) {
        (probes.patched, probes.refused) = both(reader, namespace).await;
        let patched = probes.patched.as_ref().map(Outcome::of_patch);
        let refused = probes.refused.as_ref().map(Outcome::of_refusal);
        if [patched, refused]
            .iter()
            .flatten()
            .any(|outcome| !outcome.is_reached())
        {
            probes.way = way(reader, &hooks).await;
        }
    }
    probes
}

/// Both webhooks are asked about both objects. Where the answers alone do not tell whether they were, what
/// the API server counts meanwhile does.
async fn both(reader: &Reader<'_>, namespace: &str) -> (Seen<Tried>, Seen<Tried>) {
    let mendable = workload(namespace, &newest(), AGE);
    let hopeless = workload(namespace, OLD, "10m");
    let mut patched = create(reader, namespace, &mendable).await;
    let mut before = None;
    if is_silent(&patched, Outcome::of_patch) {
        before = reader.text("/metrics").await.ok();
    }
    let mut refused = create(reader, namespace, &hopeless).await;
    if before.is_none() && is_silent(&refused, Outcome::of_refusal) {
        before = reader.text("/metrics").await.ok();
        refused = create(reader, namespace, &hopeless).await;
    }
    if let Some(before) = before
        && let Ok(after) = reader.text("/metrics").await
    {
        let meanwhile = |webhook| Counts::of(&after, webhook) - Counts::of(&before, webhook);
        for (tried, webhook) in [(&mut patched, MUTATE), (&mut refused, VALIDATE)] {
            if let Ok(tried) = tried {
                tried.counts = Some(meanwhile(webhook));
            }
        }
    }
    if let Some(pod) = mended_pod(reader, namespace, &patched).await {
        patched = Ok(pod);
    }
    (patched, refused)
}

/// A policy may leave workloads as Git has them, and mend their Pods when they are made.
async fn mended_pod(reader: &Reader<'_>, namespace: &str, workload: &Seen<Tried>) -> Option<Tried> {
    let outcome = Outcome::of_patch(workload.as_ref().ok()?);
    if !matches!(outcome, Outcome::Idle | Outcome::Silent) {
        return None;
    }
    let pod = create(reader, namespace, &pod(namespace, &newest(), AGE))
        .await
        .ok()?;
    (Outcome::of_patch(&pod) == Outcome::Works).then_some(pod)
}

fn is_silent(tried: &Seen<Tried>, outcome: fn(&Tried) -> Outcome) -> bool {
    tried
        .as_ref()
        .is_ok_and(|tried| outcome(tried) == Outcome::Silent)
}

/// One that all these webhooks are asked about, or at least one of them is.
fn namespace(hooks: &[Hook<'_>], namespaces: &Seen<Vec<Namespace>>) -> Option<String> {
    let Ok(namespaces) = namespaces else {
        return Some(LIKELY[1].to_owned());
    };
    let asked = |namespace: &Namespace| {
        let asked = hooks.iter().filter(|hook| is_selected(hook, namespace));
        asked.count()
    };
    let rank = |namespace: &&Namespace| {
        let name = namespace.name_any();
        let likely = LIKELY.iter().rev().position(|likely| *likely == name);
        (asked(namespace), likely.map_or(0, |place| place + 1))
    };
    let is_alive = |namespace: &&Namespace| namespace.metadata.deletion_timestamp.is_none();
    let best = namespaces.iter().filter(is_alive).max_by_key(rank)?;
    (asked(best) > 0).then(|| best.name_any())
}

/// A version that nothing is said against.
fn newest() -> String {
    let (table, on) = (Releases::embedded(), today());
    let release = table.newest_supported(on);
    let version = release.map(|release| Releases::newest_version(release, on));
    version.map_or_else(|| OLD.to_owned(), |version| version.to_string())
}

/// What both are called, and labelled by: nobody's selector takes them for an istiod.
const NAME: &str = "meshcheck-doctor";

/// An istiod.
fn workload(namespace: &str, version: &str, age: &str) -> Value {
    let labels = json!({"app": NAME});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": containers(version, age)},
        },
    })
}

/// A Pod of one.
fn pod(namespace: &str, version: &str, age: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "namespace": namespace, "labels": {"app": NAME}},
        "spec": containers(version, age),
    })
}

/// As the `restricted` standard wants them: it is not what is tried.
fn containers(version: &str, age: &str) -> Value {
    json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "discovery",
            "image": format!("docker.io/istio/pilot:{version}"),
            "args": ["discovery", "--keepaliveMaxServerConnectionAge", age],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            },
        }],
    })
}

async fn create(reader: &Reader<'_>, namespace: &str, object: &Value) -> Seen<Tried> {
    let resource = match object["kind"].as_str() {
        Some("Pod") => format!("/api/v1/namespaces/{namespace}/pods"),
        _ => format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
    };
    let path = format!("{resource}?dryRun=All");
    let body = object.to_string().into_bytes();
    let request = Request::post(path).header(http::header::CONTENT_TYPE, "application/json");
    let request = request.body(body).map_err(|error| {
        Unseen(format!(
            "cannot try an object in namespace {namespace}: {error}"
        ))
    })?;
    let answer = reader.ask(request).await?;
    let message = answer.body["message"].as_str().unwrap_or(&answer.text);
    let message = if answer.status.is_success() {
        ""
    } else {
        message
    };
    Ok(Tried {
        status: answer.status.as_u16(),
        message: message.to_owned(),
        warnings: answer.warnings,
        sent: object.clone(),
        stored: answer.body,
        counts: None,
    })
}

impl Counts {
    /// What `/metrics` of an API server says of a webhook.
    fn of(metrics: &str, webhook: &str) -> Self {
        let name = format!("name=\"{webhook}\"");
        let sum = |metric: &str, label: &str| {
            let lines = metrics.lines().filter(|line| line.starts_with(metric));
            let lines = lines.filter(|line| line.contains(&name) && line.contains(label));
            let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
            counts.sum()
        };
        Self {
            answered: sum("apiserver_admission_webhook_request_total{", "code=\"200\""),
            failed_open: sum("apiserver_admission_webhook_fail_open_count{", ""),
        }
    }
}

impl std::ops::Sub for Counts {
    type Output = Self;

    /// Another API server may have answered, which counted less.
    fn sub(self, before: Self) -> Self {
        Self {
            answered: self.answered.saturating_sub(before.answered),
            failed_open: self.failed_open.saturating_sub(before.failed_open),
        }
    }
}

/// Whether the API server gets through to the Service, whatever certificate is shown there: it asks as a
/// proxy, which trusts everybody.
async fn way(reader: &Reader<'_>, hooks: &[Hook<'_>]) -> Option<Way> {
    let to = hooks.iter().find_map(Hook::service)?;
    let (namespace, name, port) = (&to.namespace, &to.name, to.port.unwrap_or(443));
    let path = format!("/api/v1/namespaces/{namespace}/services/https:{name}:{port}/proxy/");
    let request = Request::get(path).body(Vec::new());
    let asked = reader.ask(request.expect("names of objects make a path"));
    let answer = match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => return Some(Way::Unknown(why)),
        Err(_) => return Some(Way::Closed(format!("no answer within {PATIENCE:?}"))),
    };
    let message = answer.body["message"].as_str();
    Some(match (answer.status.as_u16(), message) {
        (401 | 403, Some(message)) => Way::Unknown(Unseen(message.to_owned())),
        (500.., Some(message)) => Way::Closed(message.to_owned()),
        (500.., None) => Way::Closed(answer.text),
        _ => Way::Open,
    })
}
