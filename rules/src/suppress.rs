//! Findings that somebody wants left out, and why: by an annotation on the object or its pod
//! template, or by the policy.
//!
//! `meshcheck.dev/ignore: "keepalive-age-too-long until 2027-01-31: load balancer test"`: entries one
//! a line or behind `;`, each with a rule, perhaps the last day on which it counts, and a reason.

use std::fmt;

use jiff::civil::Date;
use serde_json::Value;

use crate::config::{Ignore, Policy};
use crate::finding::{Finding, Location};
use crate::istio::workload::PodTemplate;
use crate::object::{Node, Object};
use crate::rules::{self, support::days};

pub use entry::{Entry, Standing};

mod entry;
pub(crate) mod policy;

/// The annotation.
pub const ANNOTATION: &str = "meshcheck.dev/ignore";

/// What all of our annotations begin with.
const DOMAIN: &str = "meshcheck.dev/";

/// A finding that is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// Why it is left out.
    pub why: Why,
}

/// Why a finding is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// In somebody's words.
    pub reason: String,
    /// The last day on which it is left out; for ever without one.
    pub until: Option<Date>,
    /// Who says so.
    pub by: By,
}

/// Who has a finding left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The annotation that stands here.
    Annotation(Location),
    /// This entry of the policy's `ignores`.
    Policy(usize),
}

impl Why {
    /// By an entry of the policy.
    pub(crate) fn by_policy(index: usize, entry: &Ignore) -> Self {
        Self {
            reason: entry.reason.clone(),
            until: entry.until,
            by: By::Policy(index),
        }
    }
}

impl fmt::Display for Why {
    /// `load balancer test (until 2027-01-31)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.until {
            Some(until) => write!(f, " (until {until})"),
            None => Ok(()),
        }
    }
}

/// What an object's annotations have ignored.
#[derive(Debug, Default)]
pub struct Ignores<'a> {
    /// In the order in which they stand.
    pub entries: Vec<Entry<'a>>,
    /// Annotations of ours that nobody reads: misspelt, or in a place where they do nothing.
    pub strays: Vec<Stray<'a>>,
}

/// An annotation that does nothing.
#[derive(Debug)]
pub struct Stray<'a> {
    /// The annotation.
    pub node: Node<'a>,
    /// Its name.
    pub name: &'a str,
    /// Whether only its place is wrong.
    pub is_misplaced: bool,
}

impl<'a> Ignores<'a> {
    /// Reads the annotations of an object. One without any costs a few look-ups.
    pub(crate) fn of(
        object: &Object<'a>,
        template: Option<&PodTemplate<'a>>,
        policy: &Policy,
        on: Date,
    ) -> Self {
        let mut ignores = Self::default();
        let pod = template.map(|template| &template.node);
        let pod = pod.filter(|pod| !std::ptr::eq(pod.value(), object.root.value()));
        for place in [Some(&object.root), pod].into_iter().flatten() {
            for (name, node) in ours(place, "annotations") {
                ignores.read(name, &node, policy, on);
            }
            ignores.misplaced(place, "labels");
        }
        // A CronJob has a third place for annotations, which nobody reads and looks like the right one.
        if object.kind == "CronJob"
            && let Some(job) = object.root.at(&["spec", "jobTemplate"])
        {
            ignores.misplaced(&job, "annotations");
        }
        ignores
    }

    fn read(&mut self, name: &'a str, node: &Node<'a>, policy: &Policy, on: Date) {
        if name == ANNOTATION {
            self.entries.extend(Entry::all(node, policy, on));
        } else {
            self.stray(name, node, false);
        }
    }

    fn stray(&mut self, name: &'a str, node: &Node<'a>, is_misplaced: bool) {
        let about = name.strip_prefix(DOMAIN).unwrap_or_default();
        let is_meant = about.to_ascii_lowercase().starts_with("ignore")
            || crate::istio::resembles(about, "ignore");
        if is_meant {
            self.strays.push(Stray {
                node: node.clone(),
                name,
                is_misplaced,
            });
        }
    }

    fn misplaced(&mut self, place: &Node<'a>, field: &str) {
        for (name, node) in ours(place, field) {
            self.stray(name, &node, true);
        }
    }

    /// The entry that has findings of this rule left out; every one that does is used from now on.
    pub(crate) fn find(&self, rule: &str) -> Option<&Entry<'a>> {
        let entries = self.entries.iter();
        let mut found = None;
        for entry in entries.filter(|entry| entry.is_active_for(rule)) {
            entry.used.set(true);
            found = found.or(Some(entry));
        }
        found
    }
}

/// The annotations or labels that are ours.
fn ours<'a>(place: &Node<'a>, field: &str) -> impl Iterator<Item = (&'a str, Node<'a>)> {
    let is_ours = |name: &str| name.starts_with(DOMAIN);
    // Most have none, which the bare value tells without a place.
    let map = place
        .value()
        .get("metadata")
        .and_then(|metadata| metadata.get(field));
    let map = map.and_then(Value::as_object);
    let found = map
        .filter(|map| map.keys().any(|name| is_ours(name)))
        .and_then(|_| place.at(&["metadata", field]));
    let entries = found.into_iter().flat_map(|found| found.entries());
    entries.filter(move |(name, _)| is_ours(name))
}

/// "Ended on ..." for a message.
pub(crate) fn over_since(last: Date, on: Date) -> String {
    let ago = days((on - last).get_days());
    format!("ended on {last}, {ago} ago, and ignores nothing any more")
}

/// Whether findings of a rule can be left out at all: those about ignores cannot, or a stale one
/// could hide itself.
pub fn is_ignorable(rule: &str) -> bool {
    !rules::ABOUT_IGNORES.iter().any(|about| about.id == rule)
}
