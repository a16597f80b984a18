//! Modes of rules and namespaces: what is refused, told, kept and passed over.

use serde_json::{Value, json};

use crate::ignores::server;
use crate::reviews::{creation, istiod, patch, update};
use crate::server::Server;

const RULE: &str = "keepalive-age-too-long";

/// Both answers to an istiod with streams of 30m.
async fn answers(server: &Server) -> (Value, Value) {
    let review = creation(&istiod("30m"));
    let mutated = server.ask("/mutate", &review).await;
    (mutated, server.ask("/validate", &review).await)
}

fn warnings(response: &Value) -> Vec<&str> {
    let list = response["warnings"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[tokio::test]
async fn warn_tells_the_error_and_the_mend_and_does_neither_refuse_nor_change() {
    let server = server("webhook: {mode: warn}\n");
    let (mutated, validated) = answers(&server).await;
    assert_eq!(patch(&mutated), [] as [Value; 0]);
    assert_eq!(
        warnings(&mutated),
        [
            "meshcheck advises for keepalive-age-too-long: set the connection age to 10m",
            "meshcheck advises: replace /spec/template/spec/containers/0/args/2 by \"10m\"",
        ]
    );
    let kept = mutated["auditAnnotations"][format!("advice.{RULE}")].as_str();
    assert_eq!(
        kept.unwrap(),
        r#"set the connection age to 10m: [{"op":"replace","path":"/spec/template/spec/containers/0/args/2","value":"10m"}]"#
    );
    assert_eq!(validated["allowed"], true);
    let [warning] = warnings(&validated)[..] else {
        panic!("{validated}");
    };
    let told = "meshcheck keepalive-age-too-long (error, not enforced): ";
    assert!(warning.starts_with(told), "{warning}");
    let metrics = server.metrics().await;
    for line in [
        "meshcheck_excused_errors_total{rule=\"keepalive-age-too-long\",why=\"warn\"} 1\n",
        "meshcheck_admission_findings_total{rule=\"keepalive-age-too-long\",severity=\"error\"} 1\n",
        "outcome=\"advised\"} 1\n",
        "outcome=\"warned\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn audit_tells_nobody_and_keeps_it() {
    let server = server("webhook: {modes: [{mode: audit, namespace: istio-*}]}\n");
    let (mutated, validated) = answers(&server).await;
    assert_eq!((patch(&mutated), warnings(&mutated)), (vec![], vec![]));
    assert!(mutated["auditAnnotations"][format!("advice.{RULE}")].is_string());
    assert_eq!(validated["allowed"], true);
    assert_eq!(warnings(&validated), [] as [&str; 0]);
    let kept = validated["auditAnnotations"][format!("audit.{RULE}")].as_str();
    assert!(
        kept.unwrap().starts_with("error: `--keepalive"),
        "{validated}"
    );
    let metrics = server.metrics().await;
    for line in [
        "meshcheck_excused_errors_total{rule=\"keepalive-age-too-long\",why=\"audit\"} 1\n",
        "outcome=\"audited\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn a_doubt_is_audited_as_well() {
    let mut lonely = istiod("10m");
    lonely["spec"]["replicas"] = json!(1);
    let server = server("webhook: {mode: audit}\n");
    let validated = server.ask("/validate", &creation(&lonely)).await;
    assert_eq!(warnings(&validated), [] as [&str; 0]);
    let kept = validated["auditAnnotations"]["audit.istiod-not-redundant"].as_str();
    assert!(
        kept.unwrap().starts_with("warning: istiod runs as one pod"),
        "{validated}"
    );
}

#[tokio::test]
async fn off_says_nothing_and_the_other_rules_go_on() {
    let server = server(&format!(
        "webhook: {{modes: [{{mode: off, rule: {RULE}}}]}}\n"
    ));
    server.accepts(&creation(&istiod("30m"))).await;
    let metrics = server.metrics().await;
    let found =
        format!("meshcheck_admission_findings_total{{rule=\"{RULE}\",severity=\"error\"}} 0\n");
    assert!(metrics.contains(&found), "{metrics}");
    let mut old = istiod("30m");
    old["spec"]["template"]["spec"]["containers"][0]["image"] = "istio/pilot:1.7.4".into();
    let text = server.rejects(&creation(&old)).await;
    assert!(text.contains("explain version-unsupported"), "{text}");
    assert!(!text.contains(RULE), "{text}");
}

/// An ignore of a rule that does not run here is not one too many.
#[tokio::test]
async fn an_ignore_of_a_rule_that_is_off_is_not_unused() {
    let server = server(&format!(
        "webhook: {{modes: [{{mode: off, rule: {RULE}}}]}}\n"
    ));
    let mut ignoring = istiod("30m");
    ignoring["metadata"]["annotations"]["meshcheck.dev/ignore"] =
        format!("{RULE}: a load test").into();
    server.accepts(&creation(&ignoring)).await;
}

#[tokio::test]
async fn a_namespace_that_no_entry_names_is_enforced() {
    let server = server("webhook: {modes: [{mode: off, namespace: [dev-*, test]}]}\n");
    let (mutated, validated) = answers(&server).await;
    assert_eq!(patch(&mutated).len(), 1);
    assert_eq!(validated["allowed"], false);
    let mut review = creation(&istiod("30m"));
    review["request"]["namespace"] = "dev-anna".into();
    server.accepts(&review).await;
}

/// What is enforced is mended beside what is only advised.
#[tokio::test]
async fn of_two_mends_the_enforced_one_is_made() {
    let server = server("webhook: {modes: [{mode: warn, rule: istiod-readiness-missing}]}\n");
    let mut both = istiod("30m");
    let container = &mut both["spec"]["template"]["spec"]["containers"][0];
    container.as_object_mut().unwrap().remove("readinessProbe");
    let mutated = server.ask("/mutate", &creation(&both)).await;
    assert_eq!(patch(&mutated).len(), 1, "{mutated}");
    let told = warnings(&mutated);
    assert!(
        told[0].starts_with("meshcheck fixed keepalive-age-too-long: "),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("meshcheck advises for istiod-readiness-missing: "),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_update_that_keeps_its_pods_gets_no_advice() {
    let server = server("webhook: {mode: warn}\n");
    let before = istiod("30m");
    let mut labelled = before.clone();
    labelled["metadata"]["labels"]["team"] = "mesh".into();
    let mutated = server.ask("/mutate", &update(&before, &labelled)).await;
    assert_eq!(warnings(&mutated), [] as [&str; 0]);
}
