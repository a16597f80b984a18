//! The policy's JSON schema, for editors and for CI.
//!
//! Draft 7, which every editor knows. What a schema cannot say (which dates exist, that `min` is not
//! above `max`) the reader tells.

use serde_json::{Map, Value, json};

use super::KIND;
use super::keys::POLICY;
use super::scalar::OFF;
use super::shape::{Field, Names, Shape};
use crate::rules;

/// The schema of a policy.
pub fn schema() -> Value {
    let mut schema = of(&POLICY);
    let head = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": format!("{KIND} of meshcheck"),
        "definitions": {
            "rule": {"enum": rules::names().collect::<Vec<_>>()},
            "kind": {"enum": rules::kind_names()},
        },
    });
    merge(&mut schema, head);
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Exactly(text) => json!({"const": text}),
        // A bare `off` is false for readers of YAML 1.1.
        Shape::OneOf(words) if words.contains(&OFF) => {
            json!({"anyOf": [{"enum": words}, {"const": false}]})
        }
        Shape::OneOf(words) => json!({"enum": words}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Duration => json!({
            "type": "string",
            "pattern": r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$",
        }),
        Shape::Whole { least, most } => {
            json!({"type": "integer", "minimum": least, "maximum": most})
        }
        Shape::Decimal { least, most } => {
            json!({"type": "number", "minimum": least, "maximum": most})
        }
        Shape::Date => json!({
            "type": "string",
            "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        }),
        Shape::Text | Shape::Glob => json!({"type": "string", "pattern": r"\S"}),
        Shape::Rule => json!({"$ref": "#/definitions/rule"}),
        Shape::ObjectKind => json!({"$ref": "#/definitions/kind"}),
        Shape::OneOrMore(of_one) => {
            let one = of(of_one);
            json!({"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]})
        }
        Shape::List(of_one) => json!({"type": ["array", "null"], "items": of(of_one)}),
        Shape::Map(names, of_one) => map(*names, of_one),
        Shape::Record(fields) => record(fields),
        Shape::WordOr(words, other) => {
            let words = words
                .iter()
                .map(|(word, about)| json!({"const": word, "description": about}));
            json!({"anyOf": words.chain([of(other)]).collect::<Vec<_>>()})
        }
    }
}

fn map(names: Names, of_one: &Shape) -> Value {
    match names {
        Names::Rules => {
            let rule = |rule: &&crate::Rule| {
                let mut level = of(of_one);
                let about = format!("{} (without an entry: {})", rule.summary, rule.severity);
                merge(&mut level, json!({"description": about}));
                (rule.id.to_owned(), level)
            };
            let mut properties: Map<_, _> = rules::ALL.iter().map(rule).collect();
            for former in rules::ALL.iter().flat_map(|rule| rule.aliases) {
                properties.insert((*former).to_owned(), of(of_one));
            }
            json!({
                "type": ["object", "null"],
                "properties": properties,
                "additionalProperties": false,
            })
        }
        Names::Minors => json!({
            "type": ["object", "null"],
            "patternProperties": {r"^[0-9]+\.[0-9]+$": of(of_one)},
            "additionalProperties": false,
        }),
        Names::Any => json!({
            "type": ["object", "null"],
            "additionalProperties": of(of_one),
        }),
    }
}

fn record(fields: &[Field]) -> Value {
    let property = |field: &Field| {
        let mut property = of(&field.shape);
        let about = match field.default {
            None | Some("") => field.about.to_owned(),
            Some(default) => format!("{} (default: {default})", field.about),
        };
        merge(&mut property, json!({"description": about}));
        (field.name.to_owned(), property)
    };
    let properties: Map<_, _> = fields.iter().map(property).collect();
    let required = fields.iter().filter(|field| field.default.is_none());
    let required: Vec<&str> = required.map(|field| field.name).collect();
    let types: &[&str] = if required.is_empty() {
        &["object", "null"]
    } else {
        &["object"]
    };
    json!({
        "type": types,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Adds members. A reference stands alone in draft 7: it is put into a list of one beside them.
fn merge(schema: &mut Value, more: Value) {
    if schema.get("$ref").is_some() {
        *schema = json!({"allOf": [schema.take()]});
    }
    if let (Value::Object(members), Value::Object(more)) = (schema, more) {
        members.extend(more);
    }
}
