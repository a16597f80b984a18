//! Shapes of values, and the check of a value against one.

use std::collections::BTreeSet;
use std::fmt;

use super::problem::Problems;
use super::scalar::{self, shown};
use super::selector;
use crate::istio::version::Minor;
use crate::object::Node;
use crate::{rules, words};

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// This text.
    Exactly(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// A Go duration above zero.
    Duration,
    /// A whole number.
    Whole { least: i64, most: i64 },
    /// A number.
    Decimal { least: f64, most: f64 },
    /// `YYYY-MM-DD`.
    Date,
    /// Text that is not empty.
    Text,
    /// Name of a rule, or a former name.
    Rule,
    /// Kind of an object that a rule looks at.
    ObjectKind,
    /// A pattern.
    Glob,
    /// One of these, or a list of them with at least one.
    OneOrMore(&'static Shape),
    /// A list.
    List(&'static Shape),
    /// A mapping with names of one sort.
    Map(Names, &'static Shape),
    /// A mapping with these keys.
    Record(&'static [Field]),
    /// One of these words, each with what it means, or the other shape.
    WordOr(&'static [(&'static str, &'static str)], &'static Shape),
}

/// What the keys of a mapping are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Names of rules.
    Rules,
    /// Minor versions, `1.27`.
    Minors,
    /// Whatever somebody likes.
    Any,
}

/// A key of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// What holds without it; `None` where it must be there.
    pub(super) default: Option<&'static str>,
    pub(super) shape: Shape,
}

impl Field {
    pub(super) const fn new(
        name: &'static str,
        about: &'static str,
        default: &'static str,
        shape: Shape,
    ) -> Self {
        Self {
            name,
            about,
            default: Some(default),
            shape,
        }
    }

    pub(super) const fn required(name: &'static str, about: &'static str, shape: Shape) -> Self {
        Self {
            name,
            about,
            default: None,
            shape,
        }
    }
}

impl fmt::Display for Shape {
    /// What is expected, for messages and for the table of keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) => write!(f, "`{text}`"),
            Self::OneOf(words) => write!(f, "`{}`", words.join("`, `")),
            Self::Bool => f.write_str("`true` or `false`"),
            Self::Duration => f.write_str("a duration such as 10m"),
            Self::Whole { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Decimal { least, most } => write!(f, "a number from {least} to {most}"),
            Self::Date => f.write_str("a date such as 2027-01-31"),
            Self::Text => f.write_str("text"),
            Self::Rule => f.write_str("the name of a rule"),
            Self::ObjectKind => f.write_str("a kind"),
            Self::Glob => f.write_str("a pattern"),
            Self::OneOrMore(shape) => write!(f, "{shape}, or a list"),
            Self::List(shape) => write!(f, "a list, each item {shape}"),
            Self::Map(Names::Rules, shape) => write!(f, "a mapping of rules to {shape}"),
            Self::Map(Names::Minors, shape) => write!(f, "a mapping of versions to {shape}"),
            Self::Map(Names::Any, shape) => write!(f, "a mapping of names to {shape}"),
            Self::Record(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                write!(f, "a mapping with `{}`", names.join("`, `"))
            }
            Self::WordOr(words, other) => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                write!(f, "`{}`, or {other}", words.join("`, `"))
            }
        }
    }
}

/// Tells everything in which a value differs from a shape.
pub(super) fn check(node: &Node<'_>, shape: &Shape, problems: &mut Problems<'_, '_>) {
    let value = node.value();
    match shape {
        Shape::Record(fields) => record(node, shape, fields, problems),
        Shape::Map(names, of) => mapping(node, shape, *names, of, problems),
        Shape::List(of) if value.is_array() => each(node, of, problems),
        Shape::List(_) if value.is_null() => {}
        Shape::List(_) => expected(node, shape, problems),
        Shape::OneOrMore(of) => match value.as_array() {
            Some(items) if items.is_empty() => expected(node, shape, problems),
            Some(_) => each(node, of, problems),
            None => check(node, of, problems),
        },
        Shape::WordOr(_, other) if value.is_object() => check(node, other, problems),
        Shape::WordOr(words, _) => {
            let known = words.iter().map(|(word, _)| *word).collect();
            word(node, &known, shape, problems);
        }
        Shape::Rule => rule(node, problems),
        Shape::ObjectKind => word(node, &rules::kind_names(), shape, problems),
        _ => {
            if let Err(why) = scalar(node, shape) {
                let (owner, shown) = (owner(node), shown(value));
                problems.add(&node.whole(), format!("{owner} is {shown}: {why}"));
            }
        }
    }
}

fn expected(node: &Node<'_>, shape: &Shape, problems: &mut Problems<'_, '_>) {
    let (owner, shown) = (owner(node), shown(node.value()));
    let message = format!("{owner} is {shown}: expected {shape}");
    problems.add(&node.whole(), message);
}

fn each(list: &Node<'_>, shape: &Shape, problems: &mut Problems<'_, '_>) {
    for item in list.elements() {
        check(&item, shape, problems);
    }
}

