//! Events about errors that were not there before.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::Value;

use super::error::{AuditError, Doing, code, is_of_a_namespace_that_ends};
use super::findings::{Findings, Found, Grade};
use super::report::is_about_support;
use crate::metrics::AuditMetrics;

/// Events of one pass: a cluster that is looked at for the first time may have thousands of errors.
const MOST: usize = 50;
/// Bytes that a note may have.
const LONGEST_NOTE: usize = 1024;
/// Characters of an object's name in the name of an event.
const LONGEST_NAME: usize = 200;
const CONTROLLER: &str = "meshcheck.dev/audit";

/// Errors, each by a hash of rule and object.
pub(super) type Errors = BTreeSet<u64>;

/// An error of an object that has not been told.
struct New<'f> {
    key: u64,
    found: &'f Found,
    /// How often the rule has found the same on the object.
    count: usize,
}

/// The error that a result of a report is about.
pub(super) fn key_of_result(result: &Value) -> u64 {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = &result["resources"][0];
    let part = |name: &str| text(&resource[name]);
    key(
        &text(&result["rule"]),
        &part("kind"),
        &part("namespace"),
        &part("name"),
        &part("uid"),
    )
}

fn key_of(found: &Found) -> u64 {
    let subject = &found.subject;
    key(
        found.rule,
        &subject.kind,
        &subject.namespace,
        &subject.name,
        &subject.uid,
    )
}

/// Without the message: that of a version that is out of support changes every day.
fn key(rule: &str, kind: &str, namespace: &str, name: &str, uid: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (rule, kind, namespace, name, uid).hash(&mut hasher);
    hasher.finish()
}

/// Tells of the errors that are not `known`, and makes those that there are now the known ones.
pub(super) async fn tell(
    client: &Client,
    metrics: &AuditMetrics,
    instance: &str,
    findings: &Findings,
    known: &mut Errors,
) -> Result<(), AuditError> {
    let errors = errors(findings);
    known.retain(|key| errors.contains_key(key));
    let planes = findings.compared();
    let mut left = 0;
    let mut told = 0;
    for (key, new) in errors {
        if known.contains(&key) {
            continue;
        }
        if told == MOST {
            left += 1;
        } else {
            let event = event(&new, planes.as_deref(), instance);
            create(client, metrics, event).await?;
            told += 1;
        }
        known.insert(key);
    }
    if left > 0 {
        metrics.event("left_out", left);
        tracing::warn!(
            left,
            "audit: more new errors than events are made of: see the metrics and reports"
        );
    }
    Ok(())
}

/// The errors that there are, each once.
fn errors(findings: &Findings) -> BTreeMap<u64, New<'_>> {
    let mut errors = BTreeMap::<u64, New<'_>>::new();
    let all = findings.found().filter(|found| found.grade == Grade::Error);
    for found in all {
        let key = key_of(found);
        let error = errors.entry(key).or_insert(New {
            key,
            found,
            count: 0,
        });
        error.count += 1;
    }
    errors
}

async fn create(client: &Client, metrics: &AuditMetrics, event: Event) -> Result<(), AuditError> {
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let api = Api::<Event>::namespaced(client.clone(), &namespace);
    match api.create(&PostParams::default(), &event).await {
        Ok(_) => metrics.event("created", 1),
        // Of another replica, or of this one before it was restarted.
        Err(error) if code(&error) == Some(409) => metrics.event("known", 1),
        Err(error) if code(&error) == Some(404) || is_of_a_namespace_that_ends(&error) => {}
        Err(error) => {
            metrics.event("failed", 1);
            let regarding = event.regarding.unwrap_or_default();
            let name = format!(
                "{} {namespace}/{}",
                regarding.kind.unwrap_or_default(),
                regarding.name.unwrap_or_default()
            );
            return Err(AuditError::api(&Doing::Event(&name), error));
        }
    }
    Ok(())
}

