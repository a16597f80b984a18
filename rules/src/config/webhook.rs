//! `webhook` of the policy: how much of what is found is enforced, and where.

use std::collections::BTreeSet;

use globset::GlobSet;
use serde_json::Value;

use super::problem::Problems;
use super::selector::{self, Folders, Selector};
use super::{read::rules_in, scalar};
use crate::object::{Node, Object};

/// `webhook` of the policy.
#[derive(Clone, Debug, Default)]
pub struct WebhookPolicy {
    /// Where no entry of `modes` fits.
    pub mode: Mode,
    /// Modes of rules and objects; the first that fits decides.
    pub modes: Vec<ModeEntry>,
    /// How objects are mended.
    pub mutate: MutatePolicy,
    /// What lets errors pass in an emergency.
    pub break_glass: BreakGlass,
}

/// What the webhook does with a rule's findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Errors are refused, warnings told, what can be mended is.
    #[default]
    Enforce,
    /// All is told, nothing refused, nothing changed.
    Warn,
    /// Nobody is told: all is kept in the audit log and in metrics.
    Audit,
    /// The rule does not run.
    Off,
}

impl Mode {
    /// As the policy writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Warn => "warn",
            Self::Audit => "audit",
            Self::Off => "off",
        }
    }
}

/// An entry of `webhook.modes`.
#[derive(Clone, Debug)]
pub struct ModeEntry {
    /// The mode that holds.
    pub mode: Mode,
    /// Of these rules; empty for all.
    pub rules: Vec<&'static str>,
    /// On which objects.
    pub selector: Selector,
}

/// `webhook.mutate` of the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MutatePolicy {
    /// On which objects.
    pub at: MendAt,
    /// Whether patches are told and not made.
    pub advise: bool,
}

/// On which objects the webhook mends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MendAt {
    /// On Pods for objects that Argo CD or Flux compare with Git, else on what is applied.
    #[default]
    Auto,
    /// On what is applied, and on Pods.
    Workload,
    /// On Pods alone.
    Pod,
}

/// `webhook.break_glass` of the policy.
#[derive(Clone, Debug)]
pub struct BreakGlass {
    /// Whether the annotation counts at all.
    pub allow: bool,
    /// Rules whose errors are refused all the same.
    pub forbid: BTreeSet<&'static str>,
    /// How many days ahead `until` may lie.
    pub max_days: i32,
    namespaces: Option<GlobSet>,
    groups: Option<GlobSet>,
}

impl Default for BreakGlass {
    fn default() -> Self {
        Self {
            allow: false,
            forbid: BTreeSet::new(),
            max_days: 7,
            namespaces: None,
            groups: None,
        }
    }
}

impl WebhookPolicy {
    /// What is done with a rule's findings on an object.
    pub fn mode(&self, object: &Object<'_>, rule: &str) -> Mode {
        let mut fitting = self.modes.iter().filter(|entry| {
            (entry.rules.is_empty() || entry.rules.contains(&rule))
                && entry.selector.selects(object, None, &Folders::default())
        });
        fitting.next().map_or(self.mode, |entry| entry.mode)
    }
}

impl BreakGlass {
    /// Whether the annotation counts in a namespace; an object without one is in none.
    pub fn is_allowed_in(&self, namespace: Option<&str>) -> bool {
        self.allow && selector::fits(self.namespaces.as_ref(), namespace)
    }

    /// Whether it counts for somebody of these groups.
    pub fn is_allowed_for(&self, groups: &[String]) -> bool {
        let allowed = self.groups.as_ref();
        allowed.is_none_or(|set| groups.iter().any(|group| set.is_match(group)))
    }
}

/// Takes `webhook` out of a checked document. What has been told already is passed over.
pub(super) fn read(root: &Node<'_>, problems: &mut Problems<'_, '_>) -> WebhookPolicy {
    let Some(webhook) = root.get("webhook") else {
        return WebhookPolicy::default();
    };
    let mode = webhook.get("mode").map(|node| node.value());
    let entries = webhook.items("modes");
    let modes = entries.map(|entry| mode_entry(&entry, problems)).collect();
    WebhookPolicy {
        mode: mode.and_then(scalar::mode).unwrap_or_default(),
        modes,
        mutate: mutate(&webhook),
        break_glass: webhook
            .get("break_glass")
            .map_or_else(BreakGlass::default, |node| break_glass(&node)),
    }
}

fn mode_entry(entry: &Node<'_>, problems: &mut Problems<'_, '_>) -> ModeEntry {
    let mode = entry.get("mode").map(|node| node.value());
    let read = ModeEntry {
        mode: mode.and_then(scalar::mode).unwrap_or_default(),
        rules: rules_in(entry, "rule").collect(),
        selector: selector::read(entry.value()),
    };
    let says_where = entry.entries().any(|(key, _)| key != "mode");
    if entry.value().is_object() && !says_where {
        let message =
            "an entry of `webhook.modes` for all rules and objects: that is `webhook.mode`";
        problems.add(&entry.whole(), message.to_owned());
    }
    read
}

fn mutate(webhook: &Node<'_>) -> MutatePolicy {
    let value = |key| webhook.at(&["mutate", key]).map(|node| node.value());
    MutatePolicy {
        at: value("at").and_then(scalar::mend_at).unwrap_or_default(),
        advise: value("advise").and_then(Value::as_bool).unwrap_or_default(),
    }
}

fn break_glass(node: &Node<'_>) -> BreakGlass {
    let default = BreakGlass::default();
    let value = |key| node.get(key).map(|node| node.value());
    let days = value("max_days").and_then(Value::as_i64);
    BreakGlass {
        allow: value("allow").and_then(Value::as_bool).unwrap_or_default(),
        forbid: rules_in(node, "forbid").collect(),
        max_days: days
            .and_then(|days| days.try_into().ok())
            .unwrap_or(default.max_days),
        namespaces: selector::patterns(node.value(), "namespace"),
        groups: selector::patterns(node.value(), "group"),
    }
}

#[cfg(test)]
mod tests;
