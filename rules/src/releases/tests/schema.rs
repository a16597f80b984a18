//! The schema and the reader take and refuse the same tables.

use serde_json::{Value, json};

use crate::finding::Pointer;
use crate::releases::{Releases, SCHEMA};

const TABLE: &str = include_str!("../../../data/istio-releases.json");

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft7::new(&value(SCHEMA)).expect("a schema")
}

#[test]
fn the_embedded_table_fits_the_schema() {
    let errors: Vec<String> = validator()
        .iter_errors(&value(TABLE))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0]);
}

/// Every member of the table, once left out, once of another type, once joined by a stranger: the
/// schema and the reader are of one mind about each.
#[test]
fn the_schema_and_the_reader_agree() {
    let (validator, table) = (validator(), small());
    assert!(validator.is_valid(&table));
    let mut pointers = Vec::new();
    collect(&table, &Pointer::root(), &mut pointers);
    let mut refused = 0;
    for pointer in &pointers {
        for damage in [remove, retype, join, empty] {
            let mut damaged = table.clone();
            if !damage(&mut damaged, pointer) {
                continue;
            }
            let takes = Releases::parse(&damaged.to_string());
            assert_eq!(
                validator.is_valid(&damaged),
                takes.is_ok(),
                "{pointer}: {takes:?}\n{damaged}"
            );
            refused += usize::from(takes.is_err());
        }
    }
    assert!(refused > 100, "only {refused} refused");
}

/// A table with one row of each kind: its rows cannot contradict each other, which no schema says.
fn small() -> Value {
    let mut table = value(TABLE);
    let releases = table["releases"].as_array_mut().expect("a list");
    releases.retain(|row| row["minor"] == "1.30");
    releases[0]["kubernetesAlsoTested"] = json!({"min": "1.30", "max": "1.31", "source": "a test"});
    releases[0]["patches"]
        .as_array_mut()
        .expect("a list")
        .truncate(1);
    let bulletin = json!({
        "id": "ISTIO-SECURITY-2026-004", "published": "2026-06-04", "cvss": 7.5,
        "affected": [{"before": "1.28.0"}, {"first": "1.30.0", "last": "1.30.0"}],
        "outOfGate": "a test", "note": "a test", "source": "a test",
    });
    table["bulletins"] = json!([bulletin]);
    for list in ["fixesWithoutBulletin", "withdrawn", "retirements"] {
        table[list].as_array_mut().expect("a list").truncate(1);
    }
    let apis = table["removedKubernetesApis"]
        .as_array_mut()
        .expect("a list");
    apis.retain(|row| row.get("onlyIf").is_some());
    let registries = table["retirements"][0]["registries"].as_array_mut();
    registries.expect("a list").truncate(1);
    table
}

fn collect(value: &Value, at: &Pointer, found: &mut Vec<Pointer>) {
    found.push(at.clone());
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                collect(value, &at.join(key), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, &at.join(&index.to_string()), found);
            }
        }
        _ => {}
    }
}

fn remove(table: &mut Value, at: &Pointer) -> bool {
    let Some((parent, key)) = at.split_last() else {
        return false;
    };
    match table.pointer_mut(parent.as_str()) {
        Some(Value::Object(members)) => members.remove(&key).is_some(),
        _ => false,
    }
}

fn retype(table: &mut Value, at: &Pointer) -> bool {
    let node = table.pointer_mut(at.as_str()).expect("there");
    *node = match node {
        Value::String(_) => json!(1.5),
        _ => json!("text"),
    };
    true
}

fn join(table: &mut Value, at: &Pointer) -> bool {
    match table.pointer_mut(at.as_str()) {
        Some(Value::Object(members)) => members.insert("stranger".to_owned(), json!(1)).is_none(),
        _ => false,
    }
}

fn empty(table: &mut Value, at: &Pointer) -> bool {
    let node = table.pointer_mut(at.as_str()).expect("there");
    // Free texts may be empty in one and not in the other: nothing depends on them.
    let is_free = [
        "hub",
        "what",
        "reason",
        "log",
        "effect",
        "api",
        "id",
        "onlyIf",
        "outOfGate",
    ];
    let name = at.split_last().map(|(_, name)| name).unwrap_or_default();
    if is_free.contains(&name.as_str()) || name.parse::<usize>().is_ok() || name == "home" {
        return false;
    }
    match node {
        Value::String(text) if name != "note" => text.clear(),
        _ => return false,
    }
    true
}
