//! `check`: judges files, folders and standard input.

use std::collections::BTreeSet;
use std::path::Path;

use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::{Engine, Severity, yaml};

use super::governing::Governing;
use super::{CommandError, today};
use crate::args::{ChartName, CheckArgs, FixMode, Format};
use crate::judge::{FileReport, Judge};
use crate::known;
use crate::output::human::{Detail, Human, Printer, renderer};
use crate::output::json::{Collector, Json};
use crate::output::{Closing, Print, Render, Streams};
use crate::problem::Problem;
use crate::release_data;
use crate::report::{Demands, Tally, Verdict};
use crate::session::Session;
use crate::since::Since;
use crate::source::{Inputs, Origin};

use fixing::Fixing;

mod fixing;

/// Checks, and says how the run ends. `program` is how the program is called.
pub fn run(arguments: &CheckArgs, program: &str) -> Result<Verdict, CommandError> {
    run_since(arguments, None, program)
}

/// The same, with what is checked held against what was there before.
pub fn run_since(
    arguments: &CheckArgs,
    old: Option<&Path>,
    program: &str,
) -> Result<Verdict, CommandError> {
    refuse_two_streams(arguments, old)?;
    let policy = Governing::find(&arguments.policy, arguments.color)?;
    let engine = engine(arguments, policy.policy())?;
    let known = known::mesh(settings(arguments), arguments.mesh.as_deref())?;
    let inputs = Inputs::find(arguments.all_paths());
    let mut streams = streams(arguments, &inputs);
    let session = Session::new(&inputs.found, engine, options(arguments))
        .with_chart(arguments.chart.map(ChartName::chart));
    let mut mesh = session.learn(known.clone());
    let fixing = Fixing::new(arguments, &session, &streams).run(&mesh, &mut streams)?;
    if fixing.changed {
        mesh = session.learn(known);
    }

    let (render, mut print) = output(arguments, &streams, program);
    let mut tally = Tally::default();
    let mut fitted = BTreeSet::new();
    for unreadable in &inputs.unreadable {
        let report = FileReport::of(Problem::io(unreadable), &*render);
        tally += report.tally;
        print.file(report, &mut streams);
    }
    let since = old.map(|old| {
        Since::read(old, arguments.all_paths(), &session, &*render, |report| {
            tally += report.tally;
            print.file(report, &mut streams);
        })
    });
    let judge = Judge::new(&session, &mesh, &*render)
        .with_policy(policy.file.as_deref())
        .since(since.as_ref());
    judge.run(|mut report| {
        tally += report.tally;
        fitted.append(&mut report.policy_entries);
        print.file(report, &mut streams);
    });
    if let Some(file) = &policy.file {
        let report = judge.policy(file, &fitted);
        tally += report.tally;
        print.file(report, &mut streams);
    }
    let report = FileReport::of_run(&session.engine, &*render);
    tally += report.tally;
    print.file(report, &mut streams);
    let demands = demands(arguments);
    let closing = Closing {
        as_of: session.engine.as_of(),
        policy: policy.file,
        nearly_policy: policy.nearly,
        tally,
        demands,
        linked_folders: inputs.linked_folders.clone(),
        fixed: fixing.fixed,
        diff: fixing.diff,
    };
    print.finish(&closing, &mut streams);
    streams.finish().map_err(CommandError::Output)?;
    Ok(tally.verdict(demands))
}

fn refuse_two_streams(arguments: &CheckArgs, old: Option<&Path>) -> Result<(), CommandError> {
    let is_stdin = |path: &Path| path == Path::new("-");
    let new = arguments.all_paths().any(|path| is_stdin(path));
    if old.is_some_and(is_stdin) && new {
        return Err(CommandError::OneStdin);
    }
    Ok(())
}

/// Standard output belongs to the diff, and to the fixed stream where standard input is fixed.
fn streams(arguments: &CheckArgs, inputs: &Inputs) -> Streams {
    let stdin = inputs
        .found
        .iter()
        .any(|input| input.origin == Origin::Stdin);
    match (arguments.fix_mode(), arguments.output) {
        (FixMode::Apply(_), _) if stdin => Streams::aside(),
        (FixMode::Diff(_), Format::Human) => Streams::aside(),
        _ => Streams::new(),
    }
}

fn engine(arguments: &CheckArgs, policy: Policy) -> Result<Engine, CommandError> {
    let as_of = arguments.as_of.unwrap_or_else(today);
    let releases = release_data::load(&arguments.release_data)?;
    Ok(Engine::new(as_of, policy, releases))
}

fn options(arguments: &CheckArgs) -> yaml::Options {
    yaml::Options {
        plain: arguments.plain,
        ..yaml::Options::default()
    }
}

fn settings(arguments: &CheckArgs) -> Settings {
    Settings {
        kubernetes: arguments.kubernetes_version,
        istio: arguments.istio_version,
    }
}

fn demands(arguments: &CheckArgs) -> Demands {
    Demands {
        fail_on: arguments.fail_on,
        strict: arguments.strict,
        allow_empty: arguments.allow_empty,
    }
}

fn output(
    arguments: &CheckArgs,
    streams: &Streams,
    program: &str,
) -> (Box<dyn Render>, Box<dyn Print>) {
    if arguments.output == Format::Json {
        return (Box::new(Json), Box::<Collector>::default());
    }
    let human = Human {
        findings: renderer(streams.report.colored(arguments.color)),
        problems: renderer(streams.problems.colored(arguments.color)),
        lowest: lowest(arguments),
    };
    let printer = Printer::new(&human, detail(arguments), arguments.strict, program);
    (Box::new(human), Box::new(printer))
}

/// The lowest severity that people get to see. A diff speaks for itself.
fn lowest(arguments: &CheckArgs) -> Option<Severity> {
    match (arguments.fix_mode(), detail(arguments)) {
        (FixMode::Diff(_), _) => None,
        (_, Detail::Verbose) => Some(Severity::Info),
        (_, Detail::Usual | Detail::Quiet) => Some(Severity::Warning),
    }
}

fn detail(arguments: &CheckArgs) -> Detail {
    match (arguments.quiet, arguments.verbose) {
        (true, _) => Detail::Quiet,
        (false, true) => Detail::Verbose,
        (false, false) => Detail::Usual,
    }
}
