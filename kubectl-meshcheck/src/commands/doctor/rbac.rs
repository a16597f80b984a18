//! What an account may do, and how that follows from the roles that are bound to it, for who may not ask the
//! API server.

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};

use super::needs::Need;

const ANY: &str = "*";
const ACCOUNT: &str = "ServiceAccount";

/// A `ServiceAccount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Account {
    /// As the API server calls who asks.
    pub(super) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// What it belongs to.
    pub(super) fn groups(&self) -> Vec<String> {
        let accounts = "system:serviceaccounts";
        vec![
            accounts.to_owned(),
            format!("{accounts}:{}", self.namespace),
            "system:authenticated".to_owned(),
        ]
    }

    /// `ServiceAccount meshcheck-system/meshcheck-webhook`
    pub(super) fn place(&self) -> String {
        format!("{ACCOUNT} {}/{}", self.namespace, self.name)
    }
}

/// What an account may do of what the webhook needs.
#[derive(Clone, Debug)]
pub(super) struct Permissions {
    pub(super) account: Account,
    pub(super) asked: Vec<Asked>,
}

/// What is needed, and what of it is not allowed.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) need: Need,
    /// Verbs.
    pub(super) missing: Vec<&'static str>,
}

impl Asked {
    /// By roles and bindings.
    pub(super) fn by(rbac: &Rbac, account: &Account, need: Need) -> Self {
        let verbs = need.verbs.iter().copied();
        let missing = verbs.filter(|verb| !rbac.allows(account, &need, verb));
        Self {
            missing: missing.collect(),
            need,
        }
    }

    /// `list and watch nodes`, of what is missing.
    pub(super) fn title(&self) -> String {
        let verbs = match self.missing.as_slice() {
            [others @ .., last] if !others.is_empty() => {
                format!("{} and {last}", others.join(", "))
            }
            verbs => verbs.concat(),
        };
        let name = self.need.name.as_deref();
        let name = name.map_or_else(String::new, |name| format!(" {name}"));
        format!("{verbs} {}{name}", self.need.title())
    }
}

/// Roles and bindings of a cluster and of one namespace in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Rbac {
    pub(super) cluster_roles: Vec<ClusterRole>,
    pub(super) cluster_bindings: Vec<ClusterRoleBinding>,
    pub(super) roles: Vec<Role>,
    pub(super) bindings: Vec<RoleBinding>,
}

impl Rbac {
    /// Whether the account may do `verb` of what is needed.
    pub(super) fn allows(&self, account: &Account, need: &Need, verb: &str) -> bool {
        let bound = |subjects: &Option<Vec<Subject>>| {
            let mut subjects = subjects.iter().flatten();
            subjects.any(|subject| is_of(subject, account))
        };
        let everywhere = self.cluster_bindings.iter();
        let everywhere = everywhere.filter(|binding| bound(&binding.subjects));
        let everywhere = everywhere.map(|binding| &binding.role_ref);
        // A binding in a namespace grants nothing elsewhere.
        let there = self.bindings.iter().filter(|binding| {
            need.namespace.is_some()
                && binding.metadata.namespace == need.namespace
                && bound(&binding.subjects)
        });
        let there = there.map(|binding| &binding.role_ref);
        let mut rules = everywhere.chain(there).flat_map(|role| self.rules(role));
        rules.any(|rule| grants(rule, need, verb))
    }

    fn rules(&self, of: &RoleRef) -> impl Iterator<Item = &PolicyRule> {
        let name = Some(of.name.as_str());
        let rules = if of.kind == "ClusterRole" {
            let mut roles = self.cluster_roles.iter();
            let role = roles.find(|role| role.metadata.name.as_deref() == name);
            role.and_then(|role| role.rules.as_ref())
        } else {
            let mut roles = self.roles.iter();
            let role = roles.find(|role| role.metadata.name.as_deref() == name);
            role.and_then(|role| role.rules.as_ref())
        };
        rules.into_iter().flatten()
    }
}

fn is_of(subject: &Subject, account: &Account) -> bool {
    match subject.kind.as_str() {
        ACCOUNT => {
            subject.name == account.name
                && subject.namespace.as_deref() == Some(account.namespace.as_str())
        }
        "Group" => account.groups().contains(&subject.name),
        _ => subject.name == account.user(),
    }
}

fn grants(rule: &PolicyRule, need: &Need, verb: &str) -> bool {
    let has = |list: Option<&Vec<String>>, wanted: &str| {
        let mut list = list.into_iter().flatten();
        list.any(|one| one == wanted || one == ANY)
    };
    let names = rule.resource_names.iter().flatten();
    let names: Vec<_> = names.collect();
    // What is to be created has no name yet.
    let is_named = names.is_empty() || need.name.as_ref().is_some_and(|name| names.contains(&name));
    has(Some(&rule.verbs), verb)
        && has(rule.api_groups.as_ref(), need.group)
        && has(rule.resources.as_ref(), need.resource)
        && is_named
}
