//! Runs the rules over an object and assembles their fixes.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::civil::Date;
use serde_json::Value;

use crate::config::{Level, Policy};
use crate::finding::{Applicability, Finding, RunFinding, Severity};
use crate::istio::Subject;
use crate::istio::gate::{Gate, Reinjection};
use crate::istio::install::Given;
use crate::mesh::{Around, Enrolment, Mesh, Place};
use crate::object::{Object, Strings};
use crate::releases::Releases;
use crate::rule::{Check, Findings, Rule, RunContext};
use crate::rules::support::Thing;
use crate::rules::{IGNORE_EXPIRED, IGNORE_UNUSED};
use crate::suppress::{self, Entry, Ignores, Suppressed, Why};
use crate::update::Before;

pub use mend::Mended;

mod mend;

/// Whether a rule is to run on an object.
pub type Wanted<'w> = &'w dyn Fn(&Object<'_>, &str) -> bool;

/// The rules with everything they may know that is not in an object or its mesh.
pub struct Engine {
    rules: Vec<&'static Rule>,
    /// Kind and group of all that a rule looks at, sorted: most objects are of no such kind.
    kinds: Vec<(&'static str, &'static str)>,
    policy: Policy,
    releases: Releases,
    as_of: Date,
}

/// What a rule sees: the object, its mesh, the date, the policy.
pub struct Context<'a> {
    /// The object that is judged.
    pub object: &'a Object<'a>,
    /// Keeps the documents that are read inside of its strings.
    pub strings: &'a Strings,
    /// What is known about the mesh around it.
    pub around: Around<'a>,
    /// What was there before, where the object is an update.
    pub before: Before<'a>,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The release table.
    pub releases: &'a Releases,
    /// The date that everything is judged for.
    pub as_of: Date,
    place: Place<'a>,
    engine: &'a Engine,
    wanted: Wanted<'a>,
    subject: OnceCell<Subject<'a>>,
    enrolment: OnceCell<Enrolment>,
    ignores: OnceCell<Ignores<'a>>,
    reinjection: OnceCell<Option<Reinjection>>,
    pub(crate) gate: OnceCell<Gate>,
    pub(crate) things: OnceCell<Vec<Thing<'a>>>,
}

impl<'a> Context<'a> {
    /// What the object is in a mesh. Worked out once for all rules.
    pub fn subject(&self) -> &Subject<'a> {
        self.subject.get_or_init(|| {
            let newest = self.releases.newest_supported(self.as_of);
            let given = Given {
                istio: self.around.istio_setting(),
                newest: newest.map(|release| Releases::newest_version(release, self.as_of)),
            };
            Subject::within(self.object, self.strings, &self.around).given(given)
        })
    }

    /// Whether the injector takes the object's pod; `Out` where it has none. Worked out once for all
    /// rules.
    pub fn enrolment(&self) -> &Enrolment {
        self.enrolment.get_or_init(|| {
            let template = self.subject().template.as_ref();
            template.map_or(Enrolment::Out, |template| self.around.enrolment(template))
        })
    }

    /// What the object's annotations have ignored, and whether that was used so far. Read once for
    /// all rules.
    pub fn ignores(&self) -> &Ignores<'a> {
        self.ignores.get_or_init(|| {
            let template = self.subject().template.as_ref();
            Ignores::of(self.object, template, self.policy, self.as_of)
        })
    }

    /// Whether this rule ran: one that did not has no findings that say anything.
    pub fn runs(&self, rule: &str) -> bool {
        self.engine.runs(rule) && (self.wanted)(self.object, rule)
    }

    /// What becomes of the proxy that the object's pod has already, where the injector will take the
    /// pod again. Worked out once for all rules.
    pub(crate) fn reinjection(&self) -> Option<Reinjection> {
        let reinjection = || self.subject().reinjection(self);
        *self.reinjection.get_or_init(reinjection)
    }
}

