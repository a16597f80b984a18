//! The certificate: as it is stored, and as it is served.

use jiff::Timestamp;
use meshcheck_certs::Certificate;
use meshcheck_rules::Severity;

use super::while_away;
use crate::commands::doctor::diagnosis::{Notes, Problem};
use crate::commands::doctor::gather::base;
use crate::commands::doctor::snapshot::{Install, Served, Snapshot, Stored, StoredCertificate};
use crate::commands::doctor::trust::{Age, age, is_for};

/// What a certificate is held against.
struct Demand {
    now: Timestamp,
    /// Whom the API server calls.
    name: String,
    leads_to: &'static str,
    /// Has it made anew, where somebody knows how.
    renewal: Option<String>,
}

/// Of each Service, and of each URL.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for install in &snapshot.installs {
        let mut hooks = snapshot.hooks_to(install).peekable();
        if hooks.peek().is_none() {
            continue;
        }
        let demand = Demand {
            now: snapshot.now,
            name: format!("{}.{}.svc", install.name, install.namespace),
            leads_to: while_away(hooks.any(|hook| hook.fails_closed())),
            renewal: renewal(install),
        };
        stored(install, &demand, notes);
        for served in &install.served {
            self::served(served, &demand, notes);
        }
    }
    for served in &snapshot.urls {
        let mut hooks = snapshot.hooks().filter(|hook| hook.url().is_some());
        let demand = Demand {
            now: snapshot.now,
            name: base(&served.by).map_or_else(String::new, |(host, _)| host),
            leads_to: while_away(hooks.any(|hook| hook.fails_closed())),
            renewal: None,
        };
        self::served(served, &demand, notes);
    }
}

/// A Secret of the webhook's own is made anew once it is gone; that of cert-manager by cert-manager.
fn renewal(install: &Install) -> Option<String> {
    match &install.secret {
        Ok(Stored::Found(StoredCertificate { name, .. })) => Some(format!(
            "kubectl -n {} delete secret {name}",
            install.namespace
        )),
        _ => None,
    }
}

fn stored(install: &Install, demand: &Demand, notes: &mut Notes) {
    let namespace = &install.namespace;
    let has_deployment = install.deployments.iter().flatten().next().is_some();
    match &install.secret {
        Err(why) => notes.unknown(why),
        Ok(Stored::Unnamed) if !has_deployment => {}
        Ok(Stored::Unnamed) => {
            notes.skipped("the Deployment takes its certificate from no Secret that it names");
        }
        Ok(Stored::Missing { name, .. }) => {
            notes
                .error(format!("Secret {namespace}/{name}"), "does not exist")
                .leads_to(format!("nothing can be served: {}", demand.leads_to))
                .help("see what keeps the webhook, or whoever makes it, from making it")
                .command(install.logs());
        }
        Ok(Stored::Found(stored)) => found(namespace, stored, demand, notes),
    }
}

fn found(namespace: &str, stored: &StoredCertificate, demand: &Demand, notes: &mut Notes) {
    let place = format!("Secret {namespace}/{}", stored.name);
    match &stored.chain {
        Ok(chain) => judge(&place, chain, stored.is_managed, demand, notes),
        Err(why) => {
            let problem = notes.error(place, why.clone());
            problem.leads_to(format!("it cannot be served: {}", demand.leads_to));
            anew(problem, stored.is_managed, demand);
        }
    }
}

fn served(served: &Served, demand: &Demand, notes: &mut Notes) {
    match &served.chain {
        Ok(chain) => judge(&served.by, chain, false, demand, notes),
        Err(why) => notes.skipped(why.to_string()),
    }
}

fn judge(place: &str, chain: &[Certificate], is_managed: bool, demand: &Demand, notes: &mut Notes) {
    let Some(leaf) = chain.first() else {
        let problem = notes.error(place, "has no certificate");
        problem.leads_to(demand.leads_to);
        return;
    };
    let flaws = [untimely(leaf, demand.now), misnamed(leaf, &demand.name)];
    let mut flaws = flaws.into_iter().flatten().peekable();
    if flaws.peek().is_none() {
        let end = leaf.not_after();
        notes.fine(format!("{place}: for {}, to {end}", demand.name));
    }
    for (severity, message) in flaws {
        let leads_to = match severity {
            Severity::Error => "the API server does not take it",
            _ => "then the API server does not take it any more",
        };
        let problem = notes.problem(severity, place.to_owned(), message);
        problem.leads_to(format!("{leads_to}: {}", demand.leads_to));
        anew(problem, is_managed, demand);
    }
}

fn untimely(leaf: &Certificate, now: Timestamp) -> Option<(Severity, String)> {
    let (start, end) = (leaf.not_before(), leaf.not_after());
    match age(leaf, now) {
        Age::Good => None,
        Age::Ending => Some((
            Severity::Warning,
            format!("the certificate ends at {end}, and its renewal is overdue"),
        )),
        Age::Over => Some((Severity::Error, format!("the certificate ended at {end}"))),
        Age::Early => Some((
            Severity::Error,
            format!("the certificate is not valid before {start}"),
        )),
    }
}

fn misnamed(leaf: &Certificate, name: &str) -> Option<(Severity, String)> {
    if is_for(leaf, name) {
        return None;
    }
    let names = leaf.names().join(", ");
    let message = format!("the certificate is for {names}, and not for {name}");
    Some((Severity::Error, message))
}

/// How to get another one.
fn anew(problem: &mut Problem, is_managed: bool, demand: &Demand) {
    let help = if is_managed {
        "have the webhook make it anew"
    } else {
        "renew it with whatever keeps it; cert-manager makes it anew once the Secret is gone"
    };
    problem.help(help);
    problem.command.clone_from(&demand.renewal);
}
