//! Secret and configurations at the API server.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::Role;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde::Deserialize;
use serde_json::json;

use crate::managed::{Contents, Published, Settings, SyncError};
use crate::owner;

/// Field manager, of `caBundle` and of nothing else.
pub const OWNER: &str = "meshcheck-certs";
/// The role by which the Secret is kept. A Secret that is made here belongs to it; one that somebody prepared
/// is theirs.
const ROLE: &str = "meshcheck-webhook-certificates";
/// Marks a Secret that may be written.
pub(crate) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "meshcheck-webhook");
const OLD_UNTIL: &str = "meshcheck.dev/old-ca-until";
/// Of annotations that ask cert-manager to write `caBundle`.
const INJECTED: &str = "cert-manager.io/inject-";

/// Kind of a webhook configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `MutatingWebhookConfiguration`
    Mutating,
    /// `ValidatingWebhookConfiguration`
    Validating,
}

impl Kind {
    fn resource(self) -> ApiResource {
        match self {
            Self::Mutating => ApiResource::erase::<MutatingWebhookConfiguration>(&()),
            Self::Validating => ApiResource::erase::<ValidatingWebhookConfiguration>(&()),
        }
    }
}

/// The requests that this crate makes.
pub(crate) struct Access {
    client: Client,
    secrets: Api<Secret>,
    settings: Settings,
}

/// A configuration as it was read.
pub(crate) struct Configuration {
    kind: Kind,
    name: String,
    version: Option<String>,
    /// Those that lead here: by name, with the `caBundle`.
    webhooks: BTreeMap<String, Vec<u8>>,
}

#[derive(Deserialize)]
struct Webhooks {
    #[serde(default)]
    webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    name: String,
    client_config: WebhookClientConfig,
}

