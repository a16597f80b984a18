//! From a request to a verdict: the engine of the day, the mesh, and what updates are held to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::update::{self, Before};
use meshcheck_rules::{
    Applicability, Engine, Mesh, Object, Place, Report, Rule, RunFinding, Severity, Source,
};
use serde_json::{Value, json};

use crate::decide::{self, Decision, Subject};
use crate::review::{GroupVersionKind, Operation, Request};
use crate::scope::{self, Untouched};
use crate::text;

/// Which of the two questions is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Webhook {
    /// `/mutate`
    Mutate,
    /// `/validate`
    Validate,
}

impl Webhook {
    /// As in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mutate => "mutate",
            Self::Validate => "validate",
        }
    }
}

/// What an update is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Updates {
    /// Only what it brings: errors that the stored object has already are warnings, and a pod
    /// template that does not change is not mended
    #[default]
    Changes,
    /// Everything, as if the object were new
    All,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not looked at.
    Untouched(Untouched),
    /// `/mutate` has nothing to do.
    Unchanged,
    /// `/mutate` changes something.
    Patched,
    /// `/validate` has nothing to say.
    Allowed,
    /// `/validate` warns.
    Warned,
    /// `/validate` refuses.
    Denied,
}

impl Outcome {
    /// Why the request was let through untouched, if it was.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Untouched(reason) => Some(reason.as_str()),
            _ => None,
        }
    }

    /// As in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Untouched(_) => "untouched",
            Self::Unchanged => "unchanged",
            Self::Patched => "patched",
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Denied => "denied",
        }
    }
}

/// A decision and what is to be counted and logged of it.
#[derive(Debug)]
pub struct Verdict {
    /// The answer.
    pub decision: Decision,
    /// What became of the request.
    pub outcome: Outcome,
    /// What the rules found, in their order.
    pub findings: Vec<(&'static str, Severity)>,
    /// The rules of the findings that were left out.
    pub suppressed: Vec<&'static str>,
    /// The rules whose findings were mended.
    pub fixed: Vec<&'static str>,
    /// The rules that broke down.
    pub crashed: Vec<&'static str>,
}

/// Judges requests.
pub struct Judge {
    mesh: Mesh,
    as_of: Option<Date>,
    updates: Updates,
    policy: Policy,
    rules: Option<Vec<&'static Rule>>,
    state: Mutex<State>,
}

/// What changes while the server runs.
struct State {
    releases: Releases,
    /// Of the day.
    engine: Option<Arc<Engine>>,
}

impl Judge {
    /// A judge that knows only `settings` of the mesh. Without a date it judges for today, whenever
    /// that is: a version goes out of support while the server runs.
    pub fn new(settings: Settings, as_of: Option<Date>, updates: Updates) -> Self {
        Self {
            mesh: Mesh::new(settings),
            as_of,
            updates,
            policy: Policy::default(),
            rules: None,
            state: Mutex::new(State {
                releases: Releases::embedded(),
                engine: None,
            }),
        }
    }

    /// The same judge by this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Judges by another release table from now on.
    pub fn replace_releases(&self, releases: Releases) {
        *self.state() = State {
            releases,
            engine: None,
        };
    }

    /// Makes the engine of the day, and logs what there is to say of it, before the first request.
    pub fn prepare(&self) {
        drop(self.engine());
    }

    /// The lock guards values that are replaced whole: a thread that panicked with it left nothing
    /// half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same judge with these rules only.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<&'static Rule>) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Answers one request. Never fails, and has no side effect.
    pub fn judge(&self, webhook: Webhook, request: &Request) -> Verdict {
        let engine = self.engine();
        let looks_at = |kind: &GroupVersionKind| looks_at(&engine, kind);
        let value = match scope::subject(request, looks_at) {
            Ok(value) => value,
            Err(reason) => return Verdict::untouched(reason),
        };
        let case = Case {
            judge: self,
            engine: &engine,
            request,
            value: &value,
        };
        match webhook {
            Webhook::Mutate => case.mutate(),
            Webhook::Validate => case.validate(),
        }
    }

    /// The engine for today, made once a day.
    fn engine(&self) -> Arc<Engine> {
        let date = self.as_of.unwrap_or_else(today);
        let mut state = self.state();
        let cached = state.engine.as_ref();
        if let Some(engine) = cached.filter(|engine| engine.as_of() == date) {
            return Arc::clone(engine);
        }
        warn_of_expired(&self.policy, date);
        let engine = Engine::new(date, self.policy.clone(), state.releases.clone());
        let engine = Arc::new(match &self.rules {
            Some(rules) => engine.with_rules(rules.clone()),
            None => engine,
        });
        tell_run(&engine);
        state.engine = Some(Arc::clone(&engine));
        engine
    }
}

/// Logs what there is to say of the whole, once for an engine.
fn tell_run(engine: &Engine) {
    for finding in engine.check_run() {
        let RunFinding {
            rule,
            severity,
            message,
        } = finding;
        match severity {
            Severity::Error => tracing::error!(rule, "{message}"),
            Severity::Warning => tracing::warn!(rule, "{message}"),
            Severity::Info => tracing::info!(rule, "{message}"),
        }
    }
}

/// Tells the entries of the policy that ignore nothing any more: no request is about them.
fn warn_of_expired(policy: &Policy, on: Date) {
    for (index, entry) in policy.ignores.iter().enumerate() {
        if let Some(until) = entry.until.filter(|_| entry.is_over(on)) {
            let entry = format!("ignores[{index}]");
            tracing::warn!(entry, %until, "this entry of the policy ended and ignores nothing");
        }
    }
}

/// Today in UTC.
pub fn today() -> Date {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    jiff::Timestamp::from_second(seconds)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_zoned(TimeZone::UTC)
        .date()
}

fn looks_at(engine: &Engine, kind: &GroupVersionKind) -> bool {
    let head = json!({"apiVersion": kind.api_version(), "kind": kind.kind});
    Object::all(&head)
        .iter()
        .any(|object| engine.looks_at(object))
}

/// One request with all that is known about it.
struct Case<'a> {
    judge: &'a Judge,
    engine: &'a Engine,
    request: &'a Request,
    value: &'a Value,
}

impl Case<'_> {
    fn mutate(&self) -> Verdict {
        let report = self.check(self.value);
        if !self.is_to_be_mended(&report) {
            return Verdict::new(Outcome::Unchanged, Decision::default(), &report);
        }
        let (mesh, grade) = (&self.judge.mesh, Applicability::Safe);
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

    fn validate(&self) -> Verdict {
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
        let counts = self.judge.updates == Updates::Changes;
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
            mesh: None,
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
            let (mesh, place) = (&self.judge.mesh, Place::cluster());
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

impl Verdict {
    fn new(outcome: Outcome, decision: Decision, report: &Report) -> Self {
        let findings = report.findings.iter();
        Self {
            decision,
            outcome,
            findings: findings.map(|f| (f.rule, f.severity)).collect(),
            suppressed: report
                .suppressed
                .iter()
                .map(|suppressed| suppressed.finding.rule)
                .collect(),
            fixed: Vec::new(),
            crashed: report.crashed.clone(),
        }
    }

    fn untouched(reason: Untouched) -> Self {
        let decision = match reason {
            Untouched::Unreadable => Decision::unchecked("it is nested too deeply"),
            _ => Decision::default(),
        };
        Self::new(Outcome::Untouched(reason), decision, &Report::default())
    }
}
