//! What objects of ours belong to: they go when it is deleted, as in an uninstallation.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::answer::told;

/// The reference to a role, where it is there and can be read.
pub async fn reference<K>(roles: &Api<K>, name: &str) -> Option<OwnerReference>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    match roles.get_metadata_opt(name).await {
        Ok(role) => role?.owner_ref(&()),
        Err(error) => {
            let error = told(&error);
            tracing::debug!(error, role = name, "what is written belongs to nobody");
            None
        }
    }
}
