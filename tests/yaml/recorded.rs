//! Recorded answers of the library with which kubectl reads YAML.

use serde_json::Value;

use super::{files, read};

fn rows(name: &str) -> Vec<Value> {
    let text = files::fixture(name);
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect()
}

/// The first document, `None` if it is refused.
fn answer(text: &str) -> Option<Value> {
    let stream = read(text);
    let mut documents = stream.documents.into_iter();
    match documents.find(|document| document.index == 0) {
        Some(document) => Some(document.value),
        None if stream.problems.is_empty() => Some(Value::Null),
        None => None,
    }
}

/// `serde_json` reads long fractions to the last bit but one.
fn assert_same(found: Option<&Value>, expected: Option<&Value>, text: &str) {
    let float = |value: Option<&Value>| value.filter(|v| v.is_f64()).and_then(Value::as_f64);
    match (float(found), float(expected)) {
        (Some(one), Some(other)) => assert!((one / other - 1.0).abs() < 1e-15, "{text}"),
        _ => assert_eq!(found, expected, "{text}"),
    }
}

#[test]
fn scalars_are_what_kubectl_reads() {
    let rows = rows("scalars.jsonl");
    assert!(rows.len() > 400);
    for row in rows {
        let text = row["text"].as_str().expect("a text");
        let value = answer(&format!("k: {text}\n"));
        let value = value.as_ref().and_then(|value| value.get("k"));
        assert_same(value, row.get("value"), text);
    }
}

#[test]
fn keys_are_what_kubectl_reads() {
    for row in rows("scalars.jsonl") {
        let text = row["text"].as_str().expect("a text");
        let value = answer(&format!("{text}: v\n"));
        let members = value.as_ref().and_then(Value::as_object);
        let key = members.and_then(|members| members.keys().next());
        let expected = row.get("key").and_then(Value::as_str);
        assert_eq!(key.map(String::as_str), expected, "{text}: v");
    }
}

#[test]
fn documents_are_what_kubectl_reads() {
    let rows = rows("documents.jsonl");
    assert!(rows.len() > 180);
    for row in rows {
        let text = row["text"].as_str().expect("a text");
        assert_eq!(answer(text).as_ref(), row.get("value"), "{text:?}");
    }
}
