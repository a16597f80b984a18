//! Values files of istiod's chart against what Helm rendered from them, and what istiod makes of that.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use meshcheck_rules::istio::Subject;
use meshcheck_rules::istio::args::{Variable, variable};
use meshcheck_rules::istio::install::{Chart, Given, Plane, Rendered, Traced};
use meshcheck_rules::istio::probe::Asks;
use meshcheck_rules::istio::version::Version;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Engine, Finding, Mesh, Node, Object, Place, Severity, Strings};
use serde_json::Value;

use crate::{engine, expected_rules, fixtures, headed_rows};

/// First istiod that reads its ping interval from the environment; the recorded answers are 1.31.1's.
const READS_ENVIRONMENT: &str = "1.17.1";

/// One for all rows: its table is large.
static ENGINE: LazyLock<Engine> = LazyLock::new(engine);

type Row = BTreeMap<String, String>;

/// What the program makes of a case: the facts under the names of the table's columns, and its findings.
struct Seen {
    facts: BTreeMap<&'static str, String>,
    findings: Vec<Finding>,
}

#[test]
fn values_come_to_what_helm_renders() {
    let cases = fixtures().join("oracle/helm");
    let mut wrong = String::new();
    let rows = headed_rows(&cases.join("expected.csv"));
    assert!(rows.len() >= 1020, "only {} rows", rows.len());
    for row in &rows {
        let file = cases.join(&row["case"]).join("values.yaml");
        let bytes = fs::read(&file).expect("a case");
        for difference in differences(row, &bytes) {
            writeln!(wrong, "{} {}: {difference}", row["version"], row["case"]).expect("a string");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn differences(row: &Row, bytes: &[u8]) -> Vec<String> {
    let stream = Stream::read(bytes, &Options::default());
    let value = &stream.documents[0].value;
    let version = Version::parse(&row["version"]).expect("a version");
    let place = Place::file("values.yaml").of_chart(Some(Chart::Istiod));
    let objects = Object::all_at(value, place);
    let object = &objects[0];
    if !object.kind.is_empty() {
        return not_values(object);
    }
    let seen = Seen::in_values(object, version, place);
    let mut wrong = seen.other_facts(row);
    wrong.extend(seen.other_findings(row, version));
    let found: Vec<&str> = seen.findings.iter().map(|finding| finding.rule).collect();
    wrong.extend(other_readiness(row, value, &found));
    wrong
}

/// A document that says a kind is judged as that; nothing in it says that somebody takes it for values.
fn not_values(object: &Object<'_>) -> Vec<String> {
    (object.kind != "IstioOperator")
        .then(|| format!("is {}", object.title()))
        .into_iter()
        .collect()
}

impl Seen {
    fn in_values(object: &Object<'_>, version: Version, place: Place<'_>) -> Self {
        let settings = Settings {
            istio: Some(version),
            ..Settings::default()
        };
        let mesh = Mesh::new(settings);
        let report = ENGINE.check(object, &mesh, place);
        assert!(report.crashed.is_empty(), "{:?} crashed", report.crashed);
        let strings = Strings::default();
        let given = Given {
            istio: Some(version),
            newest: None,
        };
        let subject = Subject::of(object, &strings).given(given);
        let planes = subject.planes();
        let facts = match (planes.first(), subject.running().refused.is_empty()) {
            (Some(istiod), _) => facts(istiod),
            (None, true) => {
                BTreeMap::from([("result", "ok".to_owned()), ("istiod", "none".to_owned())])
            }
            (None, false) => BTreeMap::from([("result", "error".to_owned())]),
        };
        Self {
            facts,
            findings: report.findings,
        }
    }

    /// The columns of which the program has another opinion.
    fn other_facts(&self, row: &Row) -> Vec<String> {
        let differs = |(column, seen): (&&str, &String)| {
            let recorded = &row[*column];
            (recorded != seen).then(|| format!("{column} is {seen}, recorded {recorded}"))
        };
        self.facts.iter().filter_map(differs).collect()
    }

    /// The rules that should have reported and did not, or the other way round.
    fn other_findings(&self, row: &Row, version: Version) -> Vec<String> {
        let reported = |prefix: &str| {
            let rules = self.findings.iter().map(|finding| finding.rule);
            rules
                .filter(|rule| rule.starts_with(prefix))
                .collect::<Vec<_>>()
        };
        let expected = if row["result"] == "ok" && row["istiod"] != "none" {
            keepalive(row, version)
        } else {
            Vec::new()
        };
        let mut wrong = Vec::new();
        let mut judged = reported("keepalive-age");
        judged.extend(reported("keepalive-ping"));
        if judged != expected {
            wrong.push(format!("{judged:?}, expected {expected:?}"));
        }
        wrong.extend(self.other_severity(row));
        wrong
    }

    /// What nobody set is said in a whisper, since another file may set it; what is set here is not.
    fn other_severity(&self, row: &Row) -> Option<String> {
        let long = self
            .findings
            .iter()
            .find(|finding| finding.rule == "keepalive-age-too-long")?;
        let is_default = long.message.contains("the chart's default");
        let expected = if is_default {
            Severity::Info
        } else {
            Severity::Error
        };
        let agrees = long.severity == expected && (!is_default || row["age"] == "30m");
        (!agrees).then(|| format!("{}: {}", long.severity, long.message))
    }
}

/// The rules on readiness that should have reported and did not, or the other way round.
pub(crate) fn other_readiness(row: &Row, input: &Value, found: &[&str]) -> Vec<String> {
    let runs = row["result"] == "ok" && row["istiod"] != "none";
    let asked = [&row["mesh_hold"], &row["injector_hold"]];
    let is_asked = asked.iter().any(|hold| *hold == "true");
    let is_in_vain = asks_for_hold(input)
        && asked
            .iter()
            .all(|hold| matches!(hold.as_str(), "absent" | "false"));
    let is_decided = asked.iter().any(|hold| *hold == "false") && names_hold(input) > 1;
    let expected = [
        (
            "istiod-readiness-missing",
            row["readiness"] != "GET 8080/ready",
        ),
        (
            "sidecar-readiness-missing",
            row["injector_status_port"] == "0",
        ),
        (
            "hold-has-no-effect",
            row["mesh_hold"].starts_with('"')
                || is_asked && row["injector_lifecycle"] == "yes"
                || is_in_vain && !is_decided,
        ),
    ];
    let differs = |(rule, expected): (&str, bool)| {
        let expected = expected && runs;
        let is_told = found.contains(&rule);
        (is_told != expected).then(|| format!("{rule}: {is_told}, expected {expected}"))
    };
    expected.into_iter().filter_map(differs).collect()
}

/// Whether somewhere in a document hold, or what was meant to be it, is true.
fn asks_for_hold(value: &Value) -> bool {
    let Some(members) = value.as_object() else {
        return false;
    };
    members.iter().any(|(key, value)| {
        let is_hold = key.starts_with("holdApplication");
        is_hold && (*value == Value::Bool(true) || value.as_str() == Some("true"))
            || asks_for_hold(value)
    })
}

/// How often a document speaks of hold.
fn names_hold(value: &Value) -> usize {
    value.to_string().matches("holdApplication").count()
}

/// The rules on the keepalive that follow from what istiod makes of it.
pub(crate) fn keepalive(row: &Row, version: Version) -> Vec<&'static str> {
    let reads = version >= Version::parse(READS_ENVIRONMENT).expect("a version");
    let by_variable = row["interval_env"] != "absent" || row["timeout_env"] != "absent";
    if by_variable && !reads {
        return expected_rules(&row["istiod_age"], "", "");
    }
    expected_rules(
        &row["istiod_age"],
        &row["istiod_interval"],
        &row["istiod_timeout"],
    )
}

/// What a rendered istiod comes to, under the names of the table's columns.
pub(crate) fn facts(plane: &Plane<'_>) -> BTreeMap<&'static str, String> {
    let container = plane.deployment.container().expect("a container");
    let of = |object: &Option<Rendered<'_>>, keys: &[&str]| {
        let node = object.as_ref().and_then(|object| object.root.at(keys));
        node.map_or_else(|| "absent".to_owned(), |node| literal(node.value()))
    };
    let replicas = plane.deployment.root.at(&["spec", "replicas"]);
    let environment = |name| match variable(&container, name) {
        Variable::Literal(text) => text.to_owned(),
        Variable::Elsewhere | Variable::Absent => "absent".to_owned(),
    };
    let root = plane.values.root();
    let value = |keys: &[&str]| {
        let found = root.at(keys).map(Traced::value);
        found.map_or_else(|| "absent".to_owned(), |value| value.to_string())
    };
    let lifecycle = root.has(&["global", "proxy", "lifecycle"]);
    BTreeMap::from([
        ("result", "ok".to_owned()),
        ("istiod", plane.name.clone()),
        ("age", age(&container)),
        (
            "image",
            container.str_at("image").unwrap_or_default().to_owned(),
        ),
        (
            "replicas",
            replicas.map_or_else(|| "absent".to_owned(), |node| literal(node.value())),
        ),
        ("hpa_min", of(&plane.autoscaler, &["spec", "minReplicas"])),
        ("hpa_max", of(&plane.autoscaler, &["spec", "maxReplicas"])),
        ("pdb", budget(plane)),
        ("readiness", readiness(&container)),
        ("interval_env", environment("GRPC_KEEPALIVE_INTERVAL")),
        ("timeout_env", environment("GRPC_KEEPALIVE_TIMEOUT")),
        ("native_env", environment("ENABLE_NATIVE_SIDECARS")),
        (
            "mesh_hold",
            value(&[
                "meshConfig",
                "defaultConfig",
                "holdApplicationUntilProxyStarts",
            ]),
        ),
        (
            "injector_hold",
            value(&["global", "proxy", "holdApplicationUntilProxyStarts"]),
        ),
        (
            "injector_lifecycle",
            if lifecycle { "yes" } else { "no" }.to_owned(),
        ),
        (
            "injector_status_port",
            value(&["global", "proxy", "statusPort"]),
        ),
        ("injector_hub", value(&["global", "hub"])),
        ("injector_tag", value(&["global", "tag"])),
    ])
}

fn literal(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The value of the age's flag as the table has it.
fn age(container: &Node<'_>) -> String {
    const FLAG: &str = "--keepaliveMaxServerConnectionAge";
    let items: Vec<String> = container
        .items("args")
        .map(|item| literal(item.value()))
        .collect();
    let mut age = "absent".to_owned();
    for (index, item) in items.iter().enumerate() {
        if let Some(value) = item
            .strip_prefix(FLAG)
            .and_then(|rest| rest.strip_prefix('='))
        {
            value.clone_into(&mut age);
        } else if item == FLAG {
            let next = items.get(index + 1).cloned();
            age = next.unwrap_or_else(|| "no value after the flag".to_owned());
        }
    }
    if age.is_empty() {
        "(empty)".to_owned()
    } else {
        age
    }
}

fn budget(plane: &Plane<'_>) -> String {
    let Some(spec) = plane
        .budget
        .as_ref()
        .and_then(|budget| budget.root.get("spec"))
    else {
        return "none".to_owned();
    };
    let bound = |key: &str| {
        let node = spec.get_set(key)?;
        Some(format!("{key}={}", literal(node.value())))
    };
    bound("minAvailable")
        .or_else(|| bound("maxUnavailable"))
        .unwrap_or_default()
}

fn readiness(container: &Node<'_>) -> String {
    let Some(probe) = container.get_set("readinessProbe") else {
        return "none".to_owned();
    };
    let second = if probe.get_set("exec").is_some() {
        " + exec"
    } else {
        ""
    };
    match Asks::of(&probe, container) {
        Asks::Http { path, port } => format!("GET {port}{path}{second}"),
        other => format!("{other:?}"),
    }
}
