//! `IstioOperator` files against what istioctl 1.31.1 and istiod made of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use meshcheck_rules::istio::Subject;
use meshcheck_rules::istio::install::Given;
use meshcheck_rules::istio::version::Version;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Object, Severity, Strings};

use crate::{check_file, expected_rules, fixtures, headed_rows, helm};

/// The istioctl that was asked.
const ISTIOCTL: &str = "1.31.1";

type Row = BTreeMap<String, String>;

/// What istioctl renders is what the program says will run, and the rules that report are those that
/// follow; what istioctl refuses is an error, where it is about something that a rule knows.
#[test]
fn operator_files_come_to_what_istioctl_renders() {
    let cases = fixtures().join("oracle/operator");
    let mut wrong = String::new();
    let rows = headed_rows(&cases.join("expected.csv"));
    assert!(rows.len() >= 59, "only {} rows", rows.len());
    for row in &rows {
        let file = cases.join(&row["case"]).join("iop.yaml");
        let found = check_file(&file, &row["case"]);
        let found = found
            .iter()
            .map(|(_, finding)| (finding.rule, finding.severity));
        let found: Vec<(&str, Severity)> = found.collect();
        let mut differences = other_findings(row, &found);
        if row["result"] == "ok" {
            let bytes = fs::read(&file).expect("a case");
            differences.extend(other_facts(row, &bytes));
            let stream = Stream::read(&bytes, &Options::default());
            let rules: Vec<&str> = found.iter().map(|(rule, _)| *rule).collect();
            let value = &stream.documents[0].value;
            differences.extend(helm::other_readiness(row, value, &rules));
        }
        for difference in differences {
            writeln!(wrong, "{}: {difference}", row["case"]).expect("a string");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn other_facts(row: &Row, bytes: &[u8]) -> Vec<String> {
    let stream = Stream::read(bytes, &Options::default());
    let objects = Object::all(&stream.documents[0].value);
    let strings = Strings::default();
    let given = Given {
        istio: Version::parse(ISTIOCTL),
        newest: None,
    };
    let subject = Subject::of(&objects[0], &strings).given(given);
    let Some(plane) = subject.planes().first() else {
        let is_none = row["istiod"] == "none";
        return (!is_none)
            .then(|| "no istiod".to_owned())
            .into_iter()
            .collect();
    };
    let facts = helm::facts(plane);
    let differs = |(column, seen): (&&str, &String)| {
        let recorded = row.get(*column)?;
        (recorded != seen).then(|| format!("{column} is {seen}, recorded {recorded}"))
    };
    facts.iter().filter_map(differs).collect()
}

fn other_findings(row: &Row, found: &[(&str, Severity)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let of = |prefix: &str| -> Vec<&str> {
        let rules = found.iter().map(|(rule, _)| *rule);
        rules.filter(|rule| rule.starts_with(prefix)).collect()
    };
    let mut judged = of("keepalive-age");
    judged.extend(of("keepalive-ping"));
    let mut expected = match (row["result"].as_str(), row["istiod"].as_str()) {
        ("ok", "none") => Vec::new(),
        ("ok", _) => helm::keepalive(row, Version::parse(ISTIOCTL).expect("a version")),
        // What would run if it were not refused, which `--force` shows.
        _ => expected_rules(&row["forced_age"], "", ""),
    };
    if let Some(rule) = refused_by(&row["error"]) {
        let is_told = found.contains(&(rule, Severity::Error));
        if !is_told {
            wrong.push(format!("{rule} does not say: {}", row["error"]));
        }
        if rule.starts_with("keepalive") {
            expected = rule
                .starts_with("keepalive-age")
                .then_some(rule)
                .into_iter()
                .collect();
        }
    }
    // Of two specs in a file istioctl takes none; each of them alone it would take.
    let is_one_file = row["error"].contains("only one per file");
    if judged != expected && !is_one_file {
        wrong.push(format!("{judged:?}, expected {expected:?}"));
    }
    wrong
}

/// The rule that knows a mistake which istioctl refuses.
fn refused_by(error: &str) -> Option<&'static str> {
    let is_about = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if is_about(&[
        "bad Duration",
        "cannot unmarshal number into Go value of type string",
    ]) {
        Some("keepalive-age-invalid")
    } else if is_about(&["eepAliveMaxServer", "eepaliveMaxServer", "bad StructValue"]) {
        Some("keepalive-setting-ignored")
    } else if is_about(&["into Go value of type bool"]) {
        Some("hold-has-no-effect")
    } else {
        None
    }
}
