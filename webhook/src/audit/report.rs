//! What a policy report says: pure, and the same for the same findings.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::findings::{Findings, Found, Grade};

/// Name of every report.
pub(super) const NAME: &str = "meshcheck";
/// Marks reports that are written and deleted here.
pub(super) const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "meshcheck");
/// Says how many results a report has no room for.
pub(super) const NOTE: &str = "meshcheck.dev/note";

/// Bytes of the results of one report: an object may have 1.5 MiB in etcd, and is sent whole to
/// everybody who watches it.
const MOST_BYTES: usize = 900 << 10;

/// The report of a namespace, or of what is in none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Report {
    /// Errors first.
    pub(super) results: Vec<Value>,
    /// How many there are, those included that there is no room for.
    pub(super) summary: Value,
    /// What is to be said of the report itself.
    pub(super) note: Option<String>,
}

/// What is found, by namespace; the empty one for what is in none. A report is made when it is asked for:
/// all of them at once are many times as large as what they are made of.
pub(super) struct Drafts<'f> {
    drafts: BTreeMap<&'f str, Draft<'f>>,
    planes: Option<String>,
}

#[derive(Default)]
struct Draft<'f> {
    found: Vec<&'f Found>,
    counts: BTreeMap<Grade, u64>,
}

impl<'f> Drafts<'f> {
    /// Of everything that is found.
    pub(super) fn of(findings: &'f Findings) -> Self {
        let mut drafts = BTreeMap::<&str, Draft<'_>>::new();
        for of_kind in findings.0.values() {
            for ((namespace, grade), count) in &of_kind.graded {
                let counts = &mut drafts.entry(namespace).or_default().counts;
                *counts.entry(*grade).or_default() += count;
            }
        }
        for one in findings.found() {
            let draft = drafts.entry(&one.subject.namespace).or_default();
            draft.found.push(one);
        }
        for draft in drafts.values_mut() {
            draft.found.sort_unstable();
        }
        Self {
            drafts,
            planes: findings.compared(),
        }
    }

    /// The namespaces in which something is found.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &'f str> {
        self.drafts.keys().copied()
    }

    /// The report of a namespace; `None` where nothing is found.
    pub(super) fn report(&self, namespace: &str) -> Option<Report> {
        let draft = self.drafts.get(namespace)?;
        let planes = self.planes.as_deref();
        Some(Report::new(&draft.found, &draft.counts, planes))
    }
}

impl Report {
    fn new(found: &[&Found], counts: &BTreeMap<Grade, u64>, planes: Option<&str>) -> Self {
        let (mut results, mut bytes) = (Vec::new(), 0);
        for one in found {
            let result = result(one, planes);
            bytes += result.to_string().len();
            if bytes > MOST_BYTES {
                break;
            }
            results.push(result);
        }
        let all: u64 = counts.values().sum();
        let listed = u64::try_from(results.len()).unwrap_or(u64::MAX);
        let left = all.saturating_sub(listed);
        let count = |grade| counts.get(&grade).copied().unwrap_or(0);
        Self {
            results,
            summary: json!({
                "error": 0,
                "fail": count(Grade::Error),
                "pass": 0,
                "skip": count(Grade::Ignored),
                "warn": count(Grade::Warning),
            }),
            note: (left > 0).then(|| {
                format!(
                    "{left} of {all} results have no room here: `kubectl meshcheck` on the manifests \
                     tells all"
                )
            }),
        }
    }
}

fn result(found: &Found, planes: Option<&str>) -> Value {
    let (result, severity) = match found.grade {
        Grade::Error => ("fail", "high"),
        Grade::Warning => ("warn", "medium"),
        Grade::Ignored => ("skip", "low"),
    };
    let subject = &found.subject;
    let mut resource = json!({
        "apiVersion": subject.api_version,
        "kind": subject.kind,
        "name": subject.name,
        "uid": subject.uid,
    });
    if !subject.namespace.is_empty() {
        resource["namespace"] = subject.namespace.clone().into();
    }
    let mut properties = json!({
        "explain": format!("kubectl meshcheck explain {}", found.rule),
    });
    if !found.pointer.is_empty() {
        properties["pointer"] = found.pointer.clone().into();
    }
    if let Some(planes) = planes.filter(|_| is_about_support(found.rule)) {
        properties["controlPlanes"] = planes.into();
    }
    json!({
        "category": "Istio",
        "message": found.message,
        "policy": NAME,
        "properties": properties,
        "resources": [resource],
        "result": result,
        "rule": found.rule,
        "scored": true,
        "severity": severity,
        "source": NAME,
    })
}

