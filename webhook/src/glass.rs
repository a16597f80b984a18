//! The annotation with which errors pass in an emergency, where the policy allows it.
//!
//! A bare reason counts in the request that brings it, so that one who forgets it has not switched
//! the rules off for ever. `until DATE: REASON` counts up to that day, for what comes later: a
//! rollback by Helm cannot bring an annotation along.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use jiff::civil::Date;
use meshcheck_rules::config::BreakGlass;
use serde_json::Value;

/// The annotation.
pub const ANNOTATION: &str = "meshcheck.dev/break-glass";

/// How a request stands to it.
#[derive(Debug, PartialEq, Eq)]
pub enum Glass<'a> {
    /// The policy does not allow it, and nobody asks for it.
    None,
    /// The policy allows it, but for these rules.
    Offered(&'a BTreeSet<&'static str>),
    /// Somebody asks for it, but it does not count, for this reason.
    Void(String),
    /// It counts.
    Broken(Broken<'a>),
}

/// An annotation that counts.
#[derive(Debug, PartialEq, Eq)]
pub struct Broken<'a> {
    /// Why, in the words of whoever wrote it.
    pub reason: String,
    /// Rules whose errors are refused all the same.
    pub forbid: &'a BTreeSet<&'static str>,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The object as it would be stored.
    pub object: &'a Value,
    /// As it is stored.
    pub before: Option<&'a Value>,
    /// Groups of whoever asks.
    pub groups: &'a [String],
    /// Today.
    pub on: Date,
}

impl<'a> Glass<'a> {
    /// How a request stands to the annotation.
    pub fn of(policy: &'a BreakGlass, asked: Asked<'_>) -> Self {
        let (now, before) = (annotation(asked.object), asked.before.and_then(annotation));
        let namespace = asked.object["metadata"]["namespace"].as_str();
        let allowed = policy.is_allowed_in(namespace);
        // One that an update takes away still counts: `kubectl rollout undo` takes it away.
        let Some(text) = now.or(before) else {
            let offered = allowed && policy.is_allowed_for(asked.groups);
            return if offered {
                Self::Offered(&policy.forbid)
            } else {
                Self::None
            };
        };
        if !allowed {
            return Self::Void("the policy does not allow it here".to_owned());
        }
        if !policy.is_allowed_for(asked.groups) {
            return Self::Void("the policy does not allow it to you".to_owned());
        }
        match reason(text, before == Some(text), policy.max_days, asked.on) {
            Ok(reason) => Self::Broken(Broken {
                reason: reason.to_owned(),
                forbid: &policy.forbid,
            }),
            Err(why) => Self::Void(why),
        }
    }
}

fn annotation(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][ANNOTATION].as_str()
}

/// The reason, where the text counts on a day; else why not.
fn reason(text: &str, is_old: bool, max_days: i32, on: Date) -> Result<&str, String> {
    let text = text.trim();
    let dated = text.strip_prefix("until ");
    let (day, reason) = match dated.map(|rest| rest.split_once(':').unwrap_or((rest, ""))) {
        Some((day, reason)) => (Some(last_day(day.trim())?), reason.trim()),
        None => (None, text),
    };
    if reason.is_empty() {
        return Err("it gives no reason".to_owned());
    }
    match day {
        Some(day) if day < on => Err(format!("it ended on {day}")),
        Some(day) if on.saturating_add(max_days.days()) < day => Err(format!(
            "{day} is more than {max_days} days ahead, which is the most that the policy allows"
        )),
        None if is_old => Err(format!(
            "it came with an earlier request: give another reason, or write `until {on}: REASON`"
        )),
        _ => Ok(reason),
    }
}

fn last_day(text: &str) -> Result<Date, String> {
    let is_plain = text.len() == "YYYY-MM-DD".len();
    let day = text.parse().ok().filter(|_| is_plain);
    day.ok_or_else(|| format!("`{text}` is no date such as 2027-01-31"))
}

#[cfg(test)]
mod tests;
