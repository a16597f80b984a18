//! Damages an object: tears out, puts something else in its place, moves what is there.

use fastrand::Rng;
use serde_json::{Value, json};

/// One damage, somewhere below the root.
pub(super) fn damage(root: &mut Value, rng: &mut Rng) {
    match rng.u8(..4) {
        0 => move_one(root, rng),
        _ => hurt(root, rng),
    }
}

/// Tears out a node or puts another in its place.
fn hurt(node: &mut Value, rng: &mut Rng) {
    let children = children(node);
    let descends = children > 0 && rng.u8(..8) > 0;
    if !descends {
        *node = stranger(node, rng);
        return;
    }
    let index = rng.usize(..children);
    if rng.u8(..8) == 0 {
        take_out(node, index);
    } else if let Some(child) = child(node, index) {
        hurt(child, rng);
    }
}

/// Takes a node out and puts it in elsewhere: under its own key or another, into a list, twice.
fn move_one(root: &mut Value, rng: &mut Rng) {
    let Some((key, moved)) = pick(root, rng) else {
        return;
    };
    let mut target = &mut *root;
    while children(target) > 0 && rng.u8(..4) > 0 {
        let index = rng.usize(..children(target));
        let Some(next) = child(target, index) else {
            break;
        };
        if !(next.is_object() || next.is_array()) {
            return put(next, &key, moved, rng);
        }
        // The borrow checker wants the walk to begin anew where it goes on.
        target = child(target, index).expect("it was there");
    }
    put(target, &key, moved, rng);
}

fn put(target: &mut Value, key: &str, moved: Value, rng: &mut Rng) {
    match target {
        Value::Object(members) => {
            let other = members
                .keys()
                .nth(rng.usize(..members.len().max(1)))
                .cloned();
            let key = match other {
                Some(other) if rng.bool() => other,
                _ => key.to_owned(),
            };
            members.insert(key, moved);
        }
        Value::Array(items) => {
            if rng.bool() {
                items.push(moved.clone());
            }
            items.insert(rng.usize(..=items.len()), moved);
        }
        other => *other = moved,
    }
}

/// A node below the root with its key, taken out or copied.
fn pick(node: &mut Value, rng: &mut Rng) -> Option<(String, Value)> {
    let children = children(node);
    if children == 0 {
        return None;
    }
    let index = rng.usize(..children);
    let goes_on = rng.u8(..4) > 0;
    let key = match node {
        Value::Object(members) => members.keys().nth(index)?.clone(),
        _ => index.to_string(),
    };
    let below = child(node, index)?;
    if goes_on && self::children(below) > 0 {
        return pick(below, rng);
    }
    let value = below.clone();
    if rng.bool() {
        take_out(node, index);
    }
    Some((key, value))
}

fn children(node: &Value) -> usize {
    match node {
        Value::Object(members) => members.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    }
}

fn child(node: &mut Value, index: usize) -> Option<&mut Value> {
    match node {
        Value::Object(members) => members.values_mut().nth(index),
        Value::Array(items) => items.get_mut(index),
        _ => None,
    }
}

fn take_out(node: &mut Value, index: usize) {
    match node {
        Value::Object(members) => {
            let key = members.keys().nth(index).cloned();
            key.and_then(|key| members.remove(&key));
        }
        Value::Array(items) => drop(items.remove(index)),
        _ => {}
    }
}

/// A value that does not belong there.
fn stranger(old: &Value, rng: &mut Rng) -> Value {
    match rng.u8(..16) {
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
        11 => json!(u64::MAX),
        // Another type that reads the same.
        12 => Value::String(old.to_string()),
        13 => old
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default(),
        14 => json!("a: [1, {b: c}]\n"),
        _ => json!("\u{0}: [{\u{fffd}ä"),
    }
}
