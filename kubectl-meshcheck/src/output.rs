//! What people and programs get to see.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use meshcheck_rules::suppress::Why;
use meshcheck_rules::{Finding, RunFinding};

use crate::args::ColorChoice;
use crate::judge::FileReport;
use crate::policy::PolicyFile;
use crate::problem::Problem;
use crate::report::{Demands, Note, Shown, Tally};

pub mod facts;
pub mod human;
pub mod json;
pub mod text;

/// Turns one finding or problem into text. Asked from several threads.
pub trait Render: Sync {
    /// Whether the finding is to be shown at all; its place is worked out only then.
    fn shows(&self, finding: &Finding) -> bool;
    /// Whether findings that are left out are to be shown.
    fn shows_suppressed(&self) -> bool;
    /// A finding.
    fn finding(&self, shown: &Shown<'_>) -> String;
    /// A finding that is left out, why, and where that stands.
    fn suppressed(&self, shown: &Shown<'_>, why: &Why, at: &Note<'_>) -> String;
    /// A finding of the whole run, which has no place; `None` where it is not to be shown.
    fn run_finding(&self, finding: &RunFinding) -> Option<String>;
    /// A problem; `line` is the one that it stands in, where the file has that line.
    fn problem(&self, problem: &Problem, line: Option<&str>) -> String;
}

/// Puts the texts together. Asked in the order of the files.
pub trait Print {
    /// The report of one file.
    fn file(&mut self, report: FileReport, streams: &mut Streams);
    /// Everything has been said.
    fn finish(&mut self, closing: &Closing, streams: &mut Streams);
}

/// What stands at the end of a report.
#[derive(Debug)]
pub struct Closing {
    /// The date that was judged for.
    pub as_of: Date,
    /// The policy's file, where there is one.
    pub policy: Option<Arc<PolicyFile>>,
    /// A file that is nearly called as a policy, nearer than one.
    pub nearly_policy: Option<PathBuf>,
    /// Counts of the run.
    pub tally: Tally,
    /// What counts as a failure.
    pub demands: Demands,
    /// Links to folders that were not followed.
    pub linked_folders: Vec<Arc<str>>,
    /// Findings that were mended, where that was asked for.
    pub fixed: Option<usize>,
    /// The unified diff, where that was asked for.
    pub diff: Option<String>,
}

/// Where a run writes to.
pub struct Streams {
    /// Findings.
    pub report: Stream,
    /// Problems.
    pub problems: Stream,
}

/// Standard output or standard error.
pub struct Stream {
    writer: Box<dyn Write>,
    failed: Option<io::Error>,
    terminal: bool,
}

impl Stream {
    /// Standard output.
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        Self::new(io::stdout(), terminal)
    }

    /// Standard error.
    pub fn stderr() -> Self {
        let terminal = io::stderr().is_terminal();
        Self::new(io::stderr(), terminal)
    }

    fn new(writer: impl Write + 'static, terminal: bool) -> Self {
        Self {
            writer: Box::new(BufWriter::with_capacity(1 << 16, writer)),
            failed: None,
            terminal,
        }
    }

    /// Writes; after a failure nothing more, so that the run still ends with its own verdict.
    pub fn put(&mut self, text: impl AsRef<[u8]>) {
        if self.failed.is_none() {
            self.failed = self.writer.write_all(text.as_ref()).err();
        }
    }

    /// Hands over what was written so far.
    pub fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.writer.flush().err();
        }
    }

    /// Whether all could be written. A reader who left early (`| head`) has what it wanted.
    pub fn finish(&mut self) -> io::Result<()> {
        self.flush();
        match self.failed.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether to colour what goes here.
    pub fn colored(&self, choice: ColorChoice) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => self.terminal && !plain_wanted(),
        }
    }
}

impl Streams {
    /// Findings to standard output, problems to standard error.
    pub fn new() -> Self {
        Self {
            report: Stream::stdout(),
            problems: Stream::stderr(),
        }
    }

    /// Everything to standard error: standard output is for a fixed stream or a diff.
    pub fn aside() -> Self {
        Self {
            report: Stream::stderr(),
            problems: Stream::stderr(),
        }
    }

    /// Whether all could be written.
    pub fn finish(&mut self) -> io::Result<()> {
        self.report.finish().and(self.problems.finish())
    }

    /// Lets a terminal show both in the order in which they were written.
    pub fn flush(&mut self) {
        self.report.flush();
        self.problems.flush();
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self::new()
    }
}

fn plain_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The line around a byte of a text, without its line end.
pub fn line_at(text: &str, byte: usize) -> Range<usize> {
    let byte = byte.min(text.len());
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[..byte]).map_or(0, |at| at + 1);
    let end = memchr::memchr(b'\n', &bytes[byte..]).map_or(bytes.len(), |at| byte + at);
    let end = if end > start && bytes[end - 1] == b'\r' {
        end - 1
    } else {
        end
    };
    start..end
}

/// `1 error`, `2 errors`, `no errors`.
pub fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_before_their_line_end() {
        let text = "a: 1\r\nb: 2\n\nc";
        assert_eq!(&text[line_at(text, 2)], "a: 1");
        assert_eq!(&text[line_at(text, 6)], "b: 2");
        assert_eq!(&text[line_at(text, 11)], "");
        assert_eq!(&text[line_at(text, 99)], "c");
    }
}