fn scalar(node: &Node<'_>, shape: &Shape) -> Result<(), String> {
    let value = node.value();
    let fits = match shape {
        Shape::Exactly(text) => value.as_str() == Some(text),
        Shape::OneOf(words) => scalar::one_of(value, words).is_some(),
        Shape::Bool => value.is_boolean(),
        Shape::Duration => return scalar::duration(value).map(drop).map_err(str::to_owned),
        Shape::Whole { least, most } => {
            let number = value.as_i64();
            number.is_some_and(|number| (*least..=*most).contains(&number))
        }
        Shape::Decimal { least, most } => {
            let number = value.as_f64();
            number.is_some_and(|number| (*least..=*most).contains(&number))
        }
        Shape::Date => value.as_str().and_then(scalar::date).is_some(),
        Shape::Glob => match scalar::text(value) {
            Some(text) => return selector::check(text),
            None => false,
        },
        _ => scalar::text(value).is_some(),
    };
    if fits {
        return Ok(());
    }
    let quote = match (shape, value) {
        (Shape::Text | Shape::Glob, serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
            ", in quotes"
        }
        _ => "",
    };
    Err(format!("expected {shape}{quote}"))
}

fn rule(node: &Node<'_>, problems: &mut Problems<'_, '_>) {
    let Some(name) = scalar::text(node.value()) else {
        return expected(node, &Shape::Rule, problems);
    };
    if rules::find(name).is_none() {
        problems.add(&node.as_value(), rules::no_such(name));
    }
}

fn word(
    node: &Node<'_>,
    known: &BTreeSet<&'static str>,
    shape: &Shape,
    problems: &mut Problems<'_, '_>,
) {
    let Some(text) = scalar::text(node.value()) else {
        return expected(node, shape, problems);
    };
    if known.contains(text) {
        return;
    }
    let owner = owner(node);
    let message = match (words::nearest(text, known.iter().copied()), shape) {
        (Some(near), _) => format!("{owner} is `{text}`, did you mean `{near}`?"),
        (None, Shape::ObjectKind) => format!("{owner} is `{text}`: no rule looks at that kind"),
        (None, _) => format!("{owner} is `{text}`: expected {shape}"),
    };
    problems.add(&node.whole(), message);
}

fn record(node: &Node<'_>, shape: &Shape, fields: &[Field], problems: &mut Problems<'_, '_>) {
    if node.value().is_null() && fields.iter().all(|field| field.default.is_some()) {
        return; // everything below it is commented out
    }
    if !node.value().is_object() {
        return expected(node, shape, problems);
    }
    for (name, value) in node.entries() {
        match fields.iter().find(|field| field.name == name) {
            Some(field) => check(&value, &field.shape, problems),
            None => problems.add(&value.key(), unknown(node, name, fields)),
        }
    }
    for field in fields {
        if field.default.is_none() && node.get(field.name).is_none() {
            let message = format!(
                "{} has no `{}`: expected {}",
                owner(node),
                field.name,
                field.shape
            );
            problems.add(&node.key(), message);
        }
    }
}

fn unknown(node: &Node<'_>, name: &str, fields: &[Field]) -> String {
    let names = fields.iter().map(|field| field.name);
    let near = words::nearest(name, names.clone());
    let (owner, name) = (owner(node), words::quoted(name));
    if let Some(near) = near {
        return format!("{owner} has no key {name}, did you mean `{near}`?");
    }
    let names: Vec<&str> = names.collect();
    format!("{owner} has no key {name}: it has `{}`", names.join("`, `"))
}

fn mapping(
    node: &Node<'_>,
    shape: &Shape,
    names: Names,
    of: &Shape,
    problems: &mut Problems<'_, '_>,
) {
    if node.value().is_null() {
        return; // everything below it is commented out
    }
    if !node.value().is_object() {
        return expected(node, shape, problems);
    }
    for (name, value) in node.entries() {
        match names {
            Names::Rules if rules::find(name).is_none() => {
                problems.add(&value.key(), rules::no_such(name));
                continue;
            }
            Names::Minors => minor(&value, name, problems),
            Names::Rules | Names::Any => {}
        }
        check(&value, of, problems);
    }
}

/// A version as a key: without quotes YAML reads a number, and 1.30 becomes 1.3.
fn minor(node: &Node<'_>, name: &str, problems: &mut Problems<'_, '_>) {
    let written = problems.written(&node.key());
    let message = match Minor::parse(name) {
        Some(_) if written == name => return,
        Some(_) => {
            format!("`{written}` is the number {name} in YAML: write \"{written}\" in quotes")
        }
        None => format!("`{name}` is no minor version such as \"1.27\""),
    };
    problems.add(&node.key(), message);
}

/// A value in a message, by its path.
fn owner(node: &Node<'_>) -> String {
    match path(node).as_str() {
        "" => "the policy".to_owned(),
        path => format!("`{path}`"),
    }
}

/// `ignores[0].rule`.
fn path(node: &Node<'_>) -> String {
    let mut path = String::new();
    for token in node.pointer().tokens() {
        if token.bytes().all(|byte| byte.is_ascii_digit()) {
            path.extend(["[", &token, "]"]);
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&token);
    }
    path
}
