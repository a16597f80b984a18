//! Alerts and dashboard: that they ask for metrics, labels and values that there are. What the alerts
//! do is tried by promtool (`tests/alerts.sh`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use meshcheck_certs::Telemetry as _;
use meshcheck_certs::managed::Standing;
use meshcheck_rules::Severity;
use meshcheck_webhook::decide::{Decision, Excuse};
use meshcheck_webhook::judge::{Outcome, Verdict, Webhook};
use meshcheck_webhook::metrics::{Metrics, PassSeen, ReasonLabels, Seen, Tally};
use serde_json::Value;

use super::{documents, folder};

/// Metrics of others, and their labels.
const OTHERS: [(&str, &[&str]); 3] = [
    // The API server's.
    (
        "apiserver_admission_webhook_fail_open_count",
        &["name", "type"],
    ),
    (
        "apiserver_admission_webhook_rejection_count",
        &["name", "type", "operation", "error_type", "rejection_code"],
    ),
    // Of kube-state-metrics.
    (
        "kube_deployment_status_replicas_unavailable",
        &["namespace", "deployment"],
    ),
];

/// Labels that Prometheus gives to what it reads from a Pod; the last one where it sees several clusters.
const OF_THE_POD: [&str; 3] = ["namespace", "pod", "cluster"];

/// What else is written in the queries.
const WORDS: [&str; 20] = [
    "absent",
    "bool",
    "by",
    "count",
    "histogram_quantile",
    "increase",
    "label_values",
    "le",
    "max",
    "min",
    "offset",
    "or",
    "rate",
    "sort",
    "sum",
    "time",
    "unless",
    "vector",
    "__range",
    "__rate_interval",
];

type Labels = BTreeSet<String>;

/// Everything that the webhook counts, with the labels.
fn exposed() -> BTreeMap<String, Labels> {
    let metrics = Metrics::default();
    let verdict = Verdict {
        decision: Decision {
            excused: vec![("version-unsupported", Excuse::BrokenGlass)],
            ..Decision::default()
        },
        outcome: Outcome::Denied,
        findings: vec![("version-unsupported", Severity::Error)],
        suppressed: vec!["version-unsupported"],
        fixed: vec!["version-unsupported"],
        crashed: vec!["version-unsupported"],
        glass: None,
        namespace: "istio-system".to_owned(),
    };
    let seen = Seen {
        operation: "CREATE",
        kind_class: "pod",
        outcome: "denied",
    };
    for webhook in [Webhook::Mutate, Webhook::Validate] {
        metrics.verdict(webhook, &verdict);
        metrics.answered(webhook, &seen, 0.001);
    }
    // Series of certificates of its own begin with the first look at them.
    let standing = Standing {
        authority_not_after: Timestamp::UNIX_EPOCH,
        renewal: Timestamp::UNIX_EPOCH,
    };
    metrics
        .certificates
        .synced(Timestamp::UNIX_EPOCH, &standing);
    // And those of watches with the first of them.
    metrics.watches.begin();
    // Those of the audit begin with the audit.
    metrics.audit.starts(Duration::from_hours(1));
    metrics.audit.passed(PassSeen {
        is_whole: true,
        objects: 1,
        took: Duration::ZERO,
    });
    metrics.audit.shows(Tally {
        findings: BTreeMap::from([(("version-unsupported", Severity::Error, String::new()), 1)]),
        support: BTreeMap::from([(("default".to_owned(), "1.7.4".to_owned()), -1)]),
    });
    let reason = ReasonLabels { reason: "alert" };
    drop(metrics.handshake_failures.get_or_create(&reason));

    let mut found = BTreeMap::<String, Labels>::new();
    let text = metrics.text();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let series = line.split(' ').next().expect("a series");
        for (name, selected) in selectors(series) {
            found.entry(name).or_default().extend(selected.into_keys());
        }
    }
    assert!(found.contains_key("meshcheck_fixes_total"), "{found:?}");
    found
}

/// The metrics that a query asks for, each with its labels and the values that they are compared with.
fn selectors(query: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        let before = rest[..start].chars().next_back();
        let word = &rest[start..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, after) = word.split_at(end.unwrap_or(word.len()));
        rest = after;
        // The `m` of `5m`.
        let is_unit = before.is_some_and(|c| c.is_ascii_digit());
        if is_unit || WORDS.contains(&word) {
            continue;
        }
        let mut labels = BTreeMap::new();
        if let Some(inside) = after.strip_prefix('{') {
            let (inside, after) = inside.split_once('}').expect("the end of the labels");
            labels = matchers(inside);
            rest = after;
        }
        found.push((word.to_owned(), labels));
    }
    found
}

fn matchers(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split("\",").filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| {
            let (label, value) = pair.split_once(['=', '!']).expect("a comparison");
            let value = value.trim_start_matches(['=', '~']);
            (label.trim().to_owned(), value.replace('"', ""))
        })
        .collect()
}

