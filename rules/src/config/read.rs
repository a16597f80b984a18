//! Text to policy.

use std::collections::BTreeMap;

use serde_json::Value;

use super::keys::POLICY;
use super::problem::Problems;
use super::{
    API_VERSION, FILE_NAME, Ignore, KIND, KeepalivePolicy, Level, Policy, PolicyProblem,
    VendorSupport, VersionPolicy, scalar, selector, shape, webhook,
};
use crate::istio::duration::GoDuration;
use crate::istio::image::Vendor;
use crate::istio::keepalive::AS_GOOD_AS_EVER;
use crate::istio::version::Minor;
use crate::object::Node;
use crate::rules;
use crate::yaml::{Document, Options, Position, Stream};

/// Reads a policy.
pub(super) fn policy(bytes: &[u8]) -> Result<Policy, Vec<PolicyProblem>> {
    let options = Options::default();
    let stream = Stream::read(bytes, &options);
    if !stream.problems.is_empty() {
        return Err(stream.problems.iter().map(PolicyProblem::from).collect());
    }
    let document = only(&stream, &options)?;
    let spans = document.spans(&stream.text, &options);
    let root = Node::root(&document.value);
    let mut problems = Problems::new(&stream.text, &spans);
    if !is_of_this_version(&root, &mut problems) {
        return Err(problems.finish());
    }
    for (span, key) in spans.repeated_keys() {
        problems.add_at(span.start, format!("the key `{key}` is there twice"));
    }
    shape::check(&root, &POLICY, &mut problems);
    let policy = build(&root, &mut problems);
    if problems.has_any() {
        return Err(problems.finish());
    }
    Ok(policy)
}

/// The document that is a policy; a second one would be lost without a word.
fn only<'s>(stream: &'s Stream, options: &Options) -> Result<&'s Document, Vec<PolicyProblem>> {
    let problem = |at, message: String| {
        vec![PolicyProblem {
            at: Some(at),
            message,
        }]
    };
    let mut documents = stream
        .documents
        .iter()
        .filter(|document| !document.is_null());
    let Some(first) = documents.next() else {
        let start = Position { line: 1, column: 1 };
        let message = format!(
            "nothing is in it: a policy begins with `apiVersion: {API_VERSION}` and `kind: {KIND}`"
        );
        return Err(problem(start, message));
    };
    let Some(second) = documents.next() else {
        return Ok(first);
    };
    let spans = second.spans(&stream.text, options);
    let at = spans.locate(&Node::root(&second.value).key()).span.start;
    Err(problem(at, "a second document: a policy is one".to_owned()))
}

/// What is written in another version, or is something else altogether, is not worth a list of its
/// keys.
fn is_of_this_version(root: &Node<'_>, problems: &mut Problems<'_, '_>) -> bool {
    let text = |key| root.str_at(key).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind == "ConfigMap" && api_version == "v1" {
        let message = format!(
            "this is a ConfigMap: a policy is what stands in it, under the key `{FILE_NAME}`"
        );
        problems.add(&root.key(), message);
        return false;
    }
    let group = API_VERSION.split('/').next();
    if api_version != API_VERSION && api_version.split('/').next() == group {
        let at = root.get("apiVersion").unwrap_or_else(|| root.clone());
        let message = format!(
            "the policy is of version `{api_version}`: this meshcheck reads `{API_VERSION}` only"
        );
        problems.add(&at.whole(), message);
        return false;
    }
    true
}

/// Takes the values out of a checked document. What has been told already is passed over.
fn build(root: &Node<'_>, problems: &mut Problems<'_, '_>) -> Policy {
    Policy {
        levels: levels(root, problems),
        keepalive: keepalive(root, problems),
        version: version(root),
        vendors: vendors(root),
        forbid_ignore: rules_in(root, "forbid_ignore").collect(),
        ignores: root.items("ignores").map(|entry| ignore(&entry)).collect(),
        webhook: webhook::read(root, problems),
        ..Policy::default()
    }
}

