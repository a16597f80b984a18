//! That the API server trusts what is served.

use meshcheck_certs::Certificate;

use super::while_away;
use crate::commands::doctor::diagnosis::{Notes, Problem};
use crate::commands::doctor::gather::base;
use crate::commands::doctor::snapshot::{Hook, Install, Snapshot, Stored, alike};
use crate::commands::doctor::trust::{Age, age, anchor};

/// Each webhook.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    let common = |hook: &Hook<'_>| {
        let to = (hook.service().cloned(), hook.url().and_then(base));
        (hook.ca_bundle().to_vec(), to, hook.fails_closed())
    };
    for hook in alike(snapshot.hooks(), common) {
        let bundle = hook.ca_bundle();
        if bundle.is_empty() {
            empty(snapshot, &hook, notes);
            continue;
        }
        match Certificate::all_from_pem(bundle) {
            Ok(bundle) if !bundle.is_empty() => trusts(snapshot, &hook, &bundle, notes),
            Ok(_) => wrong(snapshot, &hook, "`caBundle` holds no certificate", notes),
            Err(error) => {
                let message = format!("`caBundle` cannot be read: {error}");
                wrong(snapshot, &hook, &message, notes);
            }
        }
    }
}

fn empty(snapshot: &Snapshot, hook: &Hook<'_>, notes: &mut Notes) {
    if hook.url().is_some() {
        let text = format!(
            "{}: no `caBundle`, so the system's authorities",
            hook.place()
        );
        return notes.skipped(text);
    }
    wrong(snapshot, hook, "has no `caBundle`", notes);
}

fn wrong(snapshot: &Snapshot, hook: &Hook<'_>, message: &str, notes: &mut Notes) {
    let problem = notes.error(hook.place(), message);
    problem.leads_to(format!(
        "the API server trusts nobody there: {}",
        while_away(hook.fails_closed())
    ));
    repair(snapshot, hook, problem);
}

/// Who writes it, and how to make him.
fn repair(snapshot: &Snapshot, hook: &Hook<'_>, problem: &mut Problem) {
    let injected = hook.configuration.metadata.annotations.iter().flatten();
    let injected = { injected }.any(|(key, _)| key.starts_with("cert-manager.io/inject-"));
    let install = snapshot.install(hook);
    let keeps_its_own = |install: &Install| install.secret.as_ref().is_ok_and(Stored::is_managed);
    let is_managed = install.is_some_and(keeps_its_own);
    match (injected, install) {
        (true, _) => problem
            .help("cert-manager writes it: see whether its cainjector runs, and what it says")
            .command("kubectl -n cert-manager logs deployment/cert-manager-cainjector --tail=20"),
        (false, Some(install)) if is_managed => problem
            .help("the webhook writes it, within a minute, where it may: see what it says")
            .command(install.logs()),
        _ => problem.help("set it to the authority that signed the certificate, in PEM"),
    };
}

fn trusts(snapshot: &Snapshot, hook: &Hook<'_>, bundle: &[Certificate], notes: &mut Notes) {
    let valid: Vec<_> = bundle
        .iter()
        .filter(|one| one.is_valid_at(snapshot.now))
        .cloned()
        .collect();
    if valid.is_empty() {
        return wrong(
            snapshot,
            hook,
            "every certificate of `caBundle` has ended",
            notes,
        );
    }
    let shown = shown(snapshot, hook);
    if shown.is_empty() {
        let place = hook.place();
        return notes.skipped(format!(
            "{place}: no certificate to hold `caBundle` against"
        ));
    }
    for (place, chain) in &shown {
        match anchor(chain, &valid) {
            None => {
                let message =
                    format!("`caBundle` holds no authority of the certificate of {place}");
                wrong(snapshot, hook, &message, notes);
            }
            Some(authority) => {
                if age(authority, snapshot.now) == Age::Ending {
                    ending(snapshot, hook, authority, notes);
                }
            }
        }
    }
    if notes.is_clean() {
        notes.fine(format!(
            "{}: holds the authority of what is served",
            hook.place()
        ));
    }
}

fn ending(snapshot: &Snapshot, hook: &Hook<'_>, authority: &Certificate, notes: &mut Notes) {
    let message = format!(
        "the authority in `caBundle` ends at {}",
        authority.not_after()
    );
    let problem = notes.warning(hook.place(), message);
    problem.leads_to(format!("from then on, {}", while_away(hook.fails_closed())));
    repair(snapshot, hook, problem);
}

/// The certificates that a caller of this webhook may be shown.
fn shown<'s>(snapshot: &'s Snapshot, hook: &Hook<'_>) -> Vec<(String, &'s [Certificate])> {
    let mut shown = Vec::new();
    if let Some(install) = snapshot.install(hook) {
        if let Ok(Stored::Found(stored)) = &install.secret
            && let Ok(chain) = &stored.chain
        {
            let place = format!("Secret {}/{}", install.namespace, stored.name);
            shown.push((place, chain.as_slice()));
        }
        let served = install.served.iter();
        let seen = served.filter_map(|one| Some((one.by.clone(), one.chain.as_deref().ok()?)));
        shown.extend(seen);
    }
    for served in &snapshot.urls {
        let is_it = hook.url().and_then(base) == base(&served.by);
        if let (true, Ok(chain)) = (is_it, &served.chain) {
            shown.push((served.by.clone(), chain.as_slice()));
        }
    }
    shown
}
