//! What could not be read.

use std::sync::Arc;

use meshcheck_rules::yaml::{self, Position, ProblemKind};
use serde::Serialize;

use crate::source::Unreadable;

/// An input, or a document of it, that could not be read or judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The input.
    pub file: Arc<str>,
    /// Index of the document, `None` where the whole file is meant.
    pub document: Option<usize>,
    /// From 1, where the place is known.
    pub line: Option<usize>,
    /// From 1, where the place is known.
    pub column: Option<usize>,
    /// Why.
    pub kind: Kind,
    /// Lower case, no full stop.
    pub message: String,
}

/// Why something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Broken YAML or JSON.
    Syntax,
    /// A template, to be rendered first.
    Template,
    /// Bytes that are no text.
    Encoding,
    /// The system would not give it.
    Io,
    /// Too deep, too large, too many aliases.
    Limit,
    /// A defect of this program.
    Internal,
}

impl Kind {
    /// As written in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Template => "template",
            Self::Encoding => "encoding",
            Self::Io => "io",
            Self::Limit => "limit",
            Self::Internal => "internal",
        }
    }
}

impl From<ProblemKind> for Kind {
    fn from(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Syntax => Self::Syntax,
            ProblemKind::Template => Self::Template,
            ProblemKind::Encoding => Self::Encoding,
            ProblemKind::Limit => Self::Limit,
        }
    }
}

impl Problem {
    /// What the reader said of a file.
    pub fn read(file: &Arc<str>, problem: &yaml::Problem) -> Self {
        Self {
            document: problem.document,
            line: problem.at.map(|at| at.line),
            column: problem.at.map(|at| at.column),
            ..Self::whole(file, problem.kind.into(), problem.message.clone())
        }
    }

    /// What the system said of a file.
    pub fn io(unreadable: &Unreadable) -> Self {
        Self::whole(&unreadable.name, Kind::Io, unreadable.to_string())
    }

    /// A defect of this program that a file brought to light.
    pub fn internal(file: &Arc<str>, document: Option<usize>, what: &str) -> Self {
        let message = format!("{what}: this is a defect of meshcheck, please report it");
        Self {
            document,
            ..Self::whole(file, Kind::Internal, message)
        }
    }

    fn whole(file: &Arc<str>, kind: Kind, message: String) -> Self {
        Self {
            file: Arc::clone(file),
            document: None,
            line: None,
            column: None,
            kind,
            message,
        }
    }

    /// Where, if that is known.
    pub fn position(&self) -> Option<Position> {
        let (line, column) = (self.line?, self.column?);
        Some(Position { line, column })
    }
}
