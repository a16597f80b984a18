//! Timeouts and policies, which the webhooks of a configuration may have in common.

use super::*;

/// What the names of those begin with that are asked about what is no workload.
const OTHERS: [&str; 3] = ["config", "unlabelled-config", "argo"];

fn fail_closed(snapshot: &mut Snapshot, index: usize) {
    for webhook in &mut snapshot.configurations[index].webhooks {
        webhook.failure_policy = Some("Fail".to_owned());
    }
}

fn let_go(webhook: &mut MutatingWebhook) {
    let condition = json!({"name": "a", "expression": "!has(object.metadata.deletionTimestamp)"});
    webhook.match_conditions = Some(vec![typed(condition)]);
}

#[test]
fn timeouts_are_compared_with_the_manifests_and_with_the_server() {
    let mut snapshot = healthy();
    webhook(&mut snapshot, 0).timeout_seconds = None;
    for webhook in &mut snapshot.configurations[1].webhooks {
        webhook.timeout_seconds = Some(5);
    }
    let others = OTHERS.map(|name| format!("{name}.mutate.meshcheck.dev"));
    assert_eq!(
        said(&snapshot, "timeouts"),
        [
            format!("error: {MUTATING}: timeoutSeconds is not set, so 10, above 2"),
            format!("ok: {MUTATING} ({}): 2 s", others.join(", ")),
            format!("warning: {VALIDATING}: timeoutSeconds is 5, above 3"),
        ]
    );
    let (_, first) = problems(&snapshot).remove(0);
    assert_eq!(
        first.command.as_deref(),
        Some(
            "kubectl patch mutatingwebhookconfiguration/a0-meshcheck-webhook --type=json \
             -p='[{\"op\": \"add\", \"path\": \"/webhooks/0/timeoutSeconds\", \"value\": 2}]'"
        )
    );

    let mut snapshot = healthy();
    let arguments = container(&mut snapshot).args.as_mut();
    let arguments = arguments.expect("arguments");
    arguments.retain(|argument| !argument.starts_with("--request-timeout"));
    arguments.extend(["--request-timeout".to_owned(), "2s".to_owned()]);
    let (check, problem) = problem(&snapshot);
    assert_eq!((check, problem.at.as_str()), ("timeouts", MUTATING));
}

#[test]
fn failure_and_match_policies_are_told() {
    let mut snapshot = healthy();
    fail_closed(&mut snapshot, 0);
    fail_closed(&mut snapshot, 1);
    snapshot.configurations[1].webhooks[..2]
        .iter_mut()
        .for_each(let_go);
    snapshot.configurations[1].webhooks[3].match_policy = Some("Exact".to_owned());
    assert_eq!(
        said(&snapshot, "failure-policy"),
        [
            format!("warning: {MUTATING}: failurePolicy is Fail"),
            format!(
                "ok: {VALIDATING}: Fail, so nothing passes unseen, and nothing at all while the webhook is \
                 away"
            ),
            format!("warning: {VALIDATING} (argo.validate.meshcheck.dev): matchPolicy is Exact"),
        ]
    );
}

#[test]
fn what_is_being_deleted_must_not_wait_for_a_webhook_that_is_away() {
    let mut snapshot = healthy();
    fail_closed(&mut snapshot, 1);
    let (check, found) = problem(&snapshot);
    assert_eq!(check, "failure-policy");
    assert_eq!(
        found.at,
        format!("{VALIDATING} (validate.meshcheck.dev, config.validate.meshcheck.dev)")
    );
    assert_eq!(
        found.message,
        "failurePolicy is Fail, and no condition of matchConditions is on deletionTimestamp"
    );
    let command = found.command.expect("a command");
    for index in [0, 1] {
        let path = format!("\"path\": \"/webhooks/{index}/matchConditions\", \"value\": [{{");
        assert!(command.contains(&path), "{command}");
    }

    // Beside a condition that there is.
    let_go(webhook(&mut snapshot, 1));
    let other = &mut snapshot.configurations[1].webhooks[1];
    let_go(other);
    other.match_conditions.as_mut().expect("conditions")[0].expression = "true".to_owned();
    let command = problem(&snapshot).1.command.expect("a command");
    let path = "\"path\": \"/webhooks/1/matchConditions/-\", \"value\": {";
    assert!(command.contains(path), "{command}");
}

/// As versions had it that asked about everything by one webhook.
#[test]
fn one_webhook_for_all_kinds_is_all_right() {
    let mut snapshot = healthy();
    for configuration in &mut snapshot.configurations {
        let all = configuration.webhooks.split_off(1);
        let rules = all
            .into_iter()
            .filter_map(|webhook| webhook.rules)
            .flatten();
        let main = &mut configuration.webhooks[0];
        main.rules.as_mut().expect("rules").extend(rules);
        let_go(main);
    }
    fail_closed(&mut snapshot, 1);
    assert_eq!(problems(&snapshot), []);
    assert_eq!(said(&snapshot, "kinds").len(), 2);
}

/// The webhooks beside the main one are looked at, and told by their names.
#[test]
fn each_webhook_is_looked_at() {
    let mut snapshot = healthy();
    let webhook = &mut snapshot.configurations[1].webhooks[2];
    webhook.client_config.ca_bundle = None;
    let (check, found) = problem(&snapshot);
    let name = "unlabelled-config.validate.meshcheck.dev";
    assert_eq!(check, "ca-bundle");
    assert_eq!(found.at, format!("{VALIDATING} ({name})"));

    let mut snapshot = healthy();
    snapshot.configurations[1].webhooks.pop();
    let (check, found) = problem(&snapshot);
    assert_eq!((check, found.at.as_str()), ("kinds", VALIDATING));
    assert!(
        found
            .message
            .starts_with("is not asked about applications.argoproj.io, "),
        "{found:?}"
    );

    // Without the one for workloads there is no gate, whatever else there is.
    let mut snapshot = healthy();
    snapshot.configurations[1].webhooks.remove(0);
    assert_eq!(
        said(&snapshot, "installed")[1],
        "error: ValidatingWebhookConfiguration: none has a webhook validate.meshcheck.dev"
    );
}
