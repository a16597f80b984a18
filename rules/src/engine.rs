//! Runs the rules over an object and assembles their fixes.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::civil::Date;
use json_patch::Patch;
use serde_json::Value;

use crate::config::{Level, Policy};
use crate::finding::{Applicability, Finding, RunFinding};
use crate::istio::Subject;
use crate::istio::gate::{Gate, Reinjection};
use crate::istio::install::Given;
use crate::mesh::{Around, Enrolment, Mesh, Place};
use crate::object::{Object, Strings};
use crate::releases::Releases;
use crate::rule::{Check, Findings, Rule, RunContext};

/// Fixes that one object may get before the engine gives up: no object has that many findings, so
/// reaching it means that two fixes undo each other.
const MOST_FIXES: usize = 64;

/// Decides whether a finding is to be left out; the text says by whom and why.
pub type Suppress = fn(&Object<'_>, &Finding) -> Option<String>;

/// The rules with everything they may know that is not in an object or its mesh.
pub struct Engine {
    rules: Vec<&'static Rule>,
    policy: Policy,
    releases: Releases,
    as_of: Date,
    suppress: Suppress,
}

/// What a rule sees: the object, its mesh, the date, the policy.
pub struct Context<'a> {
    /// The object that is judged.
    pub object: &'a Object<'a>,
    /// Keeps the documents that are read inside of its strings.
    pub strings: &'a Strings,
    /// What is known about the mesh around it.
    pub around: Around<'a>,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The release table.
    pub releases: &'a Releases,
    /// The date that everything is judged for.
    pub as_of: Date,
    subject: OnceCell<Subject<'a>>,
    enrolment: OnceCell<Enrolment>,
    reinjection: OnceCell<Option<Reinjection>>,
    pub(crate) gate: OnceCell<Gate>,
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
    pub suppressed: Vec<(Finding, String)>,
    /// Rules that broke down on this object: a defect of ours, never a verdict.
    pub crashed: Vec<&'static str>,
}

/// A document with its fixes applied.
#[derive(Debug)]
pub struct Mended {
    /// The document after the patch.
    pub value: Value,
    /// All operations, in order.
    pub patch: Patch,
    /// The findings that were fixed, in the order of their operations.
    pub fixed: Vec<Finding>,
}

impl Engine {
    /// An engine with all rules for a date.
    pub fn new(as_of: Date, policy: Policy, releases: Releases) -> Self {
        Self {
            rules: crate::rules::ALL.to_vec(),
            policy,
            releases,
            as_of,
            suppress: |_, _| None,
        }
    }

    /// The same engine with these rules only.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<&'static Rule>) -> Self {
        self.rules = rules;
        self
    }

    /// The same engine, asking `suppress` about each finding.
    #[must_use]
    pub fn with_suppression(mut self, suppress: Suppress) -> Self {
        self.suppress = suppress;
        self
    }

    /// The date that everything is judged for.
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// The release table in use.
    pub fn releases(&self) -> &Releases {
        &self.releases
    }

    /// Whether any rule looks at objects of this kind.
    pub fn looks_at(&self, object: &Object<'_>) -> bool {
        self.for_kind(object).next().is_some()
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
        let mut report = Report::default();
        let strings = Strings::default();
        let cx = Context {
            object,
            strings: &strings,
            around: mesh.around(object, place),
            policy: &self.policy,
            releases: &self.releases,
            as_of: self.as_of,
            subject: OnceCell::new(),
            enrolment: OnceCell::new(),
            reinjection: OnceCell::new(),
            gate: OnceCell::new(),
        };
        for rule in self.for_kind(object) {
            self.run(rule, &cx, &mut report);
        }
        report
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
        for mut finding in out.into_vec() {
            if let Some(Level::At(severity)) = level {
                finding.severity = *severity;
            }
            match (self.suppress)(cx.object, &finding) {
                Some(reason) => report.suppressed.push((finding, reason)),
                None => report.findings.push(finding),
            }
        }
    }

    /// Applies fixes up to `grade` to every object of a document, one after the other, each on what
    /// the one before left, until none is left.
    pub fn mend(
        &self,
        document: &Value,
        mesh: &Mesh,
        place: Place<'_>,
        grade: Applicability,
    ) -> Mended {
        let mut mended = Mended {
            value: document.clone(),
            patch: Patch::default(),
            fixed: Vec::new(),
        };
        // No fix moves an object, so that a list of thousands is gone through once and not for each.
        let objects = Object::all(document).into_iter();
        for at in objects.map(|object| object.root.pointer()) {
            for _ in 0..MOST_FIXES {
                let Some(object) = Object::at(&mended.value, &at) else {
                    break;
                };
                let Some(finding) = self.next_fix(&object, mesh, place, grade) else {
                    break;
                };
                if !mended.apply(finding) {
                    break;
                }
            }
        }
        mended
    }

    fn next_fix(
        &self,
        object: &Object<'_>,
        mesh: &Mesh,
        place: Place<'_>,
        grade: Applicability,
    ) -> Option<Finding> {
        let report = self.check(object, mesh, place);
        report.findings.into_iter().find(|finding| {
            finding
                .fix
                .as_ref()
                .is_some_and(|fix| fix.applicability <= grade)
        })
    }
}

impl Mended {
    /// False where the fix does not fit the document, which then stays as it is.
    fn apply(&mut self, finding: Finding) -> bool {
        let Some(fix) = &finding.fix else {
            return false;
        };
        if json_patch::patch(&mut self.value, &fix.patch).is_err() {
            return false;
        }
        self.patch.0.extend(fix.patch.0.iter().cloned());
        self.fixed.push(finding);
        true
    }
}