impl Access {
    pub(crate) fn new(client: Client, settings: Settings) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), &settings.namespace),
            client,
            settings,
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The Secret. An empty one that somebody prepared is as good as none, and better for who does
    /// not want to grant the right to create Secrets.
    pub(crate) async fn secret(&self) -> Result<Option<Secret>, SyncError> {
        let name = &self.settings.secret;
        let found = self.secrets.get_opt(name).await;
        let found = found.map_err(|error| SyncError::api(self.title("read"), error))?;
        let is_ours = |secret: &Secret| {
            let label = secret.labels().get(LABEL.0);
            let is_empty = secret.data.as_ref().is_none_or(BTreeMap::is_empty);
            is_empty || label.is_some_and(|value| value == LABEL.1)
        };
        match found {
            Some(secret) if !is_ours(&secret) => Err(SyncError::NotOurs(self.place())),
            other => Ok(other),
        }
    }

    /// Writes the Secret, unless it changed since `before` was read.
    pub(crate) async fn store(
        &self,
        before: Option<Secret>,
        contents: Contents,
    ) -> Result<Secret, SyncError> {
        let (name, params) = (&self.settings.secret, PostParams::default());
        let is_new = before.is_none();
        let before = match before {
            Some(before) => before,
            None => self.empty().await,
        };
        let secret = with(before, contents);
        let (what, written) = if is_new {
            ("create", self.secrets.create(&params, &secret).await)
        } else {
            ("update", self.secrets.replace(name, &params, &secret).await)
        };
        written.map_err(|error| SyncError::api(self.title(what), error))
    }

    async fn empty(&self) -> Secret {
        let namespace = &self.settings.namespace;
        let roles = Api::<Role>::namespaced(self.client.clone(), namespace);
        let owner = owner::reference(&roles, ROLE).await;
        Secret {
            metadata: ObjectMeta {
                name: Some(self.settings.secret.clone()),
                namespace: Some(namespace.clone()),
                owner_references: owner.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            // Whatever watches certificates for their end knows this type.
            type_: Some("kubernetes.io/tls".to_owned()),
            ..Secret::default()
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.settings.namespace, self.settings.secret)
    }

    fn title(&self, verb: &str) -> String {
        format!("cannot {verb} the Secret {}", self.place())
    }

    /// The configurations, as far as there are any.
    pub(crate) async fn configurations(&self) -> Result<Vec<Configuration>, SyncError> {
        let mut found = Vec::new();
        for (kind, name) in &self.settings.configurations {
            let read = self.configurations_of(*kind).get_opt(name).await;
            let object = read.map_err(|error| {
                let what = format!("cannot read the {}", titled(*kind, name));
                SyncError::api(what, error)
            })?;
            if let Some(object) = object {
                found.push(self.configuration(*kind, object)?);
            }
        }
        Ok(found)
    }

    fn configurations_of(&self, kind: Kind) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &kind.resource())
    }

    fn configuration(&self, kind: Kind, object: DynamicObject) -> Result<Configuration, SyncError> {
        let (name, version) = (object.name_any(), object.resource_version());
        let configuration = titled(kind, &name);
        let mut annotations = object.annotations().keys();
        if annotations.any(|key| key.starts_with(INJECTED)) {
            return Err(SyncError::Injected(configuration));
        }
        let read: Webhooks = serde_json::from_value(object.data).map_err(|error| {
            let what = format!("cannot read the {configuration}");
            SyncError::api(what, kube::Error::SerdeError(error))
        })?;
        let leading = read.webhooks.into_iter().filter(|one| self.leads_here(one));
        let bundle = |config: WebhookClientConfig| config.ca_bundle.unwrap_or_default().0;
        let webhooks: BTreeMap<_, _> = leading
            .map(|one| (one.name, bundle(one.client_config)))
            .collect();
        if webhooks.is_empty() {
            let service = format!("{}/{}", self.settings.namespace, self.settings.service);
            return Err(SyncError::Elsewhere {
                configuration,
                service,
            });
        }
        Ok(Configuration {
            kind,
            name,
            version,
            webhooks,
        })
    }

    /// Whether a webhook calls this Service, or a URL, of which only its owner knows where it ends.
    fn leads_here(&self, webhook: &Webhook) -> bool {
        let service = webhook.client_config.service.as_ref();
        service.is_none_or(|service| {
            service.name == self.settings.service && service.namespace == self.settings.namespace
        })
    }

    /// Announces `bundle` in a configuration, unless that changed since it was read. The manifest
    /// that somebody applies has no `caBundle`, so the field stays when it is applied again.
    pub(crate) async fn announce(
        &self,
        configuration: &mut Configuration,
        bundle: &str,
    ) -> Result<bool, SyncError> {
        if configuration.announces(bundle) {
            return Ok(false);
        }
        let Configuration { kind, name, .. } = &*configuration;
        let resource = kind.resource();
        let ca_bundle = ByteString(bundle.as_bytes().to_vec());
        let names = configuration.webhooks.keys();
        let webhooks: Vec<_> = names
            .map(|name| json!({"name": name, "clientConfig": {"caBundle": ca_bundle}}))
            .collect();
        let patch = Patch::Apply(json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "resourceVersion": configuration.version},
            "webhooks": webhooks,
        }));
        let params = PatchParams::apply(OWNER).force();
        let api = self.configurations_of(*kind);
        let written = api.patch(name, &params, &patch).await.map_err(|error| {
            let what = format!("cannot write `caBundle` of the {}", titled(*kind, name));
            SyncError::api(what, error)
        })?;
        *configuration = self.configuration(*kind, written)?;
        Ok(true)
    }
}

impl Configuration {
    fn announces(&self, bundle: &str) -> bool {
        let mut bundles = self.webhooks.values();
        bundles.all(|present| present == bundle.as_bytes())
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&titled(self.kind, &self.name))
    }
}

/// What the configurations announce, all together.
pub(crate) fn published(configurations: &[Configuration]) -> Published {
    let webhooks = configurations.iter().flat_map(|one| one.webhooks.values());
    Published::new(webhooks.map(Vec::as_slice))
}

fn titled(kind: Kind, name: &str) -> String {
    format!("{} {name}", kind.resource().kind)
}

/// What a Secret holds.
pub(crate) fn contents(secret: &Secret) -> Contents {
    let data = secret.data.iter().flatten();
    Contents {
        data: data
            .map(|(key, value)| (key.clone(), value.0.clone()))
            .collect(),
        old_until: secret.annotations().get(OLD_UNTIL).cloned(),
    }
}

/// The Secret with these contents. Whatever else it holds stays.
fn with(mut secret: Secret, contents: Contents) -> Secret {
    let data = contents.data.into_iter();
    secret.data = Some(data.map(|(key, value)| (key, ByteString(value))).collect());
    let (label, value) = LABEL;
    secret
        .labels_mut()
        .insert(label.to_owned(), value.to_owned());
    match contents.old_until {
        Some(until) => secret.annotations_mut().insert(OLD_UNTIL.to_owned(), until),
        None => secret.annotations_mut().remove(OLD_UNTIL),
    };
    secret
}
