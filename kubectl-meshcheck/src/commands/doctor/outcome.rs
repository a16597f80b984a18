//! What the answer to a tried object says about a webhook.

use serde_json::Value;

use super::snapshot::{Counts, MUTATE, Tried, VALIDATE};

/// The beginnings of what our webhooks warn of, where a policy lets them do no more.
const ADVISED: &str = "meshcheck advises";
const WARNED: &str = "meshcheck version-unsupported: ";
const UNCHECKED: &str = "meshcheck did not check this: ";

/// Whether a webhook was reached, and did what it is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It patched, or refused.
    Works,
    /// It warned, and did no more: a policy says so.
    Warned,
    /// It was asked, and did not: a policy may say so.
    Idle,
    /// It answered, and could not look at the object in its time.
    Unchecked(String),
    /// The API server asked and got no answer; its reason, where it tells one.
    Unreached(Option<String>),
    /// Nothing tells whether it was asked.
    Silent,
    /// The other webhook failed before this one's work could be seen.
    Hidden,
    /// Somebody else refused the object.
    Elsewhere(String),
}

impl Outcome {
    /// Of the object that must be patched.
    pub(super) fn of_patch(tried: &Tried) -> Self {
        match tried.status {
            200..300 if is_mended(tried) => Self::Works,
            200..300 => Self::passed(tried, ADVISED),
            // What was mended is accepted: this was not.
            _ if is_denied(&tried.message, VALIDATE) => Self::passed(tried, ADVISED),
            _ => Self::failed(&tried.message, MUTATE),
        }
    }

    /// Of the object that must be refused.
    pub(super) fn of_refusal(tried: &Tried) -> Self {
        match tried.status {
            200..300 => Self::passed(tried, WARNED),
            _ if is_denied(&tried.message, VALIDATE) => Self::Works,
            _ => Self::failed(&tried.message, VALIDATE),
        }
    }

    /// Of an object that nothing was done about but to warn of it, if even that.
    fn passed(tried: &Tried, told: &str) -> Self {
        let begins = |start: &str| tried.warnings.iter().find(|text| text.starts_with(start));
        if let Some(text) = begins(UNCHECKED) {
            return Self::Unchecked(text.clone());
        }
        match begins(told) {
            Some(_) => Self::Warned,
            None => Self::counted(tried.counts),
        }
    }

    /// Where only what the API server counted tells.
    fn counted(counts: Option<Counts>) -> Self {
        match counts {
            Some(counts) if counts.failed_open > 0 => Self::Unreached(None),
            Some(counts) if counts.answered > 0 => Self::Idle,
            _ => Self::Silent,
        }
    }

    fn failed(message: &str, webhook: &str) -> Self {
        match message.split_once(&failing(webhook)) {
            Some((_, why)) => Self::Unreached(Some(reason(why).to_owned())),
            None if is_ours_failing(message) => Self::Hidden,
            None => Self::Elsewhere(message.to_owned()),
        }
    }

    /// Whether the API server got an answer of the webhook.
    pub(super) fn is_reached(&self) -> bool {
        matches!(self, Self::Works | Self::Warned | Self::Idle)
    }
}

/// Defaults that the API server sets change much of a spec; the arguments say who changed it.
fn is_mended(tried: &Tried) -> bool {
    arguments(&tried.stored) != arguments(&tried.sent)
}

/// Of the one container of a Deployment or a Pod.
fn arguments(object: &Value) -> Option<&Value> {
    let spec = &object["spec"];
    let pod = spec.pointer("/template/spec").unwrap_or(spec);
    pod.pointer("/containers/0/args")
}

/// How the API server puts that a webhook gave no answer, and what comes before its reason.
fn failing(webhook: &str) -> String {
    format!("failed calling webhook \"{webhook}\": ")
}

fn is_ours_failing(message: &str) -> bool {
    [MUTATE, VALIDATE]
        .iter()
        .any(|webhook| message.contains(&failing(webhook)))
}

fn is_denied(message: &str, webhook: &str) -> bool {
    message.contains(&format!(
        "admission webhook \"{webhook}\" denied the request"
    ))
}

/// Without what everybody knows: `failed to call webhook: Post "URL": `.
fn reason(why: &str) -> &str {
    let why = why.strip_prefix("failed to call webhook: ").unwrap_or(why);
    let after = why
        .strip_prefix("Post \"")
        .and_then(|rest| rest.split_once("\": "));
    after.map_or(why, |(_, reason)| reason)
}
