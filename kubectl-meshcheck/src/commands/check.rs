//! `check`: judges files, folders and standard input.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::{Engine, yaml};

use super::CommandError;
use crate::args::{CheckArgs, Format};
use crate::judge::{FileReport, Judge};
use crate::output::human::{Human, Look, Printer};
use crate::output::json::{Collector, Json};
use crate::output::{Closing, Print, Render, Streams};
use crate::problem::Problem;
use crate::report::{Demands, Tally, Verdict};
use crate::session::Session;
use crate::source::Inputs;

/// Checks, and says how the run ends. `program` is how the program is called.
pub fn run(arguments: &CheckArgs, program: &str) -> Result<Verdict, CommandError> {
    let inputs = Inputs::find(arguments.all_paths());
    let mut streams = Streams::new();
    let (render, mut print) = output(arguments, &streams, program);
    let session = Session::new(&inputs.found, engine(arguments), options(arguments));
    let mesh = session.learn(settings(arguments));

    let mut tally = Tally::default();
    for unreadable in &inputs.unreadable {
        let report = FileReport::of(Problem::io(unreadable), &*render);
        tally += report.tally;
        print.file(report, &mut streams);
    }
    Judge::new(&session, &mesh, &*render).run(|report| {
        tally += report.tally;
        print.file(report, &mut streams);
    });
    let demands = demands(arguments);
    let closing = Closing {
        as_of: session.engine.as_of(),
        tally,
        demands,
        linked_folders: inputs.linked_folders.len(),
        fixed: None,
        diff: None,
    };
    print.finish(&closing, &mut streams);
    streams.finish().map_err(CommandError::Output)?;
    Ok(tally.verdict(demands))
}

fn engine(arguments: &CheckArgs) -> Engine {
    let as_of = arguments.as_of.unwrap_or_else(today);
    Engine::new(as_of, Policy::default(), Releases::embedded())
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
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
    match arguments.output {
        Format::Json => (Box::new(Json), Box::<Collector>::default()),
        Format::Human => {
            let look = Look {
                color_findings: streams.report.colored(arguments.color),
                color_problems: streams.problems.colored(arguments.color),
                quiet: arguments.quiet,
                verbose: arguments.verbose,
                strict: arguments.strict,
            };
            (
                Box::new(Human::new(look)),
                Box::new(Printer::new(look, program)),
            )
        }
    }
}
