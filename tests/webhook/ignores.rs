//! Findings that are left out.

use meshcheck_rules::config::Policy;
use meshcheck_webhook::judge::Updates;
use serde_json::Value;

use crate::reviews::{creation, istiod, update};
use crate::server::{LIMITS, Server};

const HEAD: &str = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";

fn ignoring(ignore: &str) -> Value {
    let mut istiod = istiod("30m");
    istiod["metadata"]["annotations"]["meshcheck.dev/ignore"] = ignore.into();
    istiod
}

pub(crate) fn server(policy: &str) -> Server {
    let policy = Policy::parse(format!("{HEAD}{policy}").as_bytes()).expect("a policy");
    let judge = Server::judge(Updates::Changes);
    judge.replace_policy(policy);
    Server::with(judge, LIMITS)
}

#[tokio::test]
async fn an_ignored_error_is_neither_refused_nor_mended_but_kept() {
    let server = Server::new();
    let review = creation(&ignoring(
        "keepalive-age-too-long until 2027-01-31: load balancer test",
    ));
    let response = server.ask("/validate", &review).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(response["warnings"], Value::Null);
    let kept = &response["auditAnnotations"]["suppressed.keepalive-age-too-long"];
    let kept = kept.as_str().expect("an annotation");
    assert!(
        kept.starts_with("load balancer test (until 2027-01-31), by annotation: `--keepalive"),
        "{kept}"
    );
    let response = server.ask("/mutate", &review).await;
    assert_eq!(response["patch"], Value::Null);
    let metrics = server.metrics().await;
    for line in [
        "meshcheck_suppressed_findings_total{rule=\"keepalive-age-too-long\"} 1\n",
        "meshcheck_admission_findings_total{rule=\"keepalive-age-too-long\",severity=\"error\"} 0\n",
        "meshcheck_suppressed_findings_total{rule=\"version-unknown\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn an_ignore_that_does_nothing_is_a_warning_beside_the_refusal() {
    let response = Server::new()
        .ask(
            "/validate",
            &creation(&ignoring("keepalive-age-too-long until 2026-11-21: a test")),
        )
        .await;
    assert_eq!(response["allowed"], false);
    let warning = response["warnings"][0].as_str().expect("a warning");
    assert!(
        warning.starts_with(
            "meshcheck ignore-expired: `keepalive-age-too-long until 2026-11-21` ended on"
        ),
        "{warning}"
    );
}

#[tokio::test]
async fn the_policy_ignores_and_forbids() {
    let ignores =
        "ignores: [{rule: keepalive-age-too-long, reason: a test, namespace: istio-system}]";
    let response = server(ignores)
        .ask("/validate", &creation(&istiod("30m")))
        .await;
    assert_eq!(response["allowed"], true);
    let kept = &response["auditAnnotations"]["suppressed.keepalive-age-too-long"];
    assert!(
        kept.as_str()
            .expect("an annotation")
            .starts_with("a test, by policy: ")
    );
    // No request has a file.
    let of_a_file = "ignores: [{rule: keepalive-age-too-long, reason: a test, file: '**'}]";
    server(of_a_file).rejects(&creation(&istiod("30m"))).await;
    let forbids = "forbid_ignore: [keepalive-age-too-long]";
    let review = creation(&ignoring("keepalive-age-too-long: a test"));
    let response = server(forbids).ask("/validate", &review).await;
    assert_eq!(response["allowed"], false);
    let warning = response["warnings"][0].as_str().expect("a warning");
    assert!(
        warning.contains("the policy forbids to ignore"),
        "{warning}"
    );
}

#[tokio::test]
async fn an_update_that_takes_an_ignore_away_is_judged_without_it() {
    let ignored = ignoring("keepalive-age-too-long: a test");
    let server = Server::new();
    let response = server.ask("/validate", &update(&ignored, &ignored)).await;
    assert_eq!(response["allowed"], true);
    server.rejects(&update(&ignored, &istiod("30m"))).await;
    // One that ended is no news: what it hid was there before.
    let ended = ignoring("keepalive-age-too-long until 2026-11-21: a test");
    let response = server.ask("/validate", &update(&ended, &ended)).await;
    assert_eq!(response["allowed"], true);
}

/// The API server takes audit annotations with names of up to 63 characters.
#[test]
fn names_of_rules_fit_audit_annotations() {
    for rule in meshcheck_rules::rules::ALL {
        assert!(format!("suppressed.{}", rule.id).len() <= 63, "{}", rule.id);
    }
}