fn levels(root: &Node<'_>, problems: &mut Problems<'_, '_>) -> BTreeMap<&'static str, Level> {
    let mut levels = BTreeMap::new();
    let entries = root
        .get("rules")
        .into_iter()
        .flat_map(|rules| rules.entries());
    for (name, value) in entries.collect::<Vec<_>>() {
        let (Some(rule), Some(level)) = (rules::find(name), scalar::level(value.value())) else {
            continue;
        };
        if levels.insert(rule.id, level).is_some() {
            let message = format!("`{}` is there twice, once by a former name", rule.id);
            problems.add(&value.key(), message);
        }
    }
    levels
}

fn keepalive(root: &Node<'_>, problems: &mut Problems<'_, '_>) -> KeepalivePolicy {
    let default = Policy::default().keepalive;
    let given = |key| {
        let node = root.at(&["keepalive", key])?;
        let age = scalar::duration(node.value()).ok()?;
        Some((node, age))
    };
    let (max, min, target) = (given("max"), given("min"), given("target"));
    let or = |given: &Option<(Node<'_>, GoDuration)>, default| {
        given.as_ref().map_or(default, |(_, age)| *age)
    };
    let most = or(&max, default.max);
    let least = or(&min, default.min);
    let policy = KeepalivePolicy {
        max: most,
        min: least,
        target: or(&target, default.target.max(least).min(most)),
    };
    let by_default = |given: &Option<_>| if given.is_some() { "" } else { ", the default" };
    if let Some((node, age)) = max.as_ref().filter(|(_, age)| *age >= AS_GOOD_AS_EVER) {
        let message = format!(
            "`keepalive.max` is {age}: from {AS_GOOD_AS_EVER} on an age is `keepalive-age-unbounded` in any case"
        );
        problems.add(&node.whole(), message);
    }
    if least > most
        && let Some((node, _)) = min.as_ref().or(max.as_ref())
    {
        let message = format!(
            "`keepalive.min` is {least}{}, above `keepalive.max`, which is {most}{}",
            by_default(&min),
            by_default(&max),
        );
        problems.add(&node.whole(), message);
    } else if let Some((node, age)) = &target {
        let beyond = match age {
            age if *age > most => {
                format!("above `keepalive.max`, which is {most}{}", by_default(&max))
            }
            age if *age < least => format!(
                "below `keepalive.min`, which is {least}{}",
                by_default(&min)
            ),
            _ => return policy,
        };
        problems.add(
            &node.whole(),
            format!("`keepalive.target` is {age}, {beyond}"),
        );
    }
    policy
}

fn version(root: &Node<'_>) -> VersionPolicy {
    let default = Policy::default().version;
    let value = |key| root.at(&["version", key]).map(|node| node.value());
    let days = |key| value(key)?.as_i64()?.try_into().ok();
    VersionPolicy {
        warn_days: days("warn_days").unwrap_or(default.warn_days),
        table_max_age_days: days("table_max_age_days").unwrap_or(default.table_max_age_days),
        cvss_error: value("cvss_error")
            .and_then(Value::as_f64)
            .unwrap_or(default.cvss_error),
    }
}

fn vendors(root: &Node<'_>) -> BTreeMap<Vendor, VendorSupport> {
    let support = |vendor: Vendor| {
        let node = root.at(&["vendors", vendor.as_str()])?;
        let support = match node.str() {
            Some("ignore") => VendorSupport::Ignore,
            Some("upstream") => VendorSupport::Upstream,
            Some(_) => VendorSupport::Info,
            None => VendorSupport::Until(
                node.get("until")?
                    .entries()
                    .filter_map(|(minor, date)| {
                        Some((Minor::parse(minor)?, scalar::date(date.str()?)?))
                    })
                    .collect(),
            ),
        };
        Some((vendor, support))
    };
    Vendor::ALL.into_iter().filter_map(support).collect()
}

/// The rules that stand under a key, alone or in a list.
pub(super) fn rules_in(node: &Node<'_>, key: &str) -> impl Iterator<Item = &'static str> {
    let value = node.get(key);
    let alone = value.as_ref().and_then(Node::str);
    let listed: Vec<&str> = node.items(key).filter_map(|item| item.str()).collect();
    let names = alone.into_iter().chain(listed);
    let ids: Vec<_> = names.filter_map(rules::find).map(|rule| rule.id).collect();
    ids.into_iter()
}

fn ignore(entry: &Node<'_>) -> Ignore {
    Ignore {
        rules: rules_in(entry, "rule").collect(),
        reason: entry.str_at("reason").unwrap_or_default().trim().to_owned(),
        until: entry.str_at("until").and_then(scalar::date),
        selector: selector::read(entry.value()),
    }
}