/// What the rules say of one object.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of the rules.
    pub findings: Vec<Finding>,
    /// Findings that were left out, with the reason.
    pub suppressed: Vec<Suppressed>,
    /// The entries of the policy's `ignores` that fit a finding, by their index.
    pub policy_entries: BTreeSet<usize>,
    /// Rules that broke down on this object: a defect of ours, never a verdict.
    pub crashed: Vec<&'static str>,
}

impl Engine {
    /// An engine with all rules for a date.
    pub fn new(as_of: Date, policy: Policy, releases: Releases) -> Self {
        let engine = Self {
            rules: Vec::new(),
            kinds: Vec::new(),
            policy,
            releases,
            as_of,
        };
        engine.with_rules(crate::rules::ALL.to_vec())
    }

    /// The same engine with these rules only.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<&'static Rule>) -> Self {
        let kinds = rules.iter().flat_map(|rule| rule.kinds);
        self.kinds = kinds.map(|kind| (kind.kind, kind.group)).collect();
        self.kinds.sort_unstable();
        self.kinds.dedup();
        self.rules = rules;
        self
    }

    /// The date that everything is judged for.
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The release table in use.
    pub fn releases(&self) -> &Releases {
        &self.releases
    }

    /// Whether any rule looks at objects of this kind.
    pub fn looks_at(&self, object: &Object<'_>) -> bool {
        self.looks_at_kind(object.kind, object.group())
    }

    /// The same for a kind and its API group, at any version.
    pub fn looks_at_kind(&self, kind: &str, group: &str) -> bool {
        self.kinds.binary_search(&(kind, group)).is_ok()
    }

    /// The rules that look at objects of this kind, in order. Neighbours share their list of kinds,
    /// which is gone through once for all of them.
    fn for_kind(&self, object: &Object<'_>) -> impl Iterator<Item = &'static Rule> {
        self.rules
            .chunk_by(|one, next| std::ptr::eq(one.kinds, next.kinds))
            .filter(|rules| rules[0].looks_at(object))
            .flatten()
            .copied()
    }

    /// Judges one object.
    pub fn check(&self, object: &Object<'_>, mesh: &Mesh, place: Place<'_>) -> Report {
        self.check_update(object, Before::default(), mesh, place)
    }

    /// Judges one object against what was there before.
    pub fn check_update(
        &self,
        object: &Object<'_>,
        before: Before<'_>,
        mesh: &Mesh,
        place: Place<'_>,
    ) -> Report {
        self.check_by(&|_, _| true, object, before, mesh, place)
    }

    /// Judges one object against what was there before, by the rules that are wanted on it.
    pub fn check_by(
        &self,
        wanted: Wanted<'_>,
        object: &Object<'_>,
        before: Before<'_>,
        mesh: &Mesh,
        place: Place<'_>,
    ) -> Report {
        self.check_for(None, wanted, object, before, mesh, place)
    }

    /// Judges one object for the sake of fixes up to a grade, by those of the wanted rules that offer
    /// such: what others find is not in the report.
    pub fn check_fixable(
        &self,
        grade: Applicability,
        wanted: Wanted<'_>,
        object: &Object<'_>,
        mesh: &Mesh,
        place: Place<'_>,
    ) -> Report {
        self.check_for(Some(grade), wanted, object, Before::default(), mesh, place)
    }

    fn check_for(
        &self,
        fixes: Option<Applicability>,
        wanted: Wanted<'_>,
        object: &Object<'_>,
        before: Before<'_>,
        mesh: &Mesh,
        place: Place<'_>,
    ) -> Report {
        let mut report = Report::default();
        if !self.looks_at(object) {
            return report;
        }
        let is_of_use = |rule: &Rule| fixes.is_none_or(|grade| rule.offers(grade));
        let strings = Strings::default();
        let cx = Context {
            object,
            strings: &strings,
            around: mesh.around(object, place),
            before,
            policy: &self.policy,
            releases: &self.releases,
            as_of: self.as_of,
            place,
            engine: self,
            wanted,
            subject: OnceCell::new(),
            enrolment: OnceCell::new(),
            ignores: OnceCell::new(),
            reinjection: OnceCell::new(),
            gate: OnceCell::new(),
            things: OnceCell::new(),
        };
        for rule in self.for_kind(object) {
            if is_of_use(rule) && wanted(object, rule.id) {
                self.run(rule, &cx, &mut report);
            }
        }
        report
    }

    fn runs(&self, rule: &str) -> bool {
        self.rules.iter().any(|known| known.id == rule)
            && self.policy.levels.get(rule) != Some(&Level::Off)
    }

    /// Judges what all objects of a run are judged by.
    pub fn check_run(&self) -> Vec<RunFinding> {
        let cx = RunContext {
            policy: &self.policy,
            releases: &self.releases,
            as_of: self.as_of,
        };
        let found = |rule: &&'static Rule| self.run_whole(rule, &cx);
        self.rules.iter().filter_map(found).collect()
    }

    fn run_whole(&self, rule: &'static Rule, cx: &RunContext<'_>) -> Option<RunFinding> {
        let Check::Run(check) = rule.check else {
            return None;
        };
        let severity = match self.policy.levels.get(rule.id) {
            Some(Level::Off) => return None,
            Some(Level::At(severity)) => *severity,
            None => rule.severity,
        };
        Some(RunFinding {
            rule: rule.id,
            severity,
            message: check(cx)?,
        })
    }

    fn run(&self, rule: &'static Rule, cx: &Context<'_>, report: &mut Report) {
        let Check::Object(check) = rule.check else {
            return;
        };
        let level = self.policy.levels.get(rule.id);
        if level == Some(&Level::Off) {
            return;
        }
        let mut out = Findings::for_rule(rule);
        // A rule that breaks down must not take an admission with it.
        if catch_unwind(AssertUnwindSafe(|| check(cx, &mut out))).is_err() {
            report.crashed.push(rule.id);
            return;
        }
        for finding in self.levelled(rule, out) {
            self.sort(finding, cx, report);
        }
    }

    /// What a rule reported, with the severities that the policy wants.
    fn levelled(&self, rule: &'static Rule, out: Findings) -> Vec<Finding> {
        let mut found = out.into_vec();
        if let Some(Level::At(severity)) = self.policy.levels.get(rule.id) {
            let what_is_known = |finding: &&mut Finding| {
                finding.severity > Severity::Info || rule.severity == Severity::Info
            };
            for finding in found.iter_mut().filter(what_is_known) {
                finding.severity = *severity;
            }
        }
        found
    }

    /// Puts a finding where it belongs: to the others, or to those that are left out.
    fn sort(&self, finding: Finding, cx: &Context<'_>, report: &mut Report) {
        if !suppress::is_ignorable(finding.rule) {
            return report.findings.push(finding);
        }
        let policy = self
            .policy
            .ignored(cx.object, cx.place.path(), finding.rule, self.as_of);
        let policy: Vec<usize> = policy.collect();
        report.policy_entries.extend(&policy);
        let by_annotation = cx.ignores().find(finding.rule).and_then(Entry::why);
        let why = by_annotation.or_else(|| {
            let index = *policy.first()?;
            Some(Why::by_policy(index, &self.policy.ignores[index]))
        });
        match why {
            Some(why) => report.suppressed.push(Suppressed { finding, why }),
            None => report.findings.push(finding),
        }
    }

    /// What the rules about ignores say of the policy's own entries, once all objects of a run were
    /// checked: `fitted` are the entries that fitted a finding, `document` the policy as it was read.
    pub fn check_policy(&self, document: &Value, fitted: &BTreeSet<usize>) -> Vec<Finding> {
        let entries = suppress::policy::Entries {
            policy: &self.policy,
            document,
            on: self.as_of,
        };
        let mut expired = Findings::for_rule(IGNORE_EXPIRED);
        entries.expired(&mut expired);
        let mut unused = Findings::for_rule(IGNORE_UNUSED);
        entries.unused(fitted, |rule| self.runs(rule), &mut unused);
        [(IGNORE_EXPIRED, expired), (IGNORE_UNUSED, unused)]
            .into_iter()
            .filter(|(rule, _)| self.runs(rule.id))
            .flat_map(|(rule, out)| self.levelled(rule, out))
            .collect()
    }
}
