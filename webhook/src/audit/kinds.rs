//! Which kinds there are in the cluster of those that rules look at.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIResourceList};
use kube::Client;
use meshcheck_rules::{ObjectKind, rules};

use super::error::{AuditError, Doing};

/// A kind as the API server serves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// `v1`, `apps/v1`.
    pub(super) api_version: String,
    /// `Deployment`.
    pub(super) kind: &'static str,
    /// `deployments`.
    pub(super) resource: &'static str,
    /// Whether its objects are in namespaces.
    pub(super) is_namespaced: bool,
}

/// What became of the search.
#[derive(Default)]
pub(super) struct Kinds {
    /// Those that are served.
    pub(super) served: Vec<Kind>,
    /// Groups of which nothing could be learned, and why.
    pub(super) failed: Vec<(&'static str, AuditError)>,
}

impl Kind {
    /// The API group, empty for the core group.
    pub(super) fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// `deployments.apps`, as `kubectl` and an RBAC rule have it.
    pub(super) fn name(&self) -> String {
        match self.group() {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }

    /// The path of all objects, in all namespaces or in one.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') {
            "/apis"
        } else {
            "/api"
        };
        let (version, resource) = (&self.api_version, self.resource);
        match namespace {
            Some(namespace) => format!("{root}/{version}/namespaces/{namespace}/{resource}"),
            None => format!("{root}/{version}/{resource}"),
        }
    }
}

/// The kinds that rules look at, by group. Helm values have no kind: no API server sees them.
pub(super) fn wanted() -> BTreeMap<&'static str, BTreeSet<ObjectKind>> {
    let mut groups = BTreeMap::<_, BTreeSet<_>>::new();
    let kinds = rules::ALL.iter().flat_map(|rule| rule.kinds);
    for kind in kinds.filter(|kind| kind.is_served()) {
        groups.entry(kind.group).or_default().insert(*kind);
    }
    groups
}

/// Asks the API server which of them it serves.
pub(super) async fn served(client: &Client) -> Result<Kinds, AuditError> {
    let groups = client.list_api_groups().await;
    let groups = groups.map_err(|error| AuditError::api(&Doing::Discover("API groups"), error))?;
    let mut kinds = Kinds::default();
    for (name, wanted) in wanted() {
        let group = groups.groups.iter().find(|group| group.name == name);
        let is_there = name.is_empty() || group.is_some();
        // What is in both groups is the same objects.
        let is_twice = name == "extensions" && groups.groups.iter().any(|g| g.name == "apps");
        if !is_there || is_twice {
            continue;
        }
        match in_group(client, group, &wanted).await {
            Ok(found) => kinds.served.extend(found),
            Err(error) => kinds.failed.push((name, error)),
        }
    }
    Ok(kinds)
}

async fn in_group(
    client: &Client,
    group: Option<&APIGroup>,
    wanted: &BTreeSet<ObjectKind>,
) -> Result<Vec<Kind>, AuditError> {
    let mut missing: Vec<_> = wanted.iter().copied().collect();
    let mut found = Vec::new();
    for version in group.map_or_else(|| vec!["v1".to_owned()], versions) {
        if missing.is_empty() {
            break;
        }
        let listed = match group {
            Some(_) => client.list_api_group_resources(&version).await,
            None => client.list_core_api_resources(&version).await,
        };
        let listed = listed.map_err(|error| {
            let name = group.map_or("the core group", |group| group.name.as_str());
            AuditError::api(&Doing::Discover(name), error)
        })?;
        missing.retain(|kind| match in_list(&listed, *kind) {
            Some(served) => {
                found.push(served);
                false
            }
            None => true,
        });
    }
    Ok(found)
}

/// The versions of a group, the preferred one first.
fn versions(group: &APIGroup) -> Vec<String> {
    let all = group.versions.iter();
    let preferred = group.preferred_version.iter();
    let mut versions: Vec<String> = Vec::new();
    for version in preferred.chain(all).map(|one| &one.group_version) {
        if !versions.contains(version) {
            versions.push(version.clone());
        }
    }
    versions
}

fn in_list(list: &APIResourceList, kind: ObjectKind) -> Option<Kind> {
    let listed = list.resources.iter().find(|resource| {
        resource.name == kind.resource
            && resource.kind == kind.kind
            && resource.verbs.iter().any(|verb| verb == "list")
    })?;
    Some(Kind {
        api_version: list.group_version.clone(),
        kind: kind.kind,
        resource: kind.resource,
        is_namespaced: listed.namespaced,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_paths_and_names() {
        let kind = |api_version: &str| Kind {
            api_version: api_version.to_owned(),
            kind: "Deployment",
            resource: "deployments",
            is_namespaced: true,
        };
        assert_eq!(kind("v1").path(None), "/api/v1/deployments");
        assert_eq!(
            kind("apps/v1").path(Some("shop")),
            "/apis/apps/v1/namespaces/shop/deployments"
        );
        assert_eq!(kind("v1").name(), "deployments");
        assert_eq!(kind("apps/v1").name(), "deployments.apps");
    }

    #[test]
    fn wants_what_rules_look_at() {
        let wanted = wanted();
        let names = |group| wanted[group].iter().map(|kind| kind.resource);
        assert!(names("apps").any(|name| name == "deployments"));
        assert!(names("").any(|name| name == "configmaps"));
        assert!(wanted.values().flatten().all(|kind| !kind.kind.is_empty()));
    }
}
