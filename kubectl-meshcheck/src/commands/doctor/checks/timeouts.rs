//! How long the API server waits.

use std::time::Duration;

use meshcheck_rules::Severity;
use meshcheck_rules::istio::duration::GoDuration;

use crate::commands::doctor::diagnosis::Notes;
use crate::commands::doctor::gather::{value, webhook_container};
use crate::commands::doctor::snapshot::{Hook, Snapshot, alike};

/// Of the API server, where nothing is said.
const DEFAULT: i32 = 10;
/// After which a leader that cannot write its Lease gives up.
const LEASE: i32 = 10;
/// Of the manifests.
const MUTATING: i32 = 2;
const VALIDATING: i32 = 3;
/// Of the server, where no argument says another.
const ANSWER: Duration = Duration::from_millis(800);

/// Each webhook.
pub(super) fn check(snapshot: &Snapshot, notes: &mut Notes) {
    for hook in alike(snapshot.hooks(), |hook| hook.webhook.timeout_seconds) {
        let seconds = hook.webhook.timeout_seconds.unwrap_or(DEFAULT);
        let most = if hook.mutates() { MUTATING } else { VALIDATING };
        if seconds > most {
            too_long(&hook, seconds, most, notes);
        } else {
            too_short(snapshot, &hook, seconds, most, notes);
        }
    }
}

fn too_long(hook: &Hook<'_>, seconds: i32, most: i32, notes: &mut Notes) {
    let severity = if seconds >= LEASE {
        Severity::Error
    } else {
        Severity::Warning
    };
    let message = match hook.webhook.timeout_seconds {
        Some(_) => format!("timeoutSeconds is {seconds}, above {most}"),
        None => format!("timeoutSeconds is not set, so {seconds}, above {most}"),
    };
    let leads_to = format!(
        "while the webhook hangs, each request that it is asked about takes {seconds} s more{}",
        if seconds >= LEASE {
            ", and controllers lose their leases"
        } else {
            ""
        }
    );
    notes
        .problem(severity, hook.place(), message)
        .leads_to(leads_to)
        .help(format!(
            "set it to {most}: the webhook answers in milliseconds"
        ))
        .command(hook.set("timeoutSeconds", &most.to_string()));
}

/// The server has to give up before the API server does, or nobody is told that it did.
fn too_short(snapshot: &Snapshot, hook: &Hook<'_>, seconds: i32, most: i32, notes: &mut Notes) {
    let waits = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let answer = answer_time(snapshot);
    if answer < waits {
        return notes.fine(format!("{}: {seconds} s", hook.place()));
    }
    notes
        .warning(
            hook.place(),
            format!("timeoutSeconds is {seconds}, and --request-timeout of the webhook {answer:?}"),
        )
        .leads_to("a review that takes long fails, and is not let pass with a warning")
        .help("give the webhook less time than the API server waits")
        .command(hook.set("timeoutSeconds", &most.to_string()));
}

/// The longest `--request-timeout`.
fn answer_time(snapshot: &Snapshot) -> Duration {
    let times = snapshot.deployments().filter_map(|deployment| {
        let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
        let arguments = webhook_container(pod)?.args.as_deref()?;
        let parsed = GoDuration::parse(value(arguments, "--request-timeout")?).ok()?;
        let nanoseconds = u64::try_from(parsed.nanoseconds()).ok()?;
        Some(Duration::from_nanos(nanoseconds))
    });
    times.max().unwrap_or(ANSWER)
}