/// Whether it helps to see which control planes there are beside.
pub(super) fn is_about_support(rule: &str) -> bool {
    ["version-unsupported", "version-ending-soon"].contains(&rule)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use meshcheck_rules::Severity;
    use meshcheck_rules::istio::version::Version;
    use meshcheck_rules::plane::Plane;

    use super::*;
    use crate::audit::findings::tests::{finding, subject};
    use crate::audit::findings::{OfKind, Subject};

    fn findings_of(kinds: impl IntoIterator<Item = OfKind>) -> Findings {
        let names = ["deployments.apps", "pods", "statefulsets.apps"];
        let names = names.into_iter().map(str::to_owned);
        Findings(names.zip(kinds).collect())
    }

    fn report_of(findings: &Findings, namespace: &str) -> Report {
        Drafts::of(findings).report(namespace).expect("a report")
    }

    #[test]
    fn says_what_is_found_the_worst_first() {
        let mut kind = OfKind::default();
        let web = subject("shop", "web");
        kind.add(
            &web,
            &finding("drain-exceeds-grace", Severity::Warning, "late"),
        );
        kind.add(
            &web,
            &finding("version-unknown", Severity::Info, "not in it"),
        );
        kind.add(
            &web,
            &finding("version-unsupported", Severity::Error, "old"),
        );
        let ignored = finding("keepalive-age-too-long", Severity::Error, "long");
        kind.add_ignored(&web, &ignored, "a test (until 2027-01-31)");
        let report = report_of(&findings_of([kind]), "shop");
        let told: Vec<_> = report
            .results
            .iter()
            .map(|result| {
                let text = |key: &str| result[key].as_str().unwrap();
                [
                    text("rule"),
                    text("result"),
                    text("severity"),
                    text("message"),
                ]
            })
            .collect();
        assert_eq!(
            told,
            [
                ["version-unsupported", "fail", "high", "old"],
                ["drain-exceeds-grace", "warn", "medium", "late"],
                [
                    "keepalive-age-too-long",
                    "skip",
                    "low",
                    "long (ignored: a test (until 2027-01-31))"
                ],
            ]
        );
        assert_eq!(
            report.summary,
            json!({"error": 0, "fail": 1, "pass": 0, "skip": 1, "warn": 1})
        );
        assert_eq!(report.note, None);
        assert_eq!(
            report.results[0]["resources"],
            json!([{
                "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop",
                "name": "web", "uid": "uid-of-web",
            }])
        );
    }

    #[test]
    fn is_the_same_for_the_same_findings() {
        let error = finding("version-unsupported", Severity::Error, "old");
        let one_way = ["c", "a", "b"];
        let mut other_way = one_way;
        other_way.reverse();
        let [one, other] = [one_way, other_way].map(|names| {
            let mut kind = OfKind::default();
            for name in names {
                kind.add(&subject("shop", name), &error);
            }
            report_of(&findings_of([kind]), "shop")
        });
        assert_eq!(one, other);
    }

    #[test]
    fn there_is_one_for_each_namespace_and_one_for_none() {
        let error = finding("version-unsupported", Severity::Error, "old");
        let info = finding("version-unknown", Severity::Info, "whatever");
        let mut kind = OfKind::default();
        kind.add(&subject("shop", "a"), &error);
        kind.add(&subject("", "b"), &error);
        kind.add(&subject("quiet", "c"), &info);
        let findings = findings_of([kind]);
        let drafts = Drafts::of(&findings);
        assert_eq!(drafts.namespaces().collect::<Vec<_>>(), ["", "shop"]);
        assert_eq!(drafts.report("quiet"), None);
        let resource = &report_of(&findings, "").results[0]["resources"][0];
        assert_eq!(resource.get("namespace"), None);
    }

    #[test]
    fn a_large_one_says_what_it_leaves_out() {
        let warning = finding("drain-exceeds-grace", Severity::Warning, &"x".repeat(900));
        let error = finding("version-unsupported", Severity::Error, "old");
        let mut kind = OfKind::default();
        for index in 0..2000 {
            kind.add(&subject("shop", &format!("app-{index}")), &warning);
        }
        kind.add(&subject("shop", "last"), &error);
        let report = report_of(&findings_of([kind]), "shop");
        let size = Value::from(report.results.clone()).to_string().len();
        assert!(size < 1 << 20, "{size}");
        assert_eq!(report.results[0]["result"], "fail", "errors come first");
        assert_eq!(report.summary["warn"], 2000);
        let left = 2001 - report.results.len();
        let note = report.note.as_deref().unwrap();
        assert!(
            note.starts_with(&format!("{left} of 2001 results")),
            "{note}"
        );
    }

    #[test]
    fn control_planes_are_compared_where_a_version_is_old() {
        let plane = |revision: &str, version: &str, days_left| Plane {
            revision: revision.to_owned(),
            version: Version::parse(version).unwrap(),
            days_left,
        };
        let mut kind = OfKind {
            planes: vec![
                plane("production", "1.7.4", Some(-812)),
                plane("development", "1.16.1", Some(68)),
            ],
            ..OfKind::default()
        };
        let istiod: Arc<Subject> = subject("istio-system", "istiod");
        for rule in ["version-unsupported", "keepalive-age-too-long"] {
            kind.add(&istiod, &finding(rule, Severity::Error, "x"));
        }
        let results = report_of(&findings_of([kind]), "istio-system").results;
        let planes = |index: usize| &results[index]["properties"]["controlPlanes"];
        assert_eq!(*planes(0), Value::Null);
        assert_eq!(
            *planes(1),
            "1.16.1 in revision development (68 days of support left), \
             1.7.4 in revision production (out of support for 812 days)"
        );
    }
}
