//! `mesh`: records what is known about a mesh.

use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::{Engine, yaml};

use super::{CommandError, today};
use crate::args::{ColorChoice, Format, MeshArgs};
use crate::judge::{FileReport, Judge};
use crate::known;
use crate::output::human::{Human, renderer};
use crate::output::{Streams, counted};
use crate::problem::{Kind, Problem};
use crate::report::{Tally, Verdict};
use crate::session::Session;
use crate::source::Inputs;

mod summary;

/// Records, and says how the run ends.
pub fn run(arguments: &MeshArgs) -> Result<Verdict, CommandError> {
    let settings = Settings {
        kubernetes: arguments.kubernetes_version,
        istio: arguments.istio_version,
    };
    let known = known::mesh(settings, arguments.mesh.as_deref())?;
    let inputs = Inputs::find(arguments.all_paths());
    // No rule runs: the judge reads everything and says what cannot be read.
    let engine = Engine::new(today(), Policy::default(), Releases::embedded());
    let engine = engine.with_rules(Vec::new());
    let session = Session::new(&inputs.found, engine, yaml::Options::default());
    let mesh = session.learn(known);

    let mut streams = Streams::new();
    let tally = tell_problems(&session, &inputs, &mesh, &mut streams);
    let facts = mesh.facts();
    match arguments.output {
        Format::Human => streams.report.put(summary::of(&facts)),
        Format::Json => {
            streams.report.put(mesh.record());
            if !arguments.quiet {
                streams.problems.put(summary::of(&facts));
            }
        }
    }
    streams.finish().map_err(CommandError::Output)?;
    Ok(match tally.unread {
        0 if facts.is_empty() && !arguments.allow_empty => Verdict::Nothing,
        0 => Verdict::Clean,
        _ => Verdict::Unread,
    })
}

fn tell_problems(
    session: &Session<'_>,
    inputs: &Inputs,
    mesh: &meshcheck_rules::Mesh,
    streams: &mut Streams,
) -> Tally {
    let plain = renderer(streams.problems.colored(ColorChoice::Auto));
    let render = Human {
        findings: plain.clone(),
        problems: plain,
        lowest: None,
    };
    let mut tally = Tally::default();
    let mut tell = |report: FileReport| {
        tally += report.tally;
        for (problem, text) in &report.problems {
            if problem.kind != Kind::Template {
                streams.problems.put(text);
            }
        }
    };
    for unreadable in &inputs.unreadable {
        tell(FileReport::of(Problem::io(unreadable), &render));
    }
    Judge::new(session, mesh, &render).run(tell);
    if tally.templates > 0 {
        let templates = counted(tally.templates, "template");
        let text = format!("note: {templates} could not be read: render first\n\n");
        streams.problems.put(text);
    }
    tally
}
