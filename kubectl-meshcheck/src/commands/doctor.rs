//! `doctor`: diagnoses the webhook that is installed in a cluster. Everything is read first; the checks
//! are pure functions of what was seen.

use tokio::runtime::Builder;

use super::CommandError;
use crate::args::{DoctorArgs, Format};
use crate::output::Stream;
use crate::report::{Demands, Verdict};

pub use connect::ClusterError;
use diagnosis::Diagnosis;
use snapshot::Snapshot;

mod checks;
mod connect;
mod diagnosis;
mod gather;
mod human;
mod json;
mod needs;
mod outcome;
mod rbac;
mod selection;
mod snapshot;
#[cfg(test)]
mod tests;
mod trust;

/// Prints what is right and what is wrong with the webhook.
pub fn run(arguments: &DoctorArgs) -> Result<Verdict, CommandError> {
    let snapshot = look(arguments)?;
    let diagnosis = Diagnosis::of(&snapshot);
    let mut out = Stream::stdout();
    match arguments.output {
        Format::Human => {
            let colored = out.colored(arguments.color);
            out.put(human::text(&snapshot, &diagnosis, colored));
        }
        Format::Json => out.put(json::text(&snapshot, &diagnosis)),
    }
    out.finish().map_err(CommandError::Output)?;
    let demands = Demands {
        fail_on: arguments.fail_on,
        strict: false,
        allow_empty: false,
    };
    Ok(diagnosis.tally().verdict(demands))
}

/// On this thread: the other commands need no runtime, and this one no other thread.
fn look(arguments: &DoctorArgs) -> Result<Snapshot, ClusterError> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(gather::snapshot(arguments))
}
