//! One look at everything.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::Request;
use kube::Client;
use meshcheck_rules::config::Mode;
use meshcheck_rules::{Engine, Finding, Mesh, Object, Place};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{AuditError, Doing};
use super::findings::{Findings, OfKind, Subject};
use super::kinds::{self, Kind};
use super::pages::Pages;
use crate::metrics::Metrics;
use crate::scope;

/// What a pass goes by.
pub(super) struct Pass<'a> {
    pub(super) client: &'a Client,
    pub(super) engine: &'a Engine,
    pub(super) mesh: &'a Mesh,
    pub(super) metrics: &'a Metrics,
    /// Namespaces whose objects are left alone.
    pub(super) excluded: &'a BTreeSet<String>,
}

/// What decides whether an object is looked at.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    namespace: String,
    uid: String,
    deletion_timestamp: Option<Value>,
    owner_references: Vec<Value>,
}

impl Pass<'_> {
    /// Judges everything again: whether everything could be looked at. What cannot be listed keeps the
    /// findings that it had, and `tell` is told why.
    pub(super) async fn run(
        &self,
        findings: &mut Findings,
        mut tell: impl FnMut(&AuditError),
    ) -> Result<bool, AuditError> {
        let kinds = kinds::served(self.client).await?;
        let mut is_whole = kinds.failed.is_empty();
        for (_, error) in &kinds.failed {
            tell(error);
        }
        let names: BTreeSet<_> = kinds.served.iter().map(Kind::name).collect();
        let is_unknown = |name: &str| {
            let group = name.split_once('.').map_or("", |(_, group)| group);
            kinds.failed.iter().any(|(failed, _)| *failed == group)
        };
        // A kind whose definition is gone has no objects any more.
        findings
            .0
            .retain(|name, _| names.contains(name) || is_unknown(name));
        findings.0.insert(String::new(), of_the_whole(self.engine));
        for kind in &kinds.served {
            match self.judge_all(kind).await {
                Ok(judged) => drop(findings.0.insert(kind.name(), judged)),
                Err(error) => {
                    tell(&error);
                    is_whole = false;
                }
            }
        }
        Ok(is_whole)
    }

    async fn judge_all(&self, kind: &Kind) -> Result<OfKind, AuditError> {
        let is_picked = is_picked(kind);
        let mut pages = Pages::of(self.client, kind);
        if is_picked {
            pages = pages.metadata();
        }
        let mut judged = OfKind::default();
        while let Some(text) = pages.next().await? {
            let mut picked = Vec::new();
            for raw in pages.read(&text)? {
                let head = self.head(kind, raw)?;
                match head {
                    Some(head) if is_picked => picked.push(head),
                    Some(head) => self.judge(kind, raw.get(), head, &mut judged)?,
                    None => {}
                }
                // Reviews are not to wait for a page of objects.
                tokio::task::yield_now().await;
            }
            drop(text);
            for head in picked {
                if let Some(text) = self.get(kind, &head).await? {
                    self.judge(kind, &text, head, &mut judged)?;
                }
            }
        }
        Ok(judged)
    }

    /// The metadata of an object that is looked at; `None` for one that is not.
    fn head(&self, kind: &Kind, raw: &RawValue) -> Result<Option<Metadata>, AuditError> {
        let head: Head = serde_json::from_str(raw.get())
            .map_err(|_| AuditError::unreadable(&Doing::List(&kind.name())))?;
        let metadata = head.metadata;
        let is_left = self.excluded.contains(&metadata.namespace)
            || metadata.deletion_timestamp.is_some()
            || (kind.kind == "ConfigMap" && !metadata.name.starts_with("istio"))
            || self.is_made(kind, &metadata);
        Ok((!is_left).then_some(metadata))
    }

    /// Whether a controller made the object and is judged in its stead.
    fn is_made(&self, kind: &Kind, metadata: &Metadata) -> bool {
        let Some(maker) = scope::maker_among(kind.kind, &metadata.owner_references) else {
            return false;
        };
        // Mirror pods: a node has them running already.
        maker["kind"] == "Node"
            || Object::all(maker)
                .iter()
                .any(|maker| self.engine.looks_at(maker))
    }

    /// One object as text; `None` where it has gone meanwhile.
    async fn get(&self, kind: &Kind, head: &Metadata) -> Result<Option<String>, AuditError> {
        let namespace = Some(head.namespace.as_str()).filter(|_| kind.is_namespaced);
        let path = format!("{}/{}", kind.path(namespace), head.name);
        let request = Request::get(path).body(Vec::new());
        let request = request.expect("a path of names");
        match self.client.request_text(request).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if super::error::code(&error) == Some(404) => Ok(None),
            Err(error) => Err(AuditError::api(&Doing::Get(&kind.name()), error)),
        }
    }

    fn judge(
        &self,
        kind: &Kind,
        text: &str,
        head: Metadata,
        judged: &mut OfKind,
    ) -> Result<(), AuditError> {
        let mut value: Value = serde_json::from_str(text)
            .map_err(|_| AuditError::unreadable(&Doing::List(&kind.name())))?;
        // The items of a list do not say it.
        value["apiVersion"] = kind.api_version.clone().into();
        value["kind"] = kind.kind.into();
        let subject = Arc::new(Subject {
            namespace: head.namespace,
            api_version: kind.api_version.clone(),
            kind: kind.kind.to_owned(),
            name: head.name,
            uid: head.uid,
        });
        judged.objects += 1;
        for object in Object::all(&value) {
            let report = self.engine.check(&object, self.mesh, Place::cluster());
            let webhook = &self.engine.policy().webhook;
            let counts = |finding: &&Finding| webhook.mode(&object, finding.rule) != Mode::Off;
            for finding in report.findings.iter().filter(counts) {
                judged.add(&subject, finding);
            }
            for suppressed in &report.suppressed {
                let why = suppressed.why.to_string();
                judged.add_ignored(&subject, &suppressed.finding, &why);
            }
            self.metrics.crashed(&report.crashed);
            tell_crashes(&report.crashed, &subject);
            judged.planes.extend(self.engine.plane(&object));
        }
        Ok(())
    }
}

/// What the rules say of no object, such as that the release table is stale.
fn of_the_whole(engine: &Engine) -> OfKind {
    let mut whole = OfKind::default();
    for found in engine.check_run() {
        let key = (found.rule, found.severity, String::new());
        whole.counts.insert(key, 1);
    }
    whole
}

/// Kinds of which nearly all objects are left alone: their metadata are listed, and the others read
/// one by one.
fn is_picked(kind: &Kind) -> bool {
    matches!(kind.kind, "ConfigMap" | "Pod" | "ReplicaSet")
}

fn tell_crashes(rules: &[&'static str], subject: &Subject) {
    if !rules.is_empty() {
        let Subject {
            namespace,
            kind,
            name,
            ..
        } = subject;
        tracing::error!(crashed = ?rules, kind, namespace, name, "rules broke down in the audit");
    }
}
