//! The two families of policy reports, of which a cluster may have either.

use kube::Client;
use kube::api::ApiResource;

use super::error::{AuditError, Doing};

/// A family of reports as the API server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) group: &'static str,
    version: &'static str,
    namespaced: (&'static str, &'static str),
    cluster: (&'static str, &'static str),
    /// Whether a report says itself by whom it is.
    pub(super) has_source: bool,
}

/// In the order in which they are preferred: the first is the second's successor.
const KNOWN: [(&[&str], Family); 2] = [
    (
        &["v1alpha1"],
        Family {
            group: "openreports.io",
            version: "",
            namespaced: ("Report", "reports"),
            cluster: ("ClusterReport", "clusterreports"),
            has_source: true,
        },
    ),
    (
        // v1alpha1 has other fields.
        &["v1alpha2", "v1beta1"],
        Family {
            group: "wgpolicyk8s.io",
            version: "",
            namespaced: ("PolicyReport", "policyreports"),
            cluster: ("ClusterPolicyReport", "clusterpolicyreports"),
            has_source: false,
        },
    ),
];

impl Family {
    /// The kind of the reports of namespaces, or of the one for what is in none.
    pub(super) fn resource(&self, is_namespaced: bool) -> ApiResource {
        let (kind, plural) = if is_namespaced {
            self.namespaced
        } else {
            self.cluster
        };
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: format!("{}/{}", self.group, self.version),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        }
    }
}

/// Asks which families there are.
pub(super) async fn served(client: &Client) -> Result<Vec<Family>, AuditError> {
    let groups = client.list_api_groups().await;
    let groups = groups.map_err(|error| AuditError::api(&Doing::Discover("API groups"), error))?;
    let mut families = Vec::new();
    for (versions, family) in KNOWN {
        let Some(group) = groups
            .groups
            .iter()
            .find(|group| group.name == family.group)
        else {
            continue;
        };
        let is_served = |version: &&&str| group.versions.iter().any(|one| one.version == **version);
        let Some(version) = versions.iter().find(is_served) else {
            continue;
        };
        let family = Family { version, ..family };
        let path = format!("{}/{version}", family.group);
        let listed = client.list_api_group_resources(&path).await;
        let listed =
            listed.map_err(|error| AuditError::api(&Doing::Discover(family.group), error))?;
        let mut kinds = [family.namespaced, family.cluster].into_iter();
        if kinds.all(|(_, plural)| listed.resources.iter().any(|one| one.name == plural)) {
            families.push(family);
        }
    }
    Ok(families)
}
