//! Values that an installer's object holds: as a mapping, or as YAML in a string.

use serde_json::Value;

use super::operator::{Mistake, Refusal};
use crate::finding::Location;
use crate::istio::image::Image;
use crate::object::{Node, Strings};
use crate::yaml::Problem;

/// Values in an installer's object.
#[derive(Clone, Debug)]
pub(super) enum Inline<'a> {
    /// None.
    Absent,
    /// A mapping, or nothing yet in a string: the field, and the mapping itself.
    Mapping(Node<'a>, Node<'a>),
    /// Something that cannot be read as values, and why; nothing is wrong with a template.
    Unreadable(Node<'a>, Option<String>),
}

/// Values in a string; an empty one is none.
pub(super) fn inline<'a>(field: Option<Node<'a>>, strings: &'a Strings) -> Inline<'a> {
    let Some(field) = field.filter(|field| field.str() != Some("")) else {
        return Inline::Absent;
    };
    let is_template = field.str().is_some_and(Image::is_template);
    let why = match field.document(strings) {
        Some(Ok(document)) if document.value().is_object() || document.value().is_null() => {
            return Inline::Mapping(field, document);
        }
        Some(Ok(_)) => Some("it holds no mapping".to_owned()),
        Some(Err(problem)) => Some(told(&problem)),
        None => None,
    };
    Inline::Unreadable(field, why.filter(|_| !is_template))
}

fn told(problem: &Problem) -> String {
    match problem.at {
        Some(at) => format!("{}, in its line {}", problem.message, at.line),
        None => problem.message.clone(),
    }
}

impl<'a> Inline<'a> {
    /// Values in a field.
    pub(super) fn of(field: Node<'a>) -> Self {
        match field.value() {
            Value::Object(_) => Self::Mapping(field.clone(), field),
            _ => Self::Unreadable(field, None),
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable(..))
    }

    pub(super) fn mapping(&self) -> Option<Node<'a>> {
        match self {
            Self::Mapping(_, mapping) if mapping.value().is_object() => Some(mapping.clone()),
            _ => None,
        }
    }

    /// The key that holds them.
    pub(super) fn key(&self) -> Option<Location> {
        match self {
            Self::Absent => None,
            Self::Mapping(field, _) | Self::Unreadable(field, _) => Some(field.key()),
        }
    }

    /// Where a value is added that stands nowhere.
    pub(super) fn home(&self) -> Option<(Node<'a>, Vec<&'static str>)> {
        match self {
            Self::Mapping(_, mapping) => Some((mapping.clone(), Vec::new())),
            Self::Absent | Self::Unreadable(..) => None,
        }
    }

    /// What its installer refuses.
    pub(super) fn refusal(&self) -> Option<Refusal<'a>> {
        match self {
            Self::Unreadable(field, Some(why)) => Some(Refusal {
                node: field.clone(),
                why: why.clone(),
                mistake: Mistake::Values,
            }),
            _ => None,
        }
    }
}
