//! The errors that an update finds in place.

use std::collections::{BTreeMap, BTreeSet};

use meshcheck_rules::{Finding, Location, Report, Severity};
use serde_json::Value;

/// How bad errors in place are, by rule and by what they are in: the message and the pointer of an
/// error change with the slightest edit, the container that it is about does not.
pub(super) struct Known(BTreeMap<(&'static str, String), Vec<Option<i64>>>);

impl Known {
    /// The errors of the stored object, seen from the one that replaces it: what is called otherwise
    /// there, or is gone, excuses an error anywhere.
    pub(super) fn of(before: Option<(&Value, &Report)>, now: &Value) -> Self {
        let mut known = BTreeMap::<_, Vec<_>>::new();
        let Some((object, report)) = before else {
            return Self(known);
        };
        let mut names = BTreeSet::new();
        collect_names(now, &mut names);
        let errors = report.findings.iter();
        for finding in errors.filter(|f| f.severity == Severity::Error) {
            let mut part = part(object, &finding.at);
            if !names.contains(part.as_str()) {
                part.clear();
            }
            let place = known.entry((finding.rule, part)).or_default();
            place.push(finding.extent);
        }
        Self(known)
    }

    /// Whether an error was there before and is no worse now. Each excuses one.
    pub(super) fn take(&mut self, object: &Value, finding: &Finding) -> bool {
        let part = part(object, &finding.at);
        [part, String::new()].into_iter().any(|part| {
            let place = self.0.get_mut(&(finding.rule, part));
            place.is_some_and(|place| take_one(place, finding.extent))
        })
    }
}

/// Takes the least of those that are as bad; one without an extent is as bad as any.
fn take_one(place: &mut Vec<Option<i64>>, extent: Option<i64>) -> bool {
    let is_as_bad = |known: &Option<i64>| match (known, extent) {
        (Some(known), Some(extent)) => *known >= extent,
        _ => true,
    };
    let fitting = place.iter().enumerate();
    let fitting = fitting.filter(|(_, known)| is_as_bad(known));
    match fitting.min_by_key(|(_, known)| **known) {
        Some((index, _)) => {
            place.swap_remove(index);
            true
        }
        None => false,
    }
}

/// What a place is in: the first item with a name on the way, which is the container in a pod and
/// the component in an installer's file, or the key of a `ConfigMap`. Empty where there is none.
fn part(object: &Value, at: &Location) -> String {
    let mut node = object;
    let mut is_data = false;
    for (depth, token) in at.pointer.tokens().enumerate() {
        if is_data {
            return token;
        }
        let (next, is_item) = match node {
            Value::Array(items) => (
                token.parse().ok().and_then(|index: usize| items.get(index)),
                true,
            ),
            other => (other.get(&token), false),
        };
        let Some(next) = next else { break };
        if let (true, Some(name)) = (is_item, next["name"].as_str()) {
            return name.to_owned();
        }
        is_data = depth == 0 && token == "data";
        node = next;
    }
    String::new()
}

/// The names of all items, and the keys of `data`: what [`part`] may give.
fn collect_names<'o>(value: &'o Value, names: &mut BTreeSet<&'o str>) {
    match value {
        Value::Array(items) => {
            names.extend(items.iter().filter_map(|item| item["name"].as_str()));
            for item in items {
                collect_names(item, names);
            }
        }
        Value::Object(members) => {
            let data = members.get("data").and_then(Value::as_object);
            names.extend(data.into_iter().flatten().map(|(key, _)| key.as_str()));
            for value in members.values() {
                collect_names(value, names);
            }
        }
        _ => {}
    }
}
