//! Webhooks of ours, and where they stand.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, ServiceReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

/// Of the webhook that changes objects, as all manifests call it. Those beside it, which are asked about what is
/// chosen otherwise, end with a dot and this.
pub(in crate::commands::doctor) const MUTATE: &str = "mutate.meshcheck.dev";
/// Of the webhook that refuses them, in the same way.
pub(in crate::commands::doctor) const VALIDATE: &str = "validate.meshcheck.dev";

/// Kind of a webhook configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands::doctor) enum Kind {
    Mutating,
    Validating,
}

impl Kind {
    pub(in crate::commands::doctor) fn name(self) -> &'static str {
        match self {
            Self::Mutating => "MutatingWebhookConfiguration",
            Self::Validating => "ValidatingWebhookConfiguration",
        }
    }

    /// Of the webhook that is asked about workloads.
    fn webhook(self) -> &'static str {
        match self {
            Self::Mutating => MUTATE,
            Self::Validating => VALIDATE,
        }
    }

    pub(in crate::commands::doctor) fn plural(self) -> &'static str {
        match self {
            Self::Mutating => "mutatingwebhookconfigurations",
            Self::Validating => "validatingwebhookconfigurations",
        }
    }
}

/// A webhook configuration. Those that validate have the same fields but one.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::commands::doctor) struct Configuration {
    #[serde(skip, default = "mutating")]
    pub(in crate::commands::doctor) kind: Kind,
    pub(in crate::commands::doctor) metadata: ObjectMeta,
    #[serde(default)]
    pub(in crate::commands::doctor) webhooks: Vec<MutatingWebhook>,
}

fn mutating() -> Kind {
    Kind::Mutating
}

impl Configuration {
    pub(in crate::commands::doctor) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// As kubectl takes it.
    pub(in crate::commands::doctor) fn resource(&self) -> String {
        let singular = self.kind.plural().trim_end_matches('s');
        format!("{singular}/{}", self.name())
    }
}

/// A webhook of ours, and where it stands; or several of a configuration of which the same is told.
#[derive(Clone, Debug)]
pub(in crate::commands::doctor) struct Hook<'s> {
    pub(in crate::commands::doctor) configuration: &'s Configuration,
    /// In the list of the configuration: its own, and then of others.
    indices: Vec<usize>,
    pub(in crate::commands::doctor) webhook: &'s MutatingWebhook,
}

impl<'s> Hook<'s> {
    /// Whether it is asked about workloads, and so speaks for its configuration.
    pub(in crate::commands::doctor) fn is_main(&self) -> bool {
        self.webhook.name == self.configuration.kind.webhook()
    }

    /// Each that is told of.
    pub(in crate::commands::doctor) fn webhooks(
        &self,
    ) -> impl Iterator<Item = &'s MutatingWebhook> {
        let all = &self.configuration.webhooks;
        self.indices.iter().map(move |index| &all[*index])
    }

    pub(in crate::commands::doctor) fn service(&self) -> Option<&'s ServiceReference> {
        self.webhook.client_config.service.as_ref()
    }

    pub(in crate::commands::doctor) fn url(&self) -> Option<&'s str> {
        self.webhook.client_config.url.as_deref()
    }

    pub(in crate::commands::doctor) fn ca_bundle(&self) -> &'s [u8] {
        let bundle = self.webhook.client_config.ca_bundle.as_ref();
        bundle.map_or(&[], |bundle| &bundle.0)
    }

    pub(in crate::commands::doctor) fn mutates(&self) -> bool {
        self.configuration.kind == Kind::Mutating
    }

    /// Whether a review that fails refuses the object. It does where nothing is said.
    pub(in crate::commands::doctor) fn fails_closed(&self) -> bool {
        self.webhook.failure_policy.as_deref() != Some("Ignore")
    }

    /// `ValidatingWebhookConfiguration/meshcheck-webhook`, with the name of a webhook that does not speak for it.
    pub(in crate::commands::doctor) fn place(&self) -> String {
        let configuration = self.configuration;
        let place = format!("{}/{}", configuration.kind.name(), configuration.name());
        let is_all = hooks_of(configuration).count() == self.indices.len();
        if is_all || (self.is_main() && self.indices.len() == 1) {
            return place;
        }
        let names: Vec<_> = self.webhooks().map(|one| one.name.as_str()).collect();
        format!("{place} ({})", names.join(", "))
    }

    /// A command that sets a field.
    pub(in crate::commands::doctor) fn set(&self, field: &str, value: &str) -> String {
        let operations = self.indices.iter().map(|index| {
            format!(
                "{{\"op\": \"add\", \"path\": \"/webhooks/{index}/{field}\", \"value\": {value}}}"
            )
        });
        let operations: Vec<_> = operations.collect();
        format!(
            "kubectl patch {} --type=json -p='[{}]'",
            self.configuration.resource(),
            operations.join(", ")
        )
    }
}

/// The webhooks of ours in a configuration.
pub(in crate::commands::doctor) fn hooks_of(
    configuration: &Configuration,
) -> impl Iterator<Item = Hook<'_>> {
    let main = configuration.kind.webhook();
    let is_ours = move |webhook: &MutatingWebhook| {
        let before = webhook.name.strip_suffix(main);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let webhooks = configuration.webhooks.iter().enumerate();
    webhooks
        .filter(move |(_, webhook)| is_ours(webhook))
        .map(move |(index, webhook)| Hook {
            configuration,
            indices: vec![index],
            webhook,
        })
}

/// Those of a configuration together that have this in common, so that the same is told of them once.
pub(in crate::commands::doctor) fn alike<'s, T: PartialEq>(
    hooks: impl IntoIterator<Item = Hook<'s>>,
    common: impl Fn(&Hook<'s>) -> T,
) -> Vec<Hook<'s>> {
    let mut all = Vec::<Hook<'s>>::new();
    for hook in hooks {
        let has_place = |one: &&mut Hook<'s>| {
            std::ptr::eq(one.configuration, hook.configuration) && common(one) == common(&hook)
        };
        match all.iter_mut().find(has_place) {
            Some(one) => one.indices.extend(hook.indices),
            None => all.push(hook),
        }
    }
    all
}
