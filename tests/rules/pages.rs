//! Every rule's page: its parts, and that what it shows is so.

use jiff::civil::date;
use meshcheck_rules::config::Policy;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::rules::ALL;
use meshcheck_rules::{Engine, Mesh, Object, Place, Rule, Severity};
use serde_json::json;

use crate::case::{page_of, pages_of};
use crate::page::{Kind, Page};
use crate::run::run;

/// The headings of every page, in this order.
const SECTIONS: &[&str] = &[
    "What it finds",
    "What happens",
    "What to do",
    "When to live with it",
    "Sources",
];

#[test]
fn every_page_has_its_parts() {
    let problems: Vec<String> = ALL
        .iter()
        .flat_map(|rule| missing_parts(rule, &page_of(rule)))
        .collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn missing_parts(rule: &Rule, page: &Page) -> Vec<String> {
    let fixed = page.count(|kind| matches!(kind, Kind::Fixed { .. }));
    let parts = [
        (page.title == rule.id, "its title is not the rule's id"),
        (
            page.summary == rule.summary,
            "the line below the title is not the rule's summary",
        ),
        (
            page.sections == SECTIONS,
            "its headings are not the fixed ones",
        ),
        (
            page.count(|kind| matches!(kind, Kind::Error(_) | Kind::RunError)) > 0,
            "it has no error block",
        ),
        (
            page.count(|kind| matches!(kind, Kind::Ok | Kind::RunOk)) > 0,
            "it has no ok block",
        ),
        (
            (fixed > 0) == rule.fix.is_some(),
            "it has a fixed block without a fix, or the other way round",
        ),
    ];
    let missing = parts.into_iter().filter(|(there, _)| !there);
    missing
        .map(|(_, what)| format!("{}: {what}", page.file))
        .collect()
}

#[test]
fn further_cases_name_their_rule() {
    for rule in ALL {
        for page in pages_of(rule).iter().skip(1) {
            assert_eq!(page.title, format!("{}: further cases", rule.id));
        }
    }
}

#[test]
fn pages_do_what_they_show() {
    let mut problems = Vec::new();
    for rule in ALL {
        for page in pages_of(rule) {
            problems.extend(run(rule, &page).problems);
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// What a page's error blocks make the rule say, at one severity.
fn said(id: &str, severity: Severity) -> Vec<String> {
    let rule = meshcheck_rules::rules::find(id).expect("a rule");
    let findings = run(rule, &page_of(rule)).findings;
    findings
        .into_iter()
        .filter(|(_, finding)| finding.severity == severity)
        .map(|(_, finding)| finding.message)
        .collect()
}

/// The first outage: istiod with 30m, services broken until the streams ended.
#[test]
fn the_first_outage_is_on_its_page() {
    let rule = meshcheck_rules::rules::find("keepalive-age-too-long").expect("a rule");
    assert!(rule.page.contains("- --keepaliveMaxServerConnectionAge\n"));
    assert!(rule.page.contains("initial fetch timed out for"));
    let said = said(rule.id, Severity::Error);
    let names_it = |message: &String| message.contains("30m") && message.contains("33m10s");
    assert!(said.iter().any(names_it), "{said:#?}");
}

/// The second outage: istiod 1.7.4 on a Kubernetes without the APIs that it needs.
#[test]
fn the_second_outage_is_on_its_page() {
    let rule = meshcheck_rules::rules::find("kubernetes-incompatible").expect("a rule");
    assert!(rule.page.contains("kubernetesVersion: \"1.22\""));
    let said = said(rule.id, Severity::Error);
    let names_it = |message: &String| {
        message.contains("istiod 1.7.4")
            && message.contains("Kubernetes 1.22")
            && message.contains("Failed to list *v1beta1.Ingress")
            && message.contains("ValidatingWebhookConfiguration")
    };
    assert!(said.iter().any(names_it), "{said:#?}");
}

/// From which score a vulnerable version is an error is the policy's to say.
#[test]
fn the_score_decides_about_the_severity() {
    let rule = meshcheck_rules::rules::find("version-vulnerable").expect("a rule");
    let severity = |cvss_error| {
        let mut policy = Policy::default();
        policy.version.cvss_error = cvss_error;
        let engine = Engine::new(date(2026, 11, 22), policy, Releases::embedded());
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop"},
            "spec": {"containers": [{
                "name": "istio-proxy", "image": "istio/proxyv2:1.30.3", "args": ["proxy", "sidecar"],
            }]},
        });
        let report = engine.with_rules(vec![rule]).check(
            &Object::all(&pod)[0],
            &Mesh::default(),
            Place::cluster(),
        );
        report.findings[0].severity
    };
    assert_eq!(severity(7.8), Severity::Warning);
    assert_eq!(severity(7.7), Severity::Error);
}