fn event(new: &New<'_>, planes: Option<&str>, instance: &str) -> Event {
    let found = new.found;
    let subject = &found.subject;
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    // Where `kubectl` looks for events of what is in no namespace.
    let namespace = some(&subject.namespace).unwrap_or_else(|| "default".to_owned());
    Event {
        metadata: ObjectMeta {
            name: Some(event_name(&subject.name, new.key)),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
        action: Some("Audit".to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(note(new, planes)),
        reason: Some(reason(found.rule)),
        regarding: Some(ObjectReference {
            api_version: some(&subject.api_version),
            kind: some(&subject.kind),
            name: some(&subject.name),
            namespace: some(&subject.namespace),
            uid: some(&subject.uid),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    }
}

/// The same for the same error, so that the API server refuses a second one.
fn event_name(object: &str, key: u64) -> String {
    let start: String = object.chars().take(LONGEST_NAME).collect();
    let start = start.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    format!("{start}.{key:016x}")
}

/// `VersionUnsupported` of `version-unsupported`.
fn reason(rule: &str) -> String {
    let words = rule.split('-').filter_map(|word| {
        let (first, rest) = word.split_at_checked(1)?;
        Some(first.to_ascii_uppercase() + rest)
    });
    words.collect()
}

fn note(new: &New<'_>, planes: Option<&str>) -> String {
    let rule = new.found.rule;
    let planes = planes.filter(|_| is_about_support(rule));
    let planes = planes.map(|planes| format!("; control planes here: {planes}"));
    let more = (new.count > 1).then(|| format!("; and {} more of the same", new.count - 1));
    let text = [Some(new.found.message.clone()), planes, more];
    let text: String = text.into_iter().flatten().collect();
    let help = format!(" (kubectl meshcheck explain {rule})");
    shortened(text, LONGEST_NOTE.saturating_sub(help.len())) + &help
}

/// At most so many bytes.
fn shortened(mut text: String, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(MARK.len())));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use meshcheck_rules::Severity;
    use serde_json::json;

    use super::*;
    use crate::audit::findings::OfKind;
    use crate::audit::findings::tests::{finding, subject};
    use crate::audit::report::Drafts;

    fn findings(message: &str) -> Findings {
        let mut kind = OfKind::default();
        let istiod = subject("istio-system", "istiod");
        for _ in 0..2 {
            kind.add(
                &istiod,
                &finding("version-unsupported", Severity::Error, message),
            );
        }
        kind.add(
            &istiod,
            &finding("drain-exceeds-grace", Severity::Warning, message),
        );
        Findings(BTreeMap::from([("deployments.apps".to_owned(), kind)]))
    }

    fn event_of(findings: &Findings, planes: Option<&str>) -> Event {
        let errors = errors(findings);
        assert_eq!(errors.len(), 1, "one for the object and the rule");
        event(
            errors.values().next().unwrap(),
            planes,
            "meshcheck-webhook-a_1",
        )
    }

    #[test]
    fn tells_of_the_object() {
        let planes = "1.7.4 in revision production, 1.16.1 in revision development";
        let event = event_of(&findings("istiod is old"), Some(planes));
        let name = event.metadata.name.as_deref().unwrap();
        assert!(
            name.starts_with("istiod.") && name.len() == "istiod.".len() + 16,
            "{name}"
        );
        assert_eq!(event.metadata.namespace.as_deref(), Some("istio-system"));
        assert_eq!(event.reason.as_deref(), Some("VersionUnsupported"));
        assert_eq!(
            event.note.as_deref(),
            Some(
                "istiod is old; control planes here: 1.7.4 in revision production, 1.16.1 in revision \
                 development; and 1 more of the same (kubectl meshcheck explain version-unsupported)"
            )
        );
        let regarding = event.regarding.unwrap();
        assert_eq!(regarding.uid.as_deref(), Some("uid-of-istiod"));
    }

    #[test]
    fn is_the_same_error_on_another_day() {
        let keys = |message: &str| errors(&findings(message)).into_keys().collect::<Vec<_>>();
        assert_eq!(
            keys("out of support (812 days)"),
            keys("out of support (813 days)")
        );
    }

    /// What a report says after a restart is what was known before it.
    #[test]
    fn is_found_again_in_a_report() {
        let findings = findings("istiod is old");
        let report = Drafts::of(&findings).report("istio-system").unwrap();
        let failed = report
            .results
            .iter()
            .filter(|result| result["result"] == "fail");
        let known: Errors = failed.map(key_of_result).collect();
        assert_eq!(known, errors(&findings).into_keys().collect());
        assert_ne!(key_of_result(&json!({})), *known.first().unwrap());
    }

    #[test]
    fn fits_into_what_an_event_may_have() {
        for message in ["x".repeat(2000), "ü".repeat(2000)] {
            let event = event_of(&findings(&message), None);
            let note = event.note.unwrap();
            assert!(note.len() <= LONGEST_NOTE, "{}", note.len());
            assert!(
                note.ends_with("… (kubectl meshcheck explain version-unsupported)"),
                "{note}"
            );
        }
        let long = format!("{}.b{}", "a".repeat(LONGEST_NAME - 1), "c".repeat(100));
        let name = event_name(&long, 7);
        assert_eq!(
            name,
            format!("{}.0000000000000007", "a".repeat(LONGEST_NAME - 1))
        );
    }
}
