//! What the webhook's account may do of what it needs.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::PodSpec;
use kube::api::PostParams;
use kube::{Api, Client};

use super::access::{Reader, unseen};
use crate::commands::doctor::needs::{Need, needs};
use crate::commands::doctor::rbac::{Account, Asked, Permissions, Rbac};
use crate::commands::doctor::snapshot::{Seen, Stored, Unseen};

/// The account of a namespace for Pods that name none.
const DEFAULT: &str = "default";
/// Questions that are asked at the same time.
const AT_ONCE: usize = 16;

/// Resources that the API server serves, by group and name.
pub(super) type Resources = BTreeSet<(String, String)>;

/// Asks about all that a Deployment needs; nothing where there is none.
pub(super) async fn look(
    reader: &Reader<'_>,
    resources: &Seen<Resources>,
    deployment: Option<&Deployment>,
    secret: &Seen<Stored>,
    namespace: &str,
) -> Seen<Option<Permissions>> {
    let pod = deployment.and_then(|one| one.spec.as_ref()?.template.spec.as_ref());
    let Some(pod) = pod else { return Ok(None) };
    let account = account(pod, namespace);
    let is_stored = matches!(secret, Ok(Stored::Found(_)));
    let mut needs = needs(pod, namespace, is_stored);
    if needs.is_empty() {
        return Ok(Some(Permissions {
            account,
            asked: Vec::new(),
        }));
    }
    let resources = resources.as_ref().map_err(Clone::clone)?;
    needs.retain(|need| resources.contains(&(need.group.to_owned(), need.resource.to_owned())));
    let asked = match ask_all(reader.client(), &account, &needs).await {
        Ok(asked) => asked,
        Err(error) => {
            let why = unseen("cannot create subjectaccessreviews", &error);
            let rbac = rbac(reader, namespace).await;
            let rbac = rbac.map_err(|other| Unseen(format!("{why}; {other}")))?;
            needs
                .into_iter()
                .map(|need| Asked::by(&rbac, &account, need))
                .collect()
        }
    };
    Ok(Some(Permissions { account, asked }))
}

/// Whom its Pods are.
fn account(pod: &PodSpec, namespace: &str) -> Account {
    let name = pod.service_account_name.as_deref();
    Account {
        namespace: namespace.to_owned(),
        name: name.unwrap_or(DEFAULT).to_owned(),
    }
}

async fn ask_all(client: &Client, account: &Account, needs: &[Need]) -> kube::Result<Vec<Asked>> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let asked = needs.iter().map(|need| ask(&reviews, account, need));
    stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

async fn ask(
    reviews: &Api<SubjectAccessReview>,
    account: &Account,
    need: &Need,
) -> kube::Result<Asked> {
    let mut missing = Vec::new();
    for verb in need.verbs {
        let review = review(account, need, verb);
        let answer = reviews.create(&PostParams::default(), &review).await?;
        if !answer.status.is_some_and(|status| status.allowed) {
            missing.push(*verb);
        }
    }
    Ok(Asked {
        need: need.clone(),
        missing,
    })
}

/// Nobody stores it.
fn review(account: &Account, need: &Need, verb: &str) -> SubjectAccessReview {
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(account.user()),
            groups: Some(account.groups()),
            resource_attributes: Some(ResourceAttributes {
                group: Some(need.group.to_owned()),
                resource: Some(need.resource.to_owned()),
                namespace: need.namespace.clone(),
                name: need.name.clone(),
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    }
}

async fn rbac(reader: &Reader<'_>, namespace: &str) -> Seen<Rbac> {
    Ok(Rbac {
        cluster_roles: reader.list_all().await?,
        cluster_bindings: reader.list_all().await?,
        roles: reader.list(namespace, "").await?,
        bindings: reader.list(namespace, "").await?,
    })
}
