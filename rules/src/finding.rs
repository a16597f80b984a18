//! What a rule says: a [`Finding`] with its place and, where there is one, its [`Fix`].

use std::fmt::{self, Write as _};

use crate::mesh::Source;

pub use fix::{Applicability, Change, Fix, op};

mod fix;

/// How much a finding matters. `Error` denies an admission and fails a run, `Warning` is told to the
/// person, `Info` is shown on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know, or "this could not be judged".
    Info,
    /// Doubtful: told, never refused.
    Warning,
    /// Unsafe: refused.
    Error,
}

impl Severity {
    /// `error`, `warning` or `info`, as written in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A JSON pointer (RFC 6901): `/spec/template/spec/containers/0/args/5`. The empty pointer is the
/// whole document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(String);

impl Pointer {
    /// The pointer to the whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// The same with room for a text of so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// A pointer from its text form, `None` unless it is empty or starts with `/`.
    pub fn parse(text: &str) -> Option<Self> {
        (text.is_empty() || text.starts_with('/')).then(|| Self(text.to_owned()))
    }

    /// Appends one member name or index, escaping `~` and `/`.
    pub fn push(&mut self, token: &str) {
        self.0.push('/');
        if !token.contains(['~', '/']) {
            return self.0.push_str(token);
        }
        for c in token.chars() {
            match c {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                c => self.0.push(c),
            }
        }
    }

    /// Appends an index.
    pub(crate) fn push_index(&mut self, index: usize) {
        write!(self.0, "/{index}").expect("a string takes every write");
    }

    /// This pointer with one more token.
    #[must_use]
    pub fn join(&self, token: &str) -> Self {
        let mut longer = self.clone();
        longer.push(token);
        longer
    }

    /// Whether it points at what `outer` points at, or into it.
    pub fn is_within(&self, outer: &Self) -> bool {
        let rest = self.0.strip_prefix(&outer.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The unescaped tokens, outermost first.
    pub fn tokens(&self) -> impl Iterator<Item = String> {
        self.0
            .split('/')
            .skip(1)
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
    }

    /// The pointer one level up and the last token, `None` for the root.
    pub fn split_last(&self) -> Option<(Self, String)> {
        let (parent, last) = self.0.rsplit_once('/')?;
        Some((
            Self(parent.to_owned()),
            last.replace("~1", "/").replace("~0", "~"),
        ))
    }

    /// The RFC 6901 text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which part of the node at a pointer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Key and value (the value alone where there is no key).
    Whole,
    /// Only the key: used where something is missing below it, so that the mark is one word and not
    /// a block of forty lines.
    Key,
    /// Only the value.
    Value,
}

/// A place in an object, independent of any text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// From the root of the document (so with `/items/N` inside a `List`).
    pub pointer: Pointer,
    /// Which part of that node.
    pub part: Part,
    /// Where the node is a string that holds YAML or JSON: the place inside it.
    pub inner: Option<Pointer>,
}

impl Location {
    /// The place inside the string that stands here: `path` are the member names below its root.
    #[must_use]
    pub fn inside(self, path: &str) -> Self {
        let mut inner = Pointer::root();
        for name in path.split('.') {
            inner.push(name);
        }
        Self {
            inner: Some(inner),
            ..self
        }
    }
}

/// A second place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What is to be seen there.
    pub message: String,
    /// Where.
    pub at: RelatedPlace,
}

/// Where a [`Related`] note points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelatedPlace {
    /// In the object of the finding.
    Here(Location),
    /// At a fact that came from elsewhere: another document, an option, a watch.
    Fact(Source),
}

/// One thing that a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Id of the rule.
    pub rule: &'static str,
    /// After the policy's levels were applied.
    pub severity: Severity,
    /// Lower case, no full stop: names the field and its value, what is wrong, what it leads to.
    pub message: String,
    /// Where.
    pub at: Location,
    /// Further places that explain it.
    pub related: Vec<Related>,
    /// How to mend it, if the tool knows.
    pub fix: Option<Fix>,
    /// How bad it is among the findings of its rule: more is worse. `None` where the rule knows no
    /// degrees.
    pub extent: Option<i64>,
}

/// One thing that a rule found about a whole run: it has no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFinding {
    /// Id of the rule.
    pub rule: &'static str,
    /// After the policy's levels were applied.
    pub severity: Severity,
    /// Lower case, no full stop.
    pub message: String,
}
