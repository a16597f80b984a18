//! Reads everything that the checks look at. What may not be read is kept as such: the other checks go on.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::Request as Path;
use serde::Deserialize;

use self::access::Reader;
use super::connect::{ClusterError, Connection};
use super::snapshot::{
    Belonging, Cluster, Configuration, Hook, Kind, NAMESPACE, SERVICE, Seen, Snapshot, hooks_of,
};
use crate::args::DoctorArgs;

pub(super) use install::{MANAGED, SECRET, value, webhook_container};
pub(super) use served::base;

mod access;
mod install;
mod permissions;
pub(super) mod probe;
mod served;

/// What all manifests call our objects by.
const OURS: &str = "app.kubernetes.io/part-of=meshcheck";
/// What the webhook calls the Secret by that it keeps.
const KEPT: &str = "app.kubernetes.io/managed-by=meshcheck-webhook";

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

/// Looks at the cluster of these options.
pub(super) async fn snapshot(arguments: &DoctorArgs) -> Result<Snapshot, ClusterError> {
    let connection = Connection::new(arguments).await?;
    let mut configurations = configurations(&connection, Kind::Mutating).await?;
    configurations.extend(self::configurations(&connection, Kind::Validating).await?);
    if let Some(namespace) = &arguments.namespace {
        configurations.retain(|configuration| !leads_elsewhere(configuration, namespace));
    }
    let reader = Reader::new(&connection.client);
    let namespaces = reader.list_all::<Namespace>().await;
    let resources = reader.resources().await;
    let mut installs = Vec::new();
    for service in services(&configurations, arguments) {
        installs.push(install::look(&reader, &configurations, &resources, service).await);
    }
    let urls = served::by_urls(&configurations).await;
    let belongings = belongings(&reader, arguments).await;
    let probes = probe::all(
        &reader,
        &configurations,
        &namespaces,
        arguments.probe_namespace.as_deref(),
    )
    .await;
    let kubernetes = reader.version().await;
    Ok(Snapshot {
        now: Timestamp::now(),
        plugin: env!("CARGO_PKG_VERSION"),
        cluster: Cluster {
            context: connection.context,
            server: connection.server,
            kubernetes,
        },
        configurations,
        namespaces,
        installs,
        urls,
        belongings,
        probes,
    })
}

/// Without them there is nothing to say: all else follows from where they lead.
async fn configurations(
    connection: &Connection,
    kind: Kind,
) -> Result<Vec<Configuration>, ClusterError> {
    let path = format!("/apis/admissionregistration.k8s.io/v1/{}", kind.plural());
    let request = Path::new(path).list(&ListParams::default());
    let request = request.expect("a path of ours is one");
    let read = connection.client.request::<Items<Configuration>>(request);
    let read = read
        .await
        .map_err(|error| connection.refused(kind.plural(), error))?;
    let of_kind = |configuration| Configuration {
        kind,
        ..configuration
    };
    Ok(read.items.into_iter().map(of_kind).collect())
}

/// Whether it is ours, and of a webhook in another namespace than the one that was asked about.
fn leads_elsewhere(configuration: &Configuration, namespace: &str) -> bool {
    let services = hooks_of(configuration).filter_map(|hook| hook.service());
    let mut elsewhere = services.map(|to| to.namespace != namespace);
    elsewhere.any(|elsewhere| elsewhere)
}

/// The Services that are led to, each once; that of the manifests where nobody leads anywhere.
fn services(configurations: &[Configuration], arguments: &DoctorArgs) -> Vec<(String, String)> {
    let hooks: Vec<_> = configurations.iter().flat_map(hooks_of).collect();
    let services = hooks.iter().filter_map(Hook::service);
    let mut services: Vec<_> = services
        .map(|to| (to.namespace.clone(), to.name.clone()))
        .collect();
    services.sort_unstable();
    services.dedup();
    if hooks.is_empty() {
        let namespace = arguments.namespace.as_deref().unwrap_or(NAMESPACE);
        services.push((namespace.to_owned(), SERVICE.to_owned()));
    }
    services
}

/// Deployments and Secrets of ours in all namespaces, by their labels; only names are read.
async fn belongings(reader: &Reader<'_>, arguments: &DoctorArgs) -> Vec<Seen<Vec<Belonging>>> {
    let mut all = vec![
        reader.belongings("apps", "Deployment", OURS).await,
        reader.belongings("", "Secret", KEPT).await,
    ];
    if let Some(namespace) = &arguments.namespace {
        for seen in all.iter_mut().flatten() {
            seen.retain(|belonging| belonging.namespace == *namespace);
        }
    }
    all
}
