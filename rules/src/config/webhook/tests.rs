use serde_json::json;

use super::*;
use crate::config::Policy;

fn policy(webhook: &Value) -> Result<WebhookPolicy, Vec<String>> {
    let whole = json!({
        "apiVersion": "meshcheck.dev/v1alpha1", "kind": "Policy", "webhook": webhook,
    });
    let read = Policy::parse(whole.to_string().as_bytes());
    let messages = |problems: Vec<crate::config::PolicyProblem>| {
        problems.into_iter().map(|problem| problem.message)
    };
    read.map(|policy| policy.webhook)
        .map_err(|problems| messages(problems).collect())
}

fn mode(policy: &WebhookPolicy, namespace: &str, kind: &str, rule: &str) -> Mode {
    let object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": "a", "namespace": namespace, "labels": {"tier": "one"}},
    });
    policy.mode(&Object::all(&object)[0], rule)
}

#[test]
fn the_first_entry_that_fits_decides() {
    let policy = policy(&json!({"mode": "warn", "modes": [
        {"mode": false, "rule": "version-unknown", "namespace": ["dev-*", "test"]},
        {"mode": "audit", "namespace": "dev-*"},
        {"mode": "enforce", "rule": ["version-unknown", "version-unsupported"], "kind": "Deployment"},
        {"mode": "audit", "labels": {"tier": "two"}},
    ]}))
    .expect("a policy");
    for (namespace, kind, rule, wanted) in [
        ("dev-1", "Deployment", "version-unknown", Mode::Off),
        ("test", "Deployment", "version-unknown", Mode::Off),
        ("dev-1", "Deployment", "version-unsupported", Mode::Audit),
        ("shop", "Deployment", "version-unsupported", Mode::Enforce),
        ("shop", "DaemonSet", "version-unsupported", Mode::Warn),
    ] {
        assert_eq!(
            mode(&policy, namespace, kind, rule),
            wanted,
            "{namespace} {kind} {rule}"
        );
    }
}

#[test]
fn without_a_word_all_is_enforced_and_no_glass_is_broken() {
    for nothing in [json!(null), json!({}), json!({"modes": null, "mutate": {}})] {
        let policy = policy(&nothing).expect("a policy");
        assert_eq!(
            mode(&policy, "shop", "Deployment", "version-unknown"),
            Mode::Enforce
        );
        assert_eq!(policy.mutate.at, MendAt::Auto);
        assert!(!policy.mutate.advise);
        assert!(!policy.break_glass.is_allowed_in(Some("shop")));
    }
}

#[test]
fn the_glass_is_for_some_places_and_people() {
    let policy = policy(&json!({"break_glass": {
        "allow": true, "namespace": "istio-*", "group": ["sre", "oncall-*"],
        "forbid": ["registry-retired"], "max_days": 1,
    }}));
    let glass = policy.expect("a policy").break_glass;
    assert!(glass.is_allowed_in(Some("istio-system")));
    assert!(!glass.is_allowed_in(Some("shop")) && !glass.is_allowed_in(None));
    let groups = |groups: &[&str]| {
        groups
            .iter()
            .map(|&group| group.to_owned())
            .collect::<Vec<_>>()
    };
    assert!(glass.is_allowed_for(&groups(&["system:authenticated", "oncall-mesh"])));
    assert!(!glass.is_allowed_for(&groups(&["system:authenticated"])));
    assert!(glass.forbid.contains("registry-retired"));
    assert_eq!(glass.max_days, 1);
}

#[test]
fn mending_has_its_own_place() {
    let read = policy(&json!({"mutate": {"at": "pod", "advise": true}})).expect("a policy");
    assert_eq!((read.mutate.at, read.mutate.advise), (MendAt::Pod, true));
}

#[test]
fn what_is_wrong_is_told() {
    let entry = "an entry of `webhook.modes` for all rules and objects: that is `webhook.mode`";
    for (wrong, message) in [
        (json!({"modes": [{"mode": "warn"}]}), entry),
        (
            json!({"modes": [{"rule": "version-unknown"}]}),
            "`webhook.modes[0]` has no `mode`: expected `enforce`, `warn`, `audit`, `off`",
        ),
        (
            json!({"mode": true}),
            "`webhook.mode` is `true`: expected `enforce`, `warn`, `audit`, `off`",
        ),
        (
            json!({"modes": [{"mode": "warn", "rules": "version-unknown"}]}),
            "`webhook.modes[0]` has no key `rules`, did you mean `rule`?",
        ),
        (
            json!({"mutate": {"at": "pods"}}),
            "`webhook.mutate.at` is `pods`: expected `auto`, `workload`, `pod`",
        ),
        (
            json!({"break_glass": {"allow": "yes"}}),
            "`webhook.break_glass.allow` is `yes`: expected `true` or `false`",
        ),
        (
            json!({"break_glass": {"max_days": 400}}),
            "`webhook.break_glass.max_days` is `400`: expected a whole number from 0 to 365",
        ),
    ] {
        assert_eq!(policy(&wrong).expect_err("problems"), [message]);
    }
}
