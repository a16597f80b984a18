//! What the chart has from elsewhere: a chart can read no file outside of its own folder.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::configurations::{CONFIGURATIONS, sections, with_rules};
use super::{AUDIT, documents, folder};

const CHART: &str = "helm/meshcheck";

/// Lines without the first `indent` characters.
fn outdented(text: &str, indent: usize) -> String {
    let mut all = String::new();
    for line in text.lines() {
        all.push_str(line.get(indent..).unwrap_or_default());
        all.push('\n');
    }
    all
}

/// What each webhook of a configuration is asked about, which changes with the rules, but for the
/// namespaces, which are values.
fn own_parts(configuration: &str) -> String {
    let (_, sections) = sections(configuration);
    let parts = sections.map(|section| {
        let (name, _) = section.split_once('\n').expect("a name");
        let fields = ["objectSelector", "matchConditions", "rules"];
        let places = fields.map(|field| section.find(&format!("\n    {field}:\n")));
        let start = places.into_iter().flatten().min().expect("rules");
        format!("- name: {name}\n{}", outdented(&section[start + 1..], 2))
    });
    parts.collect()
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
    for file in CONFIGURATIONS {
        let name = file.strip_prefix("base/").expect("a file of the base");
        compare(name, &own_parts(&with_rules(file)));
    }
    let role = read(AUDIT);
    let (_, rules) = role.rsplit_once("\nrules:\n").expect("rules at the end");
    compare("audit.yaml", &outdented(rules, 2));
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
        known.iter().collect::<BTreeSet<_>>(),
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

/// The whole file is compared where kubectl is (`just render`); this part changes with the rules.
#[test]
fn the_rendered_file_asks_for_the_same() {
    // Only kubectl writes it anew.
    if std::env::var_os("MESHCHECK_UPDATE").is_some() {
        return;
    }
    let rendered = documents("install.yaml");
    for file in CONFIGURATIONS {
        let configuration = documents(file).remove(0);
        let same = |object: &&Value| object["kind"] == configuration["kind"];
        let there = rendered.iter().find(same).expect("a configuration");
        assert_eq!(
            there["webhooks"], configuration["webhooks"],
            "{file} has changed: `just render`"
        );
    }
}

/// krew: what is released is this version, each archive for its own platform.
#[test]
fn the_plugins_manifest_fits() {
    let plugin = documents("krew/meshcheck.yaml").remove(0);
    assert_eq!(plugin["metadata"]["name"], "meshcheck");
    let spec = &plugin["spec"];
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(spec["version"], version);
    // The limit of krew's own index.
    assert!(spec["shortDescription"].as_str().expect("text").len() <= 50);
    let platforms = spec["platforms"].as_array().expect("platforms");
    assert_eq!(platforms.len(), 4);
    for platform in platforms {
        let labels = &platform["selector"]["matchLabels"];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let (os, arch) = (text(&labels["os"]), text(&labels["arch"]));
        let archive = format!("/kubectl-meshcheck-{version}-{os}-{arch}.tar.gz");
        assert!(text(&platform["uri"]).ends_with(&archive), "{platform}");
        let sum = format!("SHA256-OF-{os}-{arch}").to_uppercase();
        assert_eq!(platform["sha256"], sum);
        assert_eq!(platform["bin"], "kubectl-meshcheck");
    }
}
