//! Reading a release table, and saying what is wrong with it and where.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::Releases;
use crate::finding::{Location, Part, Pointer};
use crate::istio::version::{KubernetesVersion, Minor, Version};
use crate::yaml::{Options, Position, Stream};

/// Why a release table could not be used.
#[derive(Debug, thiserror::Error)]
#[error("line {}, column {}: {}", .at.line, .at.column, .what)]
pub struct ReleasesError {
    /// Where it stands.
    pub at: Position,
    /// Row, field and what was expected; or what of the JSON is broken.
    pub what: String,
}

/// A row that does not fit the others.
#[derive(Debug)]
pub(super) struct Contradiction {
    /// The place in the table.
    pub(super) pointer: Pointer,
    /// What is wrong, without the row's name.
    pub(super) what: String,
}

impl Releases {
    /// Reads a table and checks that its rows fit together.
    pub fn parse(text: &str) -> Result<Self, ReleasesError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let table: Self = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| invalid(text, &error))?;
        deserializer.end().map_err(|error| broken(&error))?;
        match table.contradiction() {
            None => Ok(table),
            Some(found) => Err(inconsistent(text, &found)),
        }
    }
}

fn broken(error: &serde_json::Error) -> ReleasesError {
    ReleasesError {
        at: position(error),
        what: format!("the file is no JSON: {}", without_place(error)),
    }
}

fn invalid(text: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> ReleasesError {
    let inner = error.inner();
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return broken(inner);
    };
    let pointer = pointer_of(error.path());
    ReleasesError {
        at: place(text, &pointer).unwrap_or_else(|| position(inner)),
        what: named(&document, &pointer, &without_place(inner)),
    }
}

fn inconsistent(text: &str, found: &Contradiction) -> ReleasesError {
    let document = serde_json::from_str(text).unwrap_or_default();
    ReleasesError {
        at: place(text, &found.pointer).unwrap_or(Position { line: 1, column: 1 }),
        what: named(&document, &found.pointer, &found.what),
    }
}

fn position(error: &serde_json::Error) -> Position {
    Position {
        line: error.line(),
        column: error.column().max(1),
    }
}

/// What `serde_json` says, without its "at line 1 column 2", which stands in front of ours.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

/// Where a node of the table is written: the same reader that finds places in manifests knows.
fn place(text: &str, pointer: &Pointer) -> Option<Position> {
    let options = Options::default();
    let stream = Stream::read(text.as_bytes(), &options);
    let document = stream.documents.first()?;
    let at = Location {
        pointer: pointer.clone(),
        part: Part::Value,
        inner: None,
    };
    let spans = document.spans(&stream.text, &options);
    Some(spans.locate(&at).span.start)
}

fn pointer_of(path: &Path) -> Pointer {
    let mut pointer = Pointer::root();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push(&index.to_string()),
            Segment::Map { key } => pointer.push(key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// `` release 1.30, patch 1.30.5, `released`: expected a date ``.
fn named(document: &Value, pointer: &Pointer, what: &str) -> String {
    let mut names = Vec::new();
    let mut fields: Vec<String> = Vec::new();
    let mut list = String::new();
    let mut node = Some(document);
    for token in pointer.tokens() {
        node = node.and_then(|node| match node {
            Value::Array(items) => items.get(token.parse::<usize>().ok()?),
            node => node.get(&token),
        });
        match (row_kind(&list), token.parse::<usize>()) {
            (Some((kind, key)), Ok(index)) => {
                fields.clear();
                let name = node.and_then(|row| row.get(key)).and_then(Value::as_str);
                names.push(match name {
                    Some(name) => format!("{kind} {name}"),
                    None => format!("{kind} number {}", index + 1),
                });
            }
            _ => fields.push(token.clone()),
        }
        list = token;
    }
    let mut text = names.join(", ");
    if !fields.is_empty() {
        let separator = if text.is_empty() { "" } else { ", " };
        text = format!("{text}{separator}`{}`", fields.join("."));
    }
    let separator = if text.is_empty() { "" } else { ": " };
    format!("{text}{separator}{what}")
}

/// What a row of a list is called, and its member that names it.
fn row_kind(list: &str) -> Option<(&'static str, &'static str)> {
    let kind = match list {
        "releases" => ("release", "minor"),
        "patches" => ("patch", "version"),
        "bulletins" => ("bulletin", "id"),
        "fixesWithoutBulletin" => ("fix", "id"),
        "withdrawn" => ("withdrawn build", "version"),
        "removedKubernetesApis" => ("removed API", "api"),
        "retirements" => ("retirement", "name"),
        "registries" => ("registry", "prefix"),
        _ => return None,
    };
    Some(kind)
}

/// `1`, the only format there is.
#[derive(Clone, Debug)]
pub(super) struct FormatOne;

impl<'de> Deserialize<'de> for FormatOne {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Self),
            other => Err(de::Error::custom(format!(
                "format {other} is not known to this build, only 1"
            ))),
        }
    }
}

/// Reads a text with `parse`, and says what it should have been.
fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Option<T>,
    expected: impl fmt::Display,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| de::Error::custom(format!("expected {expected}, found {text:?}")))
}

fn read_date(text: &str) -> Option<Date> {
    let is_plain = text.len() == "YYYY-MM-DD".len();
    text.parse().ok().filter(|_| is_plain)
}

const A_DATE: &str = "a date such as 2026-12-31";
const A_MINOR: &str = "a minor such as 1.31";
const A_VERSION: &str = "a version such as 1.31.1";

pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    text(deserializer, read_date, A_DATE)
}

pub(super) fn dates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Date>, D::Error> {
    let read = |text: String| {
        let date = read_date(&text);
        date.ok_or_else(|| de::Error::custom(format!("expected {A_DATE}, found {text:?}")))
    };
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.into_iter().map(read).collect()
}

pub(super) fn minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Minor, D::Error> {
    text(deserializer, Minor::parse, A_MINOR)
}

pub(super) fn minor_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Minor>, D::Error> {
    minor(deserializer).map(Some)
}

pub(super) fn kubernetes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<KubernetesVersion, D::Error> {
    minor(deserializer).map(KubernetesVersion)
}

/// A version with its patch.
pub(super) fn full_version(text: &str) -> Result<Version, String> {
    let version = Version::parse(text).filter(|version| version.patch.is_some());
    version
        .filter(|_| !text.starts_with('v'))
        .ok_or_else(|| format!("expected {A_VERSION}, found {text:?}"))
}

pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    text(deserializer, |text| full_version(text).ok(), A_VERSION)
}

pub(super) fn versions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Version>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: String| full_version(&text).map_err(de::Error::custom);
    texts.into_iter().map(read).collect()
}

/// Every row says where it comes from.
pub(super) fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let filled = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
    text(deserializer, filled, "who says it")
}

pub(super) fn cvss<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let score = f64::deserialize(deserializer)?;
    if (0.0..=10.0).contains(&score) {
        Ok(Some(score))
    } else {
        Err(de::Error::custom(format!(
            "expected a score from 0 to 10, found {score}"
        )))
    }
}
