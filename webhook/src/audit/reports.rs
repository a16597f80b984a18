//! Policy reports at the API server.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use meshcheck_certs::owner;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::{AuditError, Doing, code, is_of_a_namespace_that_ends};
use super::families::{self, Family};
use super::pages::Pages;
use super::report::{Drafts, LABEL, NAME, NOTE, Report};
use crate::metrics::AuditMetrics;

/// Field manager of the reports.
const OWNER: &str = "meshcheck-audit";
/// What the reports belong to: whoever takes it away takes the reports with it.
const ROLE: &str = "meshcheck-webhook-audit";
/// [`LABEL`] as a selector.
const SELECTOR: &str = "app.kubernetes.io/managed-by=meshcheck";

/// Brings the reports in order.
pub(super) struct Reports<'a> {
    client: &'a Client,
    metrics: &'a AuditMetrics,
    families: Vec<Family>,
}

impl<'a> Reports<'a> {
    /// With the families that there are now.
    pub(super) async fn find(
        client: &'a Client,
        metrics: &'a AuditMetrics,
    ) -> Result<Self, AuditError> {
        let families = families::served(client).await?;
        if families.is_empty() {
            tracing::debug!("audit: no definition of policy reports, so there are none");
        }
        Ok(Self {
            client,
            metrics,
            families,
        })
    }

    /// What the reports that are there say of errors: each result, for who reads only what he must.
    pub(super) async fn errors(&self, mut see: impl FnMut(&Value)) -> Result<(), AuditError> {
        for family in &self.families {
            for is_namespaced in [true, false] {
                let resource = family.resource(is_namespaced);
                self.stored(&resource, |stored| {
                    let results = stored["results"].as_array().into_iter().flatten();
                    results
                        .filter(|result| result["result"] == "fail")
                        .for_each(&mut see);
                })
                .await?;
            }
        }
        Ok(())
    }

    /// Writes what has changed and deletes what is over. Only the preferred family has reports: what
    /// was written of the other, before the first was there, would grow old.
    pub(super) async fn write(&self, drafts: &Drafts<'_>) -> Result<(), AuditError> {
        if self.families.is_empty() {
            return Ok(());
        }
        let roles = Api::<ClusterRole>::all(self.client.clone());
        let owner = owner::reference(&roles, ROLE).await;
        for (index, family) in self.families.iter().enumerate() {
            for is_namespaced in [true, false] {
                let all = drafts.namespaces().filter(|_| index == 0);
                let wanted = all.filter(|namespace| namespace.is_empty() != is_namespaced);
                let change = Change {
                    family,
                    resource: family.resource(is_namespaced),
                    wanted: wanted.collect(),
                    owner: owner.as_ref(),
                };
                self.make(change, drafts).await?;
            }
        }
        Ok(())
    }

    async fn make(&self, mut change: Change<'_>, drafts: &Drafts<'_>) -> Result<(), AuditError> {
        let mut over = BTreeSet::new();
        self.stored(&change.resource, |stored| {
            let namespace = stored["metadata"]["namespace"].as_str().unwrap_or_default();
            if !change.wanted.contains(namespace) {
                over.insert(namespace.to_owned());
            } else if drafts
                .report(namespace)
                .is_some_and(|report| says(stored, &report))
            {
                change.wanted.remove(namespace);
            }
        })
        .await?;
        for namespace in over {
            self.delete(&change.resource, &namespace).await?;
        }
        for namespace in &change.wanted {
            if let Some(report) = drafts.report(namespace) {
                let body = change.body(namespace, report);
                self.apply(&change.resource, namespace, body).await?;
            }
        }
        Ok(())
    }

    /// Every report of ours.
    async fn stored(
        &self,
        resource: &ApiResource,
        mut see: impl FnMut(&Value),
    ) -> Result<(), AuditError> {
        let (path, name) = (
            format!("/apis/{}/{}", resource.api_version, resource.plural),
            titled(resource),
        );
        let mut pages = Pages::at(self.client, path, name).labelled(SELECTOR);
        while let Some(text) = pages.next().await? {
            for raw in pages.read(&text)? {
                let report = read(raw, resource)?;
                if report["metadata"]["name"] == NAME {
                    see(&report);
                }
            }
        }
        Ok(())
    }

    async fn apply(
        &self,
        resource: &ApiResource,
        namespace: &str,
        body: Value,
    ) -> Result<(), AuditError> {
        let params = PatchParams::apply(OWNER).force();
        let written = self
            .api(resource, namespace)
            .patch(NAME, &params, &Patch::Apply(body))
            .await;
        match written {
            Ok(_) => {
                self.metrics.report("written");
                Ok(())
            }
            Err(error) if code(&error) == Some(404) || is_of_a_namespace_that_ends(&error) => {
                Ok(())
            }
            Err(error) => Err(AuditError::api(
                &Doing::Write(&titled(resource), &place(namespace)),
                error,
            )),
        }
    }

    async fn delete(&self, resource: &ApiResource, namespace: &str) -> Result<(), AuditError> {
        let api = self.api(resource, namespace);
        match api.delete(NAME, &DeleteParams::default()).await {
            Ok(_) => {
                self.metrics.report("deleted");
                Ok(())
            }
            Err(error) if code(&error) == Some(404) => Ok(()),
            Err(error) => Err(AuditError::api(
                &Doing::Delete(&titled(resource), &place(namespace)),
                error,
            )),
        }
    }

    fn api(&self, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
        match namespace {
            "" => Api::all_with(self.client.clone(), resource),
            namespace => Api::namespaced_with(self.client.clone(), namespace, resource),
        }
    }
}

fn read(raw: &RawValue, resource: &ApiResource) -> Result<Value, AuditError> {
    serde_json::from_str(raw.get())
        .map_err(|_| AuditError::unreadable(&Doing::Reports(&titled(resource))))
}

/// `reports.openreports.io`.
fn titled(resource: &ApiResource) -> String {
    format!("{}.{}", resource.plural, resource.group)
}

fn place(namespace: &str) -> String {
    match namespace {
        "" => "the cluster".to_owned(),
        namespace => format!("namespace {namespace}"),
    }
}

/// Whether a stored report says what is wanted.
fn says(stored: &Value, wanted: &Report) -> bool {
    let note = stored["metadata"]["annotations"][NOTE].as_str();
    stored["results"].as_array() == Some(&wanted.results)
        && stored["summary"] == wanted.summary
        && note == wanted.note.as_deref()
}

/// Of one kind of reports.
struct Change<'a> {
    family: &'a Family,
    resource: ApiResource,
    /// The namespaces that have a report.
    wanted: BTreeSet<&'a str>,
    owner: Option<&'a OwnerReference>,
}

impl Change<'_> {
    fn body(&self, namespace: &str, report: Report) -> Value {
        let mut metadata = json!({"name": NAME, "labels": {LABEL.0: LABEL.1}});
        if let Some(note) = report.note {
            metadata["annotations"] = json!({NOTE: note});
        }
        if let Some(owner) = self.owner {
            metadata["ownerReferences"] = json!([owner]);
        }
        let mut body = json!({
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "results": report.results,
            "summary": report.summary,
        });
        if self.family.has_source {
            body["source"] = NAME.into();
        }
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
            body["scope"] = json!({"apiVersion": "v1", "kind": "Namespace", "name": namespace});
        }
        body["metadata"] = metadata;
        body
    }
}
