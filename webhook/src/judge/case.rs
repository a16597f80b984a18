//! One request, judged.

use std::collections::BTreeSet;

use meshcheck_rules::config::{MendAt, Mode, MutatePolicy, WebhookPolicy};
use meshcheck_rules::update::{self, Before};
use meshcheck_rules::{
    Applicability, Engine, Finding, Mended, Mesh, Object, Place, Report, Severity, Source, Wanted,
};
use serde_json::Value;

use super::{Outcome, Updates, Verdict};
use crate::decide::{self, Decision, Excuse, Subject, Terms};
use crate::glass::{self, Glass};
use crate::review::{Operation, Request};
use crate::scope;
use crate::text;
use crate::watch::Revisions;

/// One request with all that is known about it.
pub(super) struct Case<'a> {
    pub(super) updates: Updates,
    pub(super) revisions: &'a Revisions,
    pub(super) engine: &'a Engine,
    pub(super) mesh: &'a Mesh,
    pub(super) request: &'a Request,
    /// The object of the request.
    pub(super) value: &'a Value,
}

/// Where the mends of an object are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mends {
    /// On the object.
    Here,
    /// On its Pods.
    AtPods,
    /// Nowhere: they are told.
    Advised,
}

impl Case<'_> {
    pub(super) fn mutate(&self) -> Verdict {
        // The rest is told at `/validate`, which sees the same objects.
        let report = self.check_fixable(self.value);
        if !self.is_to_be_mended(&report) {
            return Verdict::new(Outcome::Unchanged, Decision::default(), &report);
        }
        let mends = self.mends();
        let mended = (mends == Mends::Here).then(|| self.mend(self.value, &report));
        let fixed = mended.iter().flat_map(|mended| &mended.fixed);
        let fixed = fixed.map(|finding| finding.rule).collect();
        let (advised, kept) = self.advice(&report, mends);
        let decision = decide::mutate(mended, &advised, &kept);
        let outcome = match &decision {
            patched if patched.patch.is_some() => Outcome::Patched,
            told if !told.warnings.is_empty() => Outcome::Advised,
            _ => Outcome::Unchanged,
        };
        let verdict = Verdict::new(outcome, decision, &report);
        Verdict { fixed, ..verdict }
    }

    fn is_to_be_mended(&self, report: &Report) -> bool {
        report.findings.iter().any(is_safely_fixable)
            && !scope::is_compared(self.value)
            && !self.before().is_some_and(|before| {
                scope::keeps_its_pods(self.value, &before) || self.goes_back_to(&before).is_some()
            })
    }

    /// The revision of its own that an update goes back to. It is let pass, and left as it ran: in an
    /// outage nothing is better than what is known to work.
    fn goes_back_to(&self, before: &Value) -> Option<String> {
        if scope::keeps_its_pods(self.value, before) {
            return None;
        }
        self.revisions.of(self.value, before)
    }

    /// An object as the rules that are enforced would have it; `report` is what the rules say of it.
    fn mend(&self, value: &Value, report: &Report) -> Mended {
        let policy = self.policy();
        let enforced = |object: &Object<'_>, rule: &str| policy.mode(object, rule) == Mode::Enforce;
        let found = report.findings.iter();
        let found = found.filter(|finding| self.mode(value, finding.rule) == Mode::Enforce);
        let found = found.cloned().collect();
        let (mesh, grade) = (self.mesh, Applicability::Safe);
        self.engine
            .mend_found(found, &enforced, value, mesh, Place::cluster(), grade)
    }

    fn mends(&self) -> Mends {
        let MutatePolicy { at, advise } = self.policy().mutate;
        let is_elsewhere = match at {
            MendAt::Workload => false,
            MendAt::Pod => true,
            MendAt::Auto => scope::owner(self.value).is_some(),
        };
        // Nothing comes after a Pod.
        let is_pod = self.value["kind"] == "Pod";
        if advise {
            Mends::Advised
        } else if !is_elsewhere || is_pod {
            Mends::Here
        } else if scope::has_pods(self.value) {
            Mends::AtPods
        } else {
            // Nobody makes a Pod of an installer's file.
            Mends::Advised
        }
    }

    /// The findings whose mends are told, and those whose mends are kept for the audit log. A
    /// controller does not want to be told: whoever applied what it makes of this was.
    fn advice<'r>(&self, report: &'r Report, mends: Mends) -> (Vec<&'r Finding>, Vec<&'r Finding>) {
        let is_made = scope::maker(self.value).is_some();
        let (mut told, mut kept) = (Vec::new(), Vec::new());
        for finding in report.findings.iter().filter(|f| is_safely_fixable(f)) {
            let is_advised = match self.mode(self.value, finding.rule) {
                Mode::Warn => true,
                Mode::Enforce => mends == Mends::Advised,
                Mode::Audit => {
                    kept.push(finding);
                    false
                }
                Mode::Off => false,
            };
            if is_advised {
                let place = if is_made { &mut kept } else { &mut told };
                place.push(finding);
            }
        }
        (told, kept)
    }

    pub(super) fn validate(&self) -> Verdict {
        let report = self.check_update();
        let has_errors = report.findings.iter().any(is_error);
        let stored = has_errors.then(|| self.stored()).flatten();
        let held_against = stored.as_ref().filter(|_| self.holds_against_stored());
        let before = held_against.map(|value| self.check(value));
        let policy = self.policy();
        let asked = glass::Asked {
            object: self.value,
            before: stored.as_ref(),
            groups: &self.request.user_info.groups,
            on: self.engine.as_of(),
        };
        let terms = Terms {
            mode: &|rule| self.mode(self.value, rule),
            before: held_against.zip(before.as_ref()),
            goes_back_to: held_against.and_then(|before| self.goes_back_to(before)),
            mended_at_pods: self.mended_at_pods(&report),
            glass: Glass::of(&policy.break_glass, asked),
        };
        let subject = Subject {
            title: self.title(),
            object: self.value,
            maker: scope::maker(self.value),
        };
        let decision = decide::validate(&subject, &report, &terms);
        let outcome = match &decision {
            refused if refused.refusal.is_some() => Outcome::Denied,
            told if !told.warnings.is_empty() => Outcome::Warned,
            kept if kept.is_audited() => Outcome::Audited,
            _ => Outcome::Allowed,
        };
        let verdict = Verdict::new(outcome, decision, &report);
        let glass = match terms.glass {
            Glass::Broken(broken) if decision_has(&verdict, &Excuse::BrokenGlass) => {
                Some(broken.reason)
            }
            _ => None,
        };
        Verdict { glass, ..verdict }
    }

    /// The rules whose errors are mended on Pods: those that are found on a Pod of the object, and
    /// are not any more once it is mended.
    fn mended_at_pods(&self, report: &Report) -> BTreeSet<&'static str> {
        let can = |finding: &Finding| is_error(finding) && is_safely_fixable(finding);
        if !report.findings.iter().any(can) || self.mends() != Mends::AtPods {
            return BTreeSet::new();
        }
        let Some(pod) = scope::pod_of(self.value) else {
            return BTreeSet::new();
        };
        let mended = self.mend(&pod, &self.check_fixable(&pod));
        let left = self.check_fixable(&mended.value);
        let is_left = |rule: &str| left.findings.iter().any(|f| f.rule == rule && is_error(f));
        let fixed = mended.fixed.iter().map(|finding| finding.rule);
        fixed.filter(|rule| !is_left(rule)).collect()
    }

    fn policy(&self) -> &WebhookPolicy {
        &self.engine.policy().webhook
    }

    /// What is done with a rule's findings. A document is one object here: the API server sends no
    /// lists.
    fn mode(&self, value: &Value, rule: &str) -> Mode {
        let policy = self.policy();
        let objects = Object::all(value);
        let object = objects.first();
        object.map_or(policy.mode, |object| policy.mode(object, rule))
    }

    /// The stored object, for an update.
    fn stored(&self) -> Option<Value> {
        let is_update = self.request.operation == Operation::Update;
        is_update.then(|| self.request.before()).flatten()
    }

    fn holds_against_stored(&self) -> bool {
        self.updates == Updates::Changes
    }

    /// The stored object that an update is held against.
    fn before(&self) -> Option<Value> {
        self.holds_against_stored().then(|| self.stored()).flatten()
    }

    /// What the rules say of the object as an update of the one that is stored. That one is read only
    /// where it can matter.
    fn check_update(&self) -> Report {
        let is_update = self.request.operation == Operation::Update;
        let matters = is_update && Object::all(self.value).iter().any(update::matters);
        let stored = matters.then(|| self.stored()).flatten();
        let stored = stored.as_ref().map(Object::all).unwrap_or_default();
        let former = stored.first().map(|object| {
            let title = object.title().into();
            (object, Source::Cluster { title })
        });
        let before = Before {
            object: former.as_ref().map(|(object, source)| (*object, source)),
            // What is stored when the object comes: an istiod of a new revision is held against it.
            mesh: Some((self.mesh, Place::cluster())),
        };
        self.check_against(self.value, before)
    }

    fn check(&self, value: &Value) -> Report {
        self.check_against(value, Before::default())
    }

    fn check_against(&self, value: &Value, before: Before<'_>) -> Report {
        self.check_by(value, |runs, object| {
            let (mesh, place) = (self.mesh, Place::cluster());
            self.engine.check_by(runs, object, before, mesh, place)
        })
    }

    /// What the rules that can mend something for sure say of an object.
    fn check_fixable(&self, value: &Value) -> Report {
        self.check_by(value, |runs, object| {
            let (mesh, grade) = (self.mesh, Applicability::Safe);
            let place = Place::cluster();
            self.engine.check_fixable(grade, runs, object, mesh, place)
        })
    }

    fn check_by(&self, value: &Value, check: impl Fn(Wanted<'_>, &Object<'_>) -> Report) -> Report {
        let policy = self.policy();
        let runs = |object: &Object<'_>, rule: &str| policy.mode(object, rule) != Mode::Off;
        let mut whole = Report::default();
        for object in Object::all(value) {
            let report = check(&runs, &object);
            whole.findings.extend(report.findings);
            whole.suppressed.extend(report.suppressed);
            whole.crashed.extend(report.crashed);
        }
        whole
    }

    fn title(&self) -> String {
        let request = self.request;
        let metadata = &self.value["metadata"];
        let name = [
            Some(request.name.as_str()),
            metadata["name"].as_str(),
            metadata["generateName"].as_str(),
        ];
        let name = name.into_iter().flatten().find(|name| !name.is_empty());
        let slash = if request.namespace.is_empty() {
            ""
        } else {
            "/"
        };
        let title = format!(
            "{} {}{slash}{}",
            request.kind.kind,
            request.namespace,
            name.unwrap_or("without a name")
        );
        text::clean(&title)
    }
}

fn decision_has(verdict: &Verdict, excuse: &Excuse) -> bool {
    let mut excused = verdict.decision.excused.iter();
    excused.any(|(_, given)| given == excuse)
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

fn is_safely_fixable(finding: &Finding) -> bool {
    let fix = finding.fix.as_ref();
    fix.is_some_and(|fix| fix.applicability == Applicability::Safe)
}
