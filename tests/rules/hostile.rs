//! A rule never fails: on objects with fields torn out or of another type it stays silent, and where
//! one breaks down all the same, the others go on.

use std::panic::{set_hook, take_hook};

use fastrand::Rng;
use meshcheck_rules::engine::Context;
use meshcheck_rules::istio::workload::WORKLOADS;
use meshcheck_rules::rule::Findings;
use meshcheck_rules::{Applicability, Check, Object, Rule, Severity};
use serde_json::{Value, json};

use crate::case::{Case, all};

/// Damaged copies of each object.
const COPIES: usize = 12;
/// Damages to a copy, at most.
const DAMAGES: usize = 4;
const SEED: u64 = 20_261_122;

#[test]
fn no_rule_fails_on_a_damaged_object() {
    let mut rng = Rng::with_seed(SEED);
    let mut copies = 0;
    for case in all() {
        let engine = case.config.engine();
        let mesh = case.mesh();
        for document in &case.stream.documents {
            for object in Object::all(&document.value) {
                if !engine.looks_at(&object) {
                    continue;
                }
                for _ in 0..COPIES {
                    let mut value = object.root.value().clone();
                    for _ in 0..=rng.usize(..DAMAGES) {
                        damage(&mut value, &mut rng);
                    }
                    assert_stands(case, &engine, &mesh, &value);
                    copies += 1;
                }
            }
        }
    }
    assert!(copies > 1000, "only {copies} damaged objects");
}

/// Neither judging nor mending nor learning from it fails, and what is mended stays mended.
fn assert_stands(
    case: &Case,
    engine: &meshcheck_rules::Engine,
    mesh: &meshcheck_rules::Mesh,
    value: &Value,
) {
    for object in Object::all(value) {
        for mesh in [mesh, &case.mesh_of_values(std::iter::once((0, value)))] {
            let report = engine.check(&object, mesh, case.place());
            assert!(
                report.crashed.is_empty(),
                "{}: {:?} on {value}",
                case.name,
                report.crashed
            );
        }
    }
    let mended = engine.mend(value, mesh, case.place(), Applicability::Unsafe);
    let again = engine.mend(&mended.value, mesh, case.place(), Applicability::Unsafe);
    assert!(
        again.patch.0.is_empty(),
        "{}: {:?} on {value}",
        case.name,
        again.patch
    );
}

/// Tears out a node or puts another in its place, somewhere below the root.
fn damage(node: &mut Value, rng: &mut Rng) {
    let children = match node {
        Value::Object(members) => members.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    let descends = children > 0 && rng.u8(..8) > 0;
    let tears = rng.u8(..8) == 0;
    match node {
        Value::Object(members) if descends => {
            let index = rng.usize(..children);
            let key = members.keys().nth(index).cloned();
            let key = key.expect("an index below the length");
            if tears {
                members.remove(&key);
            } else {
                damage(&mut members[&key], rng);
            }
        }
        Value::Array(items) if descends => {
            let index = rng.usize(..children);
            if tears {
                items.remove(index);
            } else {
                damage(&mut items[index], rng);
            }
        }
        other => *other = stranger(other, rng),
    }
}

/// A value that does not belong there.
fn stranger(old: &Value, rng: &mut Rng) -> Value {
    match rng.u8(..12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1.5e300),
        4 => json!(""),
        5 => json!("true"),
        6 => json!([]),
        7 => json!({}),
        8 => json!([old, old]),
        9 => json!({ "name": old }),
        10 => json!("--keepaliveMaxServerConnectionAge"),
        _ => json!("\u{0}: [{\u{fffd}ä"),
    }
}

static BREAKS_DOWN: Rule = rule("breaks-down", |_, _| panic!("on purpose"));
static GOES_ON: Rule = rule("goes-on", |cx, out| {
    out.report(cx.object.root.whole(), "seen");
});

const fn rule(id: &'static str, check: fn(&Context<'_>, &mut Findings)) -> Rule {
    Rule {
        id,
        summary: "for the test",
        page: "",
        severity: Severity::Error,
        since: "0.1.0",
        kinds: WORKLOADS,
        fix: None,
        aliases: &[],
        check: Check::Object(check),
    }
}

#[test]
fn a_rule_that_breaks_down_does_not_stop_the_others() {
    // The report of the panic would only confuse whoever reads the output of the tests.
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some("on purpose") {
            usual(info);
        }
    }));
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n";
    let case = Case::new("pod.yaml", text.as_bytes(), crate::case::Config::default());
    let engine = case
        .config
        .engine()
        .with_rules(vec![&BREAKS_DOWN, &GOES_ON, &BREAKS_DOWN]);
    let objects = Object::all(&case.stream.documents[0].value);
    let report = engine.check(&objects[0], &case.mesh(), case.place());
    assert_eq!(report.crashed, ["breaks-down", "breaks-down"]);
    let said: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(said, ["goes-on"]);
}
