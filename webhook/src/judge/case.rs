//! One request, judged.

use meshcheck_rules::update::{self, Before};
use meshcheck_rules::{Applicability, Engine, Mesh, Object, Place, Report, Severity, Source};
use serde_json::Value;

use super::{Outcome, Updates, Verdict};
use crate::decide::{self, Decision, Subject};
use crate::review::{Operation, Request};
use crate::scope;
use crate::text;

/// One request with all that is known about it.
pub(super) struct Case<'a> {
    pub(super) updates: Updates,
    pub(super) engine: &'a Engine,
    pub(super) mesh: &'a Mesh,
    pub(super) request: &'a Request,
    /// The object of the request.
    pub(super) value: &'a Value,
}

impl Case<'_> {
    pub(super) fn mutate(&self) -> Verdict {
        let report = self.check(self.value);
        if !self.is_to_be_mended(&report) {
            return Verdict::new(Outcome::Unchanged, Decision::default(), &report);
        }
        let (mesh, grade) = (self.mesh, Applicability::Safe);
        let mended = self.engine.mend(self.value, mesh, Place::cluster(), grade);
        let fixed = mended.fixed.iter().map(|finding| finding.rule).collect();
        let decision = decide::mutate(mended);
        let outcome = match decision.patch {
            Some(_) => Outcome::Patched,
            None => Outcome::Unchanged,
        };
        let verdict = Verdict::new(outcome, decision, &report);
        Verdict { fixed, ..verdict }
    }

    fn is_to_be_mended(&self, report: &Report) -> bool {
        let fixes = report
            .findings
            .iter()
            .filter_map(|finding| finding.fix.as_ref());
        let mut grades = fixes.map(|fix| fix.applicability);
        grades.any(|grade| grade == Applicability::Safe)
            && !scope::is_compared(self.value)
            && !self
                .before()
                .is_some_and(|before| scope::keeps_its_pods(self.value, &before))
    }

    pub(super) fn validate(&self) -> Verdict {
        let report = self.check_update();
        let has_errors = report
            .findings
            .iter()
            .any(|f| f.severity == Severity::Error);
        let before = has_errors.then(|| self.before()).flatten();
        let before = before.map(|value| self.check(&value));
        let subject = Subject {
            title: self.title(),
            object: self.value,
            maker: scope::maker(self.value),
        };
        let decision = decide::validate(&subject, &report, before.as_ref());
        let outcome = match &decision {
            refused if refused.refusal.is_some() => Outcome::Denied,
            told if !told.warnings.is_empty() => Outcome::Warned,
            _ => Outcome::Allowed,
        };
        Verdict::new(outcome, decision, &report)
    }

    /// The stored object that an update is held against.
    fn before(&self) -> Option<Value> {
        let counts = self.updates == Updates::Changes;
        let is_update = self.request.operation == Operation::Update;
        (counts && is_update)
            .then(|| scope::before(self.request))
            .flatten()
    }

    /// What the rules say of the object as an update of the one that is stored. That one is read only
    /// where it can matter.
    fn check_update(&self) -> Report {
        let is_update = self.request.operation == Operation::Update;
        let objects = Object::all(self.value);
        let stored = (is_update && objects.iter().any(update::matters))
            .then(|| scope::before(self.request))
            .flatten();
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

    /// An object is one object here: the API server sends no lists.
    fn check_against(&self, value: &Value, before: Before<'_>) -> Report {
        let mut whole = Report::default();
        for object in Object::all(value) {
            let (mesh, place) = (self.mesh, Place::cluster());
            let report = self.engine.check_update(&object, before, mesh, place);
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
