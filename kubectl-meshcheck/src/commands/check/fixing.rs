//! `--fix`, `--unsafe-fixes` and `--diff`.

use std::collections::BTreeMap;

use annotate_snippets::{Level, Origin as Place, Renderer, normalize_untrusted_str};
use json_patch::Patch;
use meshcheck_rules::yaml::Position;
use meshcheck_rules::{Applicability, Mesh};

use super::detail;
use crate::args::{CheckArgs, FixMode, Format};
use crate::commands::CommandError;
use crate::diff::unified_diff;
use crate::mend::{Mender, Mending, Refused};
use crate::output::human::{Detail, renderer};
use crate::output::{Stream, Streams, counted};
use crate::replace::{end_between_files, replace};
use crate::session::Session;
use crate::source::{Input, Origin, for_people};

/// Mends the inputs of a run, or shows how it would.
pub(super) struct Fixing<'s> {
    mode: FixMode,
    session: &'s Session<'s>,
    format: Format,
    quiet: bool,
    warnings: Renderer,
}

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Findings that were mended; `None` where nothing was to be changed.
    pub(super) fixed: Option<usize>,
    /// The diff for a report that holds it; otherwise it has been printed.
    pub(super) diff: Option<String>,
    /// Whether an input is another one now.
    pub(super) changed: bool,
}

impl<'s> Fixing<'s> {
    pub(super) fn new(arguments: &CheckArgs, session: &'s Session<'s>, streams: &Streams) -> Self {
        Self {
            mode: arguments.fix_mode(),
            session,
            format: arguments.output,
            quiet: detail(arguments) == Detail::Quiet,
            warnings: renderer(streams.problems.colored(arguments.color)),
        }
    }

    pub(super) fn run(&self, mesh: &Mesh, streams: &mut Streams) -> Result<Outcome, CommandError> {
        match self.mode {
            FixMode::Report => Ok(Outcome::default()),
            FixMode::Diff(grade) => self.diff(&self.mender(mesh, grade), streams),
            FixMode::Apply(grade) => self.apply(&self.mender(mesh, grade), streams),
        }
    }

    fn mender<'m>(&'m self, mesh: &'m Mesh, grade: Applicability) -> Mender<'m> {
        Mender {
            session: self.session,
            mesh,
            grade,
        }
    }

    fn diff(&self, mender: &Mender<'_>, streams: &mut Streams) -> Result<Outcome, CommandError> {
        let mut diff = String::new();
        mender.run(|mending| {
            let name = diff_name(self.input(&mending));
            diff += &unified_diff(name, &mending.old_text, &mending.new_text);
            self.tell_refused(&mending, streams);
        });
        if self.format == Format::Json {
            return Ok(Outcome {
                diff: Some(diff),
                ..Outcome::default()
            });
        }
        print(diff.as_bytes())?;
        Ok(Outcome::default())
    }

    fn apply(&self, mender: &Mender<'_>, streams: &mut Streams) -> Result<Outcome, CommandError> {
        end_between_files();
        let mut fixed = 0;
        let mut changed = false;
        mender.run(|mut mending| {
            if mending.changes() {
                changed |= self.write(&mut mending);
            }
            fixed += mending.fixed.len();
            self.tell_fixed(&mending, streams);
            self.tell_refused(&mending, streams);
        });
        self.pass_on()?;
        Ok(Outcome {
            fixed: Some(fixed),
            diff: None,
            changed,
        })
    }

    /// Whether it could be written; if not, its fixes become refusals.
    fn write(&self, mending: &mut Mending) -> bool {
        let after = mending.after();
        match &self.input(mending).origin {
            Origin::Stdin => self.session.texts.set(mending.index, after),
            Origin::Pipe(_) => {
                mending.refuse("this is no regular file");
                return false;
            }
            Origin::File(path) => {
                if let Err(error) = replace(path, &mending.before, &after) {
                    mending.refuse(&error.to_string());
                    return false;
                }
                self.session.texts.forget(mending.index);
            }
        }
        true
    }

    /// Standard input goes to standard output, mended or not: something waits for it there.
    fn pass_on(&self) -> Result<(), CommandError> {
        let inputs = self.session.inputs;
        let Some(index) = inputs
            .iter()
            .position(|input| input.origin == Origin::Stdin)
        else {
            return Ok(());
        };
        match self.session.texts.get(index) {
            // Of what is too large only the start was read: half a stream is worse than none.
            Ok(bytes) if bytes.len() <= self.session.options.limits.bytes => print(&bytes),
            _ => Ok(()), // the judge reports it
        }
    }

    fn input(&self, mending: &Mending) -> &'s Input {
        &self.session.inputs[mending.index]
    }

    fn tell_fixed(&self, mending: &Mending, streams: &mut Streams) {
        if self.quiet || mending.fixed.is_empty() {
            return;
        }
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for fixed in &mending.fixed {
            *rules.entry(fixed.rule).or_default() += 1;
        }
        let rules: Vec<String> = rules
            .into_iter()
            .map(|(rule, count)| match count {
                1 => rule.to_owned(),
                _ => format!("{rule} ({count})"),
            })
            .collect();
        let line = format!(
            "fixed {} in {}: {}\n",
            counted(mending.fixed.len(), "finding"),
            for_people(&self.input(mending).name),
            rules.join(", "),
        );
        match self.format {
            Format::Human => streams.report.put(line),
            Format::Json => streams.problems.put(line),
        }
    }

    fn tell_refused(&self, mending: &Mending, streams: &mut Streams) {
        streams.report.flush();
        let places = mending.places(&self.session.options);
        for (refused, at) in mending.refused.iter().zip(places) {
            let name = for_people(&self.input(mending).name);
            streams.problems.put(self.refusal(refused, name, at));
        }
        streams.problems.flush();
    }

    fn refusal(&self, refused: &Refused, name: String, at: Option<Position>) -> String {
        let Refused { fix, reason } = refused;
        let mut place = Place::path(name);
        if let Some(at) = at {
            place = place.line(at.line).char_column(at.column);
        }
        let patch = normalize_untrusted_str(&lines(&fix.patch));
        let group = Level::WARNING
            .primary_title(format!("not fixed: {reason}"))
            .id(fix.rule)
            .element(place)
            .element(Level::NOTE.with_name("patch").message(patch));
        format!("{}\n\n", self.warnings.render(&[group]))
    }
}

/// A JSON Patch, one operation a line.
fn lines(patch: &Patch) -> String {
    let operations: Vec<String> = patch.0.iter().map(ToString::to_string).collect();
    format!("[{}]", operations.join(",\n "))
}

/// As `git apply` wants it: without a leading slash.
fn diff_name(input: &Input) -> &str {
    match input.origin {
        Origin::Stdin => "stdin",
        _ => input.place.trim_start_matches('/'),
    }
}

fn print(bytes: &[u8]) -> Result<(), CommandError> {
    let mut out = Stream::stdout();
    out.put(bytes);
    out.finish().map_err(CommandError::Output)
}
