//! What the chart has from elsewhere: a chart can read no file outside of its own folder.

use std::fs;

use serde_json::Value;

use super::{documents, folder, webhook_rules};

const CHART: &str = "helm/meshcheck";

/// Lines without the first `indent` characters.
fn outdented(text: &str, indent: usize) -> String {
    let lines = text
        .lines()
        .map(|line| line.get(indent..).unwrap_or_default());
    lines.map(|line| format!("{line}\n")).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).expect(file)
}

fn compare(file: &str, wanted: &str) {
    let path = folder().join(CHART).join("files").join(file);
    if std::env::var_os("MESHCHECK_UPDATE").is_some() {
        fs::write(&path, wanted).expect("a file to write");
    }
    let there = fs::read_to_string(&path).expect(file);
    assert_eq!(
        there, wanted,
        "{file}: MESHCHECK_UPDATE=1 cargo test writes it anew"
    );
}

#[test]
fn its_files_are_those_of_kustomize() {
    let rules = webhook_rules();
    let (_, rules) = rules.split_once('\n').expect("lines");
    compare("rules.yaml", &outdented(rules, 6));
    let alerts = read("components/monitoring/alerts.yaml");
    let (_, spec) = alerts.split_once("\nspec:\n").expect("a spec");
    compare("alerts.yaml", &outdented(spec, 2));
    let dashboard = "meshcheck-dashboard.json";
    compare(
        dashboard,
        &read(&format!("components/monitoring/{dashboard}")),
    );
}

#[test]
fn it_has_the_version_of_the_program() {
    let chart = documents(&format!("{CHART}/Chart.yaml")).remove(0);
    for field in ["version", "appVersion"] {
        assert_eq!(chart[field], env!("CARGO_PKG_VERSION"), "{field}");
    }
}

/// A schema that knows less refuses a default, one that knows more takes what does nothing.
#[test]
fn its_schema_knows_each_value_and_no_other() {
    let schema = serde_json::from_str(&read(&format!("{CHART}/values.schema.json")));
    let values = documents(&format!("{CHART}/values.yaml")).remove(0);
    compare_keys(&schema.expect("JSON"), &values, "");
}

fn compare_keys(schema: &Value, value: &Value, at: &str) {
    let (Some(known), Some(given)) = (schema["properties"].as_object(), value.as_object()) else {
        return;
    };
    assert_eq!(schema["additionalProperties"], false, "{at} is open");
    // What charts above this one give, and a part of Kubernetes that the default does not use.
    let known: Vec<_> = known
        .keys()
        .filter(|key| !["global", "claims"].contains(&key.as_str()))
        .collect();
    assert_eq!(
        known.iter().collect::<std::collections::BTreeSet<_>>(),
        given.keys().collect::<Vec<_>>().iter().collect(),
        "{at}"
    );
    for key in known {
        compare_keys(
            &schema["properties"][key],
            &given[key],
            &format!("{at}/{key}"),
        );
    }
}
