//! The kubectl plugin: the rules of `meshcheck-rules` on files, folders and standard input, with
//! exact places, and fixes that keep comments and layout.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches;

use args::{Cli, Command};
use report::Verdict;

pub mod args;
pub mod commands;
pub mod diff;
pub mod judge;
pub mod known;
pub mod mend;
pub mod output;
pub mod parallel;
pub mod policy;
pub mod problem;
pub mod release_data;
pub mod replace;
pub mod report;
pub mod session;
pub mod since;
pub mod source;

/// Runs the program with these arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = arguments.first().map(|name| name.to_string_lossy());
    let command = args::command(program.as_deref().unwrap_or_default());
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told where even this cannot be printed.
            let _ = error.print();
            return code(u8::try_from(error.exit_code()).unwrap_or(Verdict::Usage as u8));
        }
    };
    let outcome = match cli.command {
        None => commands::check::run(&cli.check, &name),
        Some(Command::Check(arguments)) => commands::check::run(&arguments, &name),
        Some(Command::Compare(arguments)) => {
            commands::check::run_since(&arguments.check, Some(&arguments.old), &name)
        }
        Some(Command::Rules(arguments)) => commands::rules::run(&arguments),
        Some(Command::Explain(arguments)) => commands::explain::run(&arguments, &name),
        Some(Command::Schema(arguments)) => commands::schema::run(&arguments),
        Some(Command::Releases(arguments)) => commands::releases::run(&arguments),
        Some(Command::UpgradePath(arguments)) => commands::upgrade_path::run(&arguments),
        Some(Command::Mesh(arguments)) => commands::mesh::run(&arguments),
        Some(Command::Doctor(arguments)) => commands::doctor::run(&arguments),
    };
    match outcome {
        Ok(verdict) => code(verdict as u8),
        Err(error) => {
            let mut problems = output::Stream::stderr();
            problems.put(format!("error: {error:#}\n"));
            let _ = problems.finish();
            code(Verdict::Usage as u8)
        }
    }
}

fn code(code: u8) -> ExitCode {
    ExitCode::from(code)
}
