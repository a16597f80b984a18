//! What a rule is. Everything that a list, a help text, a report or a manifest says about a rule is
//! derived from its one declaration.

use jiff::civil::Date;

use crate::config::Policy;
use crate::engine::Context;
use crate::finding::{Applicability, Finding, Fix, Location, Related, Severity};
use crate::object::{HELM_VALUES, Object};
use crate::releases::Releases;

pub(crate) mod kinds;

/// A kind of object that a rule looks at, as the API server names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKind {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Kind; empty for a file of Helm values, which no API server ever sees.
    pub kind: &'static str,
    /// Plural resource name for webhook configurations.
    pub resource: &'static str,
}

impl ObjectKind {
    pub(crate) const fn new(
        group: &'static str,
        kind: &'static str,
        resource: &'static str,
    ) -> Self {
        Self {
            group,
            kind,
            resource,
        }
    }

    /// The kind as people write it: `Deployment`, `Helm values`.
    pub fn name(&self) -> &'static str {
        match self.kind {
            "" => HELM_VALUES,
            kind => kind,
        }
    }

    /// Whether an API server ever sees such an object: it knows no files.
    pub fn is_served(&self) -> bool {
        !self.resource.is_empty()
    }

    /// Whether a controller compares such objects with what stands in Git, again and again: what is
    /// changed in them on the way is a drift to it.
    pub fn is_kept_by_git(&self) -> bool {
        match self.group {
            "helm.cattle.io" | "helm.toolkit.fluxcd.io" | "source.toolkit.fluxcd.io" => true,
            "argoproj.io" => self.kind.starts_with("Application"),
            _ => false,
        }
    }

    /// Whether `object` is of this kind, at any version of the group.
    pub fn matches(&self, object: &Object<'_>) -> bool {
        self.kind == object.kind && self.group == object.group()
    }
}

/// One rule: what it is called, what it looks at, and how.
pub struct Rule {
    /// Kebab case, names the problem: `keepalive-age-too-long`. Equal to the file name.
    pub id: &'static str,
    /// One line, lower case, no full stop.
    pub summary: &'static str,
    /// The Markdown page, which the tests execute.
    pub page: &'static str,
    /// The severity a finding has unless the rule says otherwise for it.
    pub severity: Severity,
    /// Version of meshcheck that brought the rule.
    pub since: &'static str,
    /// What it looks at; nothing for a rule that looks at the whole run.
    pub kinds: &'static [ObjectKind],
    /// The best grade of fix that it offers, `None` where it never has one.
    pub fix: Option<Applicability>,
    /// Names that the rule had before.
    pub aliases: &'static [&'static str],
    /// How it looks.
    pub check: Check,
}

/// How a rule looks. It never fails: what it does not understand it leaves.
#[derive(Clone, Copy)]
pub enum Check {
    /// At one object after the other, and reports on it.
    Object(fn(&Context<'_>, &mut Findings)),
    /// Once at what all objects of a run are judged by; the message, where there is something to say.
    Run(fn(&RunContext<'_>) -> Option<String>),
}

/// What a rule sees that looks at a whole run.
pub struct RunContext<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The release table.
    pub releases: &'a Releases,
    /// The date that everything is judged for.
    pub as_of: Date,
}

impl Rule {
    /// Whether it has fixes of this grade or a better one.
    pub(crate) fn offers(&self, grade: Applicability) -> bool {
        self.fix.is_some_and(|best| best <= grade)
    }

    /// Whether the rule looks at objects of this kind.
    pub fn looks_at(&self, object: &Object<'_>) -> bool {
        self.kinds.iter().any(|kind| kind.matches(object))
    }
}

/// Collects what one rule reports on one object.
#[derive(Debug)]
pub struct Findings {
    rule: &'static str,
    severity: Severity,
    found: Vec<Finding>,
}

impl Findings {
    pub(crate) fn for_rule(rule: &Rule) -> Self {
        Self {
            rule: rule.id,
            severity: rule.severity,
            found: Vec::new(),
        }
    }

    /// Reports a finding with the rule's own severity; the result takes what else there is to say.
    pub fn report(&mut self, at: Location, message: impl Into<String>) -> &mut Finding {
        self.found.push(Finding {
            rule: self.rule,
            severity: self.severity,
            message: message.into(),
            at,
            related: Vec::new(),
            fix: None,
            extent: None,
        });
        self.found
            .last_mut()
            .expect("a finding was pushed just now")
    }

    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}

impl Finding {
    /// Sets another severity than the rule's own.
    pub fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    /// Attaches the fix.
    pub fn fix(&mut self, fix: impl Into<Option<Fix>>) -> &mut Self {
        self.fix = fix.into();
        self
    }

    /// Says how bad it is, so that an update can be told that makes it worse.
    pub fn extent(&mut self, extent: i64) -> &mut Self {
        self.extent = Some(extent);
        self
    }

    /// Adds a place that explains the finding.
    pub fn related(&mut self, related: impl IntoIterator<Item = Related>) -> &mut Self {
        self.related.extend(related);
        self
    }
}

/// Declares a rule as `pub static RULE`, its page taken from the file of the same name beside it.
macro_rules! declare_rule {
    (
        id: $id:literal,
        summary: $summary:literal,
        severity: $severity:ident,
        since: $since:literal,
        kinds: $kinds:expr,
        fix: $fix:expr,
        check: $check:path $(,)?
    ) => {
        $crate::rule::declare_rule!(@rule $id, $summary, $severity, $since, $kinds, $fix,
            $crate::rule::Check::Object($check));
    };
    (
        id: $id:literal,
        summary: $summary:literal,
        severity: $severity:ident,
        since: $since:literal,
        check_run: $check:path $(,)?
    ) => {
        $crate::rule::declare_rule!(@rule $id, $summary, $severity, $since, &[], None,
            $crate::rule::Check::Run($check));
    };
    (
        @rule $id:literal, $summary:literal, $severity:ident, $since:literal, $kinds:expr,
        $fix:expr, $check:expr
    ) => {
        #[doc = include_str!(concat!($id, ".md"))]
        pub(crate) static RULE: $crate::rule::Rule = $crate::rule::Rule {
            id: $id,
            summary: $summary,
            page: include_str!(concat!($id, ".md")),
            severity: $crate::finding::Severity::$severity,
            since: $since,
            kinds: $kinds,
            fix: $fix,
            aliases: &[],
            check: $check,
        };
    };
}
pub(crate) use declare_rule;
