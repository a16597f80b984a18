//! What is behind a Service that the webhooks lead to.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec, Secret, Service};
use kube::core::{Selector, SelectorExt as _};
use meshcheck_certs::{Certificate, Pair};

use super::access::Reader;
use super::permissions::{self, Resources};
use super::served;
use crate::commands::doctor::snapshot::{
    Configuration, Install, Seen, Stored, StoredCertificate, hooks_of,
};

/// Labels of the Pods of all manifests.
const PODS: &str = "app.kubernetes.io/name=meshcheck-webhook";
/// The Secret of a webhook that keeps its own certificates, where no argument says another.
pub(in crate::commands::doctor) const SECRET: &str = "meshcheck-webhook-certificates";
/// The argument of such a webhook.
pub(in crate::commands::doctor) const MANAGED: &str = "--tls=self-managed";

/// Looks at a Service and around it.
pub(super) async fn look(
    reader: &Reader<'_>,
    configurations: &[Configuration],
    resources: &Seen<Resources>,
    (namespace, name): (String, String),
) -> Install {
    let service: Seen<Option<Service>> = reader.get(&namespace, &name).await;
    let selector = service.as_ref().ok().and_then(Option::as_ref);
    let selector = selector.and_then(|service| service.spec.as_ref()?.selector.clone());
    let labels = selector.as_ref().map_or_else(|| PODS.to_owned(), labels);
    let slices = format!("kubernetes.io/service-name={name}");
    let slices = reader.list(&namespace, &slices).await;
    let pods = reader.list(&namespace, &labels).await;
    let deployments = reader.list(&namespace, "").await;
    let deployments = deployments.map(|all: Vec<Deployment>| behind(all, &labels));
    let budgets = reader.list(&namespace, "").await;
    let secret = match &deployments {
        Ok(deployments) => secret(reader, &namespace, deployments.first()).await,
        Err(why) => Err(why.clone()),
    };
    let permissions = match &deployments {
        Ok(all) => permissions::look(reader, resources, all.first(), &secret, &namespace).await,
        Err(why) => Err(why.clone()),
    };
    let hooks = configurations.iter().flat_map(hooks_of);
    let is_called = hooks.filter_map(|hook| hook.service());
    let is_called = { is_called }.any(|to| to.namespace == namespace && to.name == name);
    let served = match &pods {
        Ok(pods) if is_called => served::by_pods(reader, &namespace, pods).await,
        _ => Vec::new(),
    };
    Install {
        namespace,
        name,
        service,
        slices,
        pods,
        deployments,
        budgets,
        secret,
        permissions,
        served,
    }
}

fn labels(selector: &BTreeMap<String, String>) -> String {
    let pairs = selector.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

/// Those whose Pods have these labels.
fn behind(deployments: Vec<Deployment>, labels: &str) -> Vec<Deployment> {
    let wanted: Selector = labels
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| kube::core::Expression::Equal(key.to_owned(), value.to_owned()))
        .collect();
    let has = |deployment: &Deployment| {
        let spec = deployment.spec.as_ref();
        let labels = spec.and_then(|spec| spec.template.metadata.as_ref()?.labels.as_ref());
        labels.is_some_and(|labels| wanted.matches(labels))
    };
    deployments.into_iter().filter(has).collect()
}

/// The Secret that the Deployment takes its certificate from.
async fn secret(
    reader: &Reader<'_>,
    namespace: &str,
    deployment: Option<&Deployment>,
) -> Seen<Stored> {
    let Some((name, is_managed)) = deployment.and_then(certificate_secret) else {
        return Ok(Stored::Unnamed);
    };
    let found: Option<Secret> = reader.get(namespace, &name).await?;
    Ok(match found {
        None => Stored::Missing { name, is_managed },
        Some(secret) => Stored::Found(StoredCertificate {
            name,
            is_managed,
            chain: certificates(&secret),
        }),
    })
}

/// Name of the Secret, and whether the webhook keeps it itself.
fn certificate_secret(deployment: &Deployment) -> Option<(String, bool)> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let container = webhook_container(pod)?;
    let arguments = container.args.as_deref().unwrap_or_default();
    if arguments.iter().any(|argument| argument == MANAGED) {
        let name = value(arguments, "--cert-secret").unwrap_or(SECRET);
        return Some((name.to_owned(), true));
    }
    let folder = value(arguments, "--cert-dir")?.trim_end_matches('/');
    let mounts = container.volume_mounts.iter().flatten();
    let mount = { mounts }.find(|mount| mount.mount_path.trim_end_matches('/') == folder)?;
    let volume = pod.volumes.iter().flatten();
    let volume = { volume }.find(|volume| volume.name == mount.name)?;
    let name = volume.secret.as_ref()?.secret_name.clone()?;
    Some((name, false))
}

/// The container of the webhook: alone, or beside those that others put there.
pub(in crate::commands::doctor) fn webhook_container(pod: &PodSpec) -> Option<&Container> {
    let named = pod.containers.iter().find(|one| one.name == "webhook");
    named.or(pod.containers.first())
}

/// `--name=value`, or `--name value`.
pub(in crate::commands::doctor) fn value<'a>(
    arguments: &'a [String],
    name: &str,
) -> Option<&'a str> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.strip_prefix(name) {
            Some("") => return arguments.next().map(String::as_str),
            Some(rest) if rest.starts_with('=') => return Some(&rest[1..]),
            _ => {}
        }
    }
    None
}

/// The chain, if it can be served with its key. Of the key nothing is kept.
fn certificates(secret: &Secret) -> Result<Vec<Certificate>, String> {
    let data = secret.data.iter().flatten();
    let find = |wanted: &str| {
        let mut data = data.clone();
        data.find(|(key, _)| *key == wanted)
            .map(|(_, value)| &value.0)
    };
    let (Some(chain), Some(key)) = (find("tls.crt"), find("tls.key")) else {
        return Err("`tls.crt` or `tls.key` is missing".to_owned());
    };
    Pair::from_pem(chain, key).map_err(|error| error.to_string())?;
    Certificate::all_from_pem(chain).map_err(|error| error.to_string())
}
