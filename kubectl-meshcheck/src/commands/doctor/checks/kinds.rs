//! That the webhooks are asked about what the rules look at.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;
use meshcheck_rules::ObjectKind;
use meshcheck_rules::rules::ALL;

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::snapshot::{Hook, Snapshot, alike};
use crate::output::counted;

const ANY: &str = "*";

/// The webhooks of each configuration, together.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for hook in alike(snapshot.hooks(), |_| ()) {
        let wanted = wanted(hook.mutates());
        let rules = hook.webhooks().filter_map(|webhook| webhook.rules.as_ref());
        let rules: Vec<_> = rules.flatten().collect();
        let is_asked = |kind: &&ObjectKind| {
            let mut operations = operations(kind).iter();
            operations.all(|operation| rules.iter().any(|rule| covers(rule, kind, operation)))
        };
        let missing: Vec<_> = wanted
            .iter()
            .filter(|kind| !is_asked(kind))
            .map(title)
            .collect();
        let others = others(&rules, &wanted);
        if !missing.is_empty() {
            drift(snapshot, &hook, &missing, notes);
        }
        if others.contains(ANY) {
            everything(&hook, notes);
        } else if !others.is_empty() {
            idle(&hook, &others, notes);
        }
        if missing.is_empty() && others.is_empty() {
            let count = counted(wanted.len(), "kind");
            notes.fine(format!(
                "{}: all {count} that the rules look at",
                hook.place()
            ));
        }
    }
}

/// Kinds that a webhook is to be asked about.
fn wanted(mutates: bool) -> BTreeSet<ObjectKind> {
    let kinds = ALL.iter().flat_map(|rule| rule.kinds).copied();
    let kinds = kinds.filter(ObjectKind::is_served);
    kinds
        .filter(|kind| !(mutates && kind.is_kept_by_git()))
        .collect()
}

/// Nothing that matters can change in a Pod that exists.
fn operations(kind: &ObjectKind) -> &'static [&'static str] {
    match (kind.group, kind.kind) {
        ("", "Pod") => &["CREATE"],
        _ => &["CREATE", "UPDATE"],
    }
}

fn covers(rule: &RuleWithOperations, kind: &ObjectKind, operation: &str) -> bool {
    let has = |list: &Option<Vec<String>>, wanted: &str| {
        let mut list = list.iter().flatten();
        list.any(|item| item == wanted || item == ANY)
    };
    has(&rule.api_groups, kind.group)
        && has(&rule.resources, kind.resource)
        && has(&rule.operations, operation)
}

/// `deployments.apps`, as kubectl takes it.
fn title(kind: &ObjectKind) -> String {
    match kind.group {
        "" => kind.resource.to_owned(),
        group => format!("{}.{group}", kind.resource),
    }
}

/// What it is asked about beyond that.
fn others(rules: &[&RuleWithOperations], wanted: &BTreeSet<ObjectKind>) -> BTreeSet<String> {
    let mut others = BTreeSet::new();
    for rule in rules {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                if group == ANY || resource == ANY {
                    others.insert(ANY.to_owned());
                } else if !wanted
                    .iter()
                    .any(|kind| kind.group == group && kind.resource == resource)
                {
                    others.insert(
                        format!("{resource}.{group}")
                            .trim_end_matches('.')
                            .to_owned(),
                    );
                }
            }
        }
    }
    others
}

fn drift(snapshot: &Snapshot, hook: &Hook<'_>, missing: &[String], notes: &mut Notes) {
    notes
        .warning(
            hook.place(),
            format!(
                "is not asked about {}, which rules of {} look at",
                missing.join(", "),
                snapshot.plugin
            ),
        )
        .leads_to("such objects are neither mended nor refused")
        .help("apply the configuration of the version that runs")
        .command("kubectl apply -k manifests/base");
}

fn everything(hook: &Hook<'_>, notes: &mut Notes) {
    notes
        .warning(
            hook.place(),
            "is asked about every kind of a group, or of all",
        )
        .leads_to("each such request waits for it, Leases and Events included")
        .help("name the kinds, as the manifests do")
        .command("kubectl apply -k manifests/base");
}

fn idle(hook: &Hook<'_>, others: &BTreeSet<String>, notes: &mut Notes) {
    let others: Vec<_> = others.iter().map(String::as_str).collect();
    let severity = meshcheck_rules::Severity::Info;
    let message = format!(
        "is asked about {}, which no rule looks at",
        others.join(", ")
    );
    notes
        .problem(severity, hook.place(), message)
        .leads_to("such requests wait for nothing")
        .help("apply the configuration of the version that runs")
        .command("kubectl apply -k manifests/base");
}
