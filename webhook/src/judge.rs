//! From a request to a verdict: the engine of the day, the mesh, and what updates are held to.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::{Engine, Mesh, Report, Rule, RunFinding, Severity};

use crate::decide::Decision;
use crate::review::{GroupVersionKind, Request};
use crate::scope::{self, Untouched};
use crate::watch::Revisions;
use case::Case;

mod case;

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
    /// `/mutate` says what it would change.
    Advised,
    /// `/validate` has nothing to say.
    Allowed,
    /// `/validate` warns.
    Warned,
    /// `/validate` tells nobody, and has something for the audit log that somebody would be told
    /// elsewhere.
    Audited,
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
            Self::Advised => "advised",
            Self::Allowed => "allowed",
            Self::Warned => "warned",
            Self::Audited => "audited",
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
    /// Why somebody broke the glass, where that let something pass.
    pub glass: Option<String>,
    /// Of the object.
    pub namespace: String,
}

/// Judges requests.
pub struct Judge {
    as_of: Option<Date>,
    updates: Updates,
    rules: Option<Vec<&'static Rule>>,
    revisions: Arc<Revisions>,
    state: Mutex<State>,
}

/// What changes while the server runs.
struct State {
    policy: Policy,
    releases: Releases,
    /// Of the day.
    engine: Option<Arc<Engine>>,
    mesh: Arc<Mesh>,
}

impl Judge {
    /// A judge that knows only `settings` of the mesh. Without a date it judges for today, whenever
    /// that is: a version goes out of support while the server runs.
    pub fn new(settings: Settings, as_of: Option<Date>, updates: Updates) -> Self {
        Self {
            as_of,
            updates,
            rules: None,
            revisions: Arc::default(),
            state: Mutex::new(State {
                policy: Policy::default(),
                releases: Releases::embedded(),
                engine: None,
                mesh: Arc::new(Mesh::new(settings)),
            }),
        }
    }

    /// Judges by this policy from now on.
    pub fn replace_policy(&self, policy: Policy) {
        let mut state = self.state();
        state.policy = policy;
        state.engine = None;
    }

    /// Judges by another release table from now on.
    pub fn replace_releases(&self, releases: Releases) {
        let mut state = self.state();
        state.releases = releases;
        state.engine = None;
    }

    /// Judges with this knowledge of the mesh from now on.
    pub fn replace_mesh(&self, mesh: Mesh) {
        // The old one may be large: it goes when nobody waits for the lock.
        let old = mem::replace(&mut self.state().mesh, Arc::new(mesh));
        drop(old);
    }

    /// What is known of the mesh.
    pub fn mesh(&self) -> Arc<Mesh> {
        Arc::clone(&self.state().mesh)
    }

    /// The revisions that a workload may go back to, for whoever knows them.
    pub fn revisions(&self) -> Arc<Revisions> {
        Arc::clone(&self.revisions)
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
        let (engine, mesh) = (self.engine(), self.mesh());
        let looks_at = |kind: &GroupVersionKind| engine.looks_at_kind(&kind.kind, &kind.group);
        let value = match scope::subject(request, looks_at) {
            Ok(value) => value,
            Err(reason) => return Verdict::untouched(reason),
        };
        let case = Case {
            updates: self.updates,
            revisions: &self.revisions,
            engine: &engine,
            mesh: &mesh,
            request,
            value,
        };
        let verdict = match webhook {
            Webhook::Mutate => case.mutate(),
            Webhook::Validate => case.validate(),
        };
        Verdict {
            namespace: request.namespace.clone(),
            ..verdict
        }
    }

    /// The engine for today, made once a day.
    pub fn engine(&self) -> Arc<Engine> {
        let date = self.as_of.unwrap_or_else(today);
        let mut state = self.state();
        let cached = state.engine.as_ref();
        if let Some(engine) = cached.filter(|engine| engine.as_of() == date) {
            return Arc::clone(engine);
        }
        warn_of_expired(&state.policy, date);
        let engine = Engine::new(date, state.policy.clone(), state.releases.clone());
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
            glass: None,
            namespace: String::new(),
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