/// A query without its `by (…)`, and the labels named there.
fn grouped(query: &str) -> (String, Labels) {
    let (mut plain, mut labels) = (String::new(), Labels::new());
    let mut parts = query.split("by (");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (names, rest) = part.split_once(')').expect("the end of the labels");
        labels.extend(names.split(',').map(|name| name.trim().to_owned()));
        plain.push_str(rest);
    }
    (plain, labels)
}

/// The queries of alerts and dashboard, each with what it is called there.
fn queries() -> Vec<(String, String)> {
    let alerts = alerts().into_iter().map(|alert| {
        let text = |key: &str| alert[key].as_str().expect(key).to_owned();
        (text("alert"), text("expr"))
    });
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    // A row is a title.
    let panels = panels.filter(|panel| panel["type"] != "row");
    let panels = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().expect("targets").iter();
        targets.map(|target| {
            let title = panel["title"].as_str().expect("a title").to_owned();
            (title, target["expr"].as_str().expect("a query").to_owned())
        })
    });
    let variables = dashboard["templating"]["list"].as_array().expect("a list");
    let variables = variables.iter().filter(|one| one["type"] == "query");
    let variables = variables.map(|one| {
        let text = |key: &str| one[key].as_str().expect(key).to_owned();
        // `label_values(METRIC, LABEL)` groups by its label.
        let query = text("query").replace(", ", ") by (");
        (text("name"), query)
    });
    let all: Vec<_> = alerts.chain(panels).chain(variables).collect();
    assert!(all.len() > 25, "{all:?}");
    all
}

fn alerts() -> Vec<Value> {
    let rule = documents("components/monitoring/alerts.yaml").remove(0);
    let groups = rule["spec"]["groups"].as_array().expect("groups");
    let rules = groups.iter().filter_map(|group| group["rules"].as_array());
    rules.flatten().cloned().collect()
}

fn dashboard() -> Value {
    let path = folder().join("components/monitoring/meshcheck-dashboard.json");
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn they_ask_for_what_is_counted() {
    let mut known = exposed();
    for labels in known.values_mut() {
        labels.extend(OF_THE_POD.map(str::to_owned));
    }
    for (name, labels) in OTHERS {
        let labels = labels.iter().map(ToString::to_string);
        known.insert(name.to_owned(), labels.collect());
    }
    for (title, query) in queries() {
        let (plain, mut labels) = grouped(&query);
        let mut has = Labels::new();
        for (metric, compared) in selectors(&plain) {
            let Some(known) = known.get(&metric) else {
                panic!("{title}: nobody counts {metric}");
            };
            labels.extend(compared.into_keys());
            has.extend(known.iter().cloned());
        }
        assert!(!has.is_empty(), "{title}: {query} asks for nothing");
        let unknown: Vec<_> = labels.difference(&has).collect();
        assert!(unknown.is_empty(), "{title}: no label {unknown:?}");
    }
}

/// A label with a value that is never given selects nothing, for ever.
#[test]
fn they_compare_with_values_that_the_program_gives() {
    let mut source = String::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut source,
    );
    let of_severities = [Severity::Info, Severity::Warning, Severity::Error].map(Severity::as_str);
    let mut compared = 0;
    for (title, query) in queries() {
        for (metric, labels) in selectors(&grouped(&query).0) {
            let values = labels.into_iter().filter(|(label, _)| label != "namespace");
            for (label, value) in values.filter(|_| metric.starts_with("meshcheck_")) {
                for value in value.split('|') {
                    let is_known =
                        source.contains(&format!("\"{value}\"")) || of_severities.contains(&value);
                    assert!(is_known, "{title}: {label} is never {value}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 10, "{compared}");
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else {
            text.push_str(&fs::read_to_string(path).expect("text"));
        }
    }
}

#[test]
fn each_alert_says_what_to_do_and_is_tried() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/manifests/alerts.yaml");
    let tests = fs::read_to_string(tests).expect("the tests of promtool");
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("a name");
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let severity = alert["labels"]["severity"].as_str().expect(name);
        assert!(
            ["info", "warning", "critical"].contains(&severity),
            "{name}"
        );
        for text in ["summary", "description"] {
            let text = alert["annotations"][text].as_str().expect(name);
            assert!(text.len() > 20, "{name}");
        }
        assert!(
            tests.contains(&format!("  - name: {name}\n")),
            "{name} is not tried"
        );
    }
}

/// What the policy lets pass is seen, and whether it holds.
#[test]
fn each_metric_of_the_policy_is_shown() {
    let dashboard = dashboard().to_string();
    let known = exposed().into_keys();
    let of_policy = |name: &String| {
        ["policy_", "excused_", "break_glass"]
            .iter()
            .any(|part| name.contains(part))
    };
    let of_policy: Vec<_> = known.filter(of_policy).collect();
    assert_eq!(of_policy.len(), 6, "{of_policy:?}");
    for name in of_policy {
        assert!(dashboard.contains(&name), "nothing shows {name}");
    }
}

#[test]
fn the_panels_lie_beside_one_another() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        assert!(place("x") + place("w") <= 24, "{panel}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{panel}");
            }
        }
    }
}
