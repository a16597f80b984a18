//! Log lines: JSON for machines, text for people. Never an object, and never what a rule says of one.

use std::io::{self, IsTerminal as _};
use std::time::Duration;
use std::{env, panic};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use lines::Lines;

pub use lines::LastLines;

mod lines;

/// How long lines are gathered, to be written together.
const GATHER: Duration = Duration::from_millis(20);

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// Reads `info` or `meshcheck_webhook=debug,info`.
pub fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    let mut text = text.to_owned();
    for part in QUIET {
        if !text.contains(part) {
            text = format!("{text},{part}=error");
        }
    }
    EnvFilter::builder().parse(text)
}

/// Parts of kube that are heard only where somebody names them. The first tells every refused attempt of a
/// watch, which is said here once, and what to do about it; the second shows answers that it cannot read,
/// with all that objects hold.
const QUIET: [&str; 2] = ["kube_runtime::watcher", "kube_client::client"];

/// Starts logging to standard error. The last lines are written when what it returns is dropped.
pub fn start(format: Format, filter: EnvFilter) -> LastLines {
    let (writer, last) = Lines::start(io::stderr(), GATHER);
    let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal() && !is_plain)
        .with_writer(writer);
    match format {
        Format::Human => lines.with_target(false).init(),
        Format::Json => lines.json().flatten_event(true).with_target(false).init(),
    }
    panic::set_hook(Box::new(|panic| {
        // The place alone: the payload may hold a piece of the object that was looked at.
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a defect of meshcheck: something broke down");
    }));
    last
}
