//! Requests, each of which may be refused by itself.

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource as Known};
use kube::api::{DynamicObject, GroupVersionKind, ListParams};
use kube::client::Body;
use kube::core::ApiResource;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::permissions::Resources;
use crate::commands::doctor::connect::chain;
use crate::commands::doctor::snapshot::{Belonging, Seen, Unseen};

/// Asks a cluster.
pub(super) struct Reader<'c> {
    client: &'c Client,
}

/// An answer of the API server, whatever it says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) warnings: Vec<String>,
    pub(super) body: Value,
    pub(super) text: String,
}

impl<'c> Reader<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client }
    }

    pub(super) fn client(&self) -> &'c Client {
        self.client
    }

    /// All objects of a kind that is in no namespace.
    pub(super) async fn list_all<K>(&self) -> Seen<Vec<K>>
    where
        K: Resource<Scope = ClusterResourceScope, DynamicType = ()> + Known,
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        let listed = Api::<K>::all(self.client.clone())
            .list(&ListParams::default())
            .await;
        let items = listed.map(|list| list.items);
        items.map_err(|error| unseen(&format!("cannot list {}", K::URL_PATH_SEGMENT), &error))
    }

    /// Objects in a namespace that have these labels.
    pub(super) async fn list<K>(&self, namespace: &str, labels: &str) -> Seen<Vec<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Known,
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        let params = ListParams::default().labels(labels);
        let listed = Api::<K>::namespaced(self.client.clone(), namespace)
            .list(&params)
            .await;
        let items = listed.map(|list| list.items);
        items.map_err(|error| {
            let what = format!("cannot list {} in {namespace}", K::URL_PATH_SEGMENT);
            unseen(&what, &error)
        })
    }

    /// One object, if it is there.
    pub(super) async fn get<K>(&self, namespace: &str, name: &str) -> Seen<Option<K>>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Known,
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        let api = Api::<K>::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await;
        found.map_err(|error| {
            let what = format!("cannot read {} {namespace}/{name}", K::KIND);
            unseen(&what, &error)
        })
    }

    /// Names of objects with these labels in all namespaces. Their contents stay where they are.
    pub(super) async fn belongings(
        &self,
        group: &str,
        kind: &'static str,
        labels: &str,
    ) -> Seen<Vec<Belonging>> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let params = ListParams::default().labels(labels);
        let listed = api.list_metadata(&params).await.map_err(|error| {
            let what = format!("cannot list {} in all namespaces", resource.plural);
            unseen(&what, &error)
        })?;
        let belonging = |object: &kube::core::PartialObjectMeta<DynamicObject>| Belonging {
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
        };
        Ok(listed.items.iter().map(belonging).collect())
    }

    /// Version of the API server.
    pub(super) async fn version(&self) -> Seen<String> {
        let info = self.client.apiserver_version().await;
        let version = info.map(|info| info.git_version);
        version.map_err(|error| unseen("cannot read the version of Kubernetes", &error))
    }

    /// Every resource that the API server serves, by group and name.
    pub(super) async fn resources(&self) -> Seen<Resources> {
        let failed = |error| unseen("cannot ask which kinds there are", &error);
        let core = self.client.list_core_api_versions_aggregated().await;
        let core = core.map_err(failed)?.items;
        let named = self.client.list_api_groups_aggregated().await;
        let named = named.map_err(failed)?.items;
        let mut resources = Resources::new();
        for group in core.into_iter().chain(named) {
            let name = group.metadata.and_then(|metadata| metadata.name);
            let name = name.unwrap_or_default();
            let served = { group.versions }.into_iter().flat_map(|one| one.resources);
            resources.extend(served.filter_map(|one| Some((name.clone(), one.resource?))));
        }
        Ok(resources)
    }

    /// A text that the API server serves.
    pub(super) async fn text(&self, path: &str) -> Seen<String> {
        let request = Request::get(path).body(Vec::new());
        let request = request.expect("a path of ours is one");
        let text = self.client.request_text(request).await;
        text.map_err(|error| unseen(&format!("cannot read {path}"), &error))
    }

    /// What the API server says to a request, be it a refusal. Fails where it says nothing.
    pub(super) async fn ask(&self, request: Request<Vec<u8>>) -> Seen<Answer> {
        let failed = |error: &kube::Error| unseen("the API server does not answer", error);
        let answer = self.client.send(request.map(Body::from)).await;
        let (head, body) = answer.map_err(|error| failed(&error))?.into_parts();
        let body = body.collect().await.map_err(|error| failed(&error))?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let warnings = head.headers.get_all(http::header::WARNING).iter();
        let warnings = warnings.map(|value| String::from_utf8_lossy(value.as_bytes()));
        Ok(Answer {
            status: head.status,
            warnings: warnings.filter_map(|header| warning(&header)).collect(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        })
    }
}

/// Why something was not seen.
pub(super) fn unseen(what: &str, error: &kube::Error) -> Unseen {
    Unseen(format!("{what}: {}", chain(error)))
}

/// The text of a `Warning` header: `299 - "text"`, in which `"` and `\` are escaped.
fn warning(header: &str) -> Option<String> {
    let (_, quoted) = header.split_once('"')?;
    let (quoted, _) = quoted.rsplit_once('"')?;
    let mut text = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => characters.next()?,
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_unquoted() {
        let text = |header| warning(header);
        assert_eq!(text(r#"299 - "plain""#).as_deref(), Some("plain"));
        assert_eq!(
            text(r#"299 - "a \"b\" \\ c""#).as_deref(),
            Some(r#"a "b" \ c"#)
        );
        assert_eq!(text(r#"299 - """#).as_deref(), Some(""));
        assert_eq!(text("299 - nothing"), None);
        assert_eq!(text(r#"299 - ""#), None);
    }
}
