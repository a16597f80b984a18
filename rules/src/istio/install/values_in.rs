//! Values that an installer's object holds: as a mapping, or as YAML in a string.

use serde_json::Value;

use crate::finding::Location;
use crate::object::{Node, Strings};

/// Values in an installer's object.
#[derive(Clone, Debug)]
pub(super) enum Inline<'a> {
    /// None.
    Absent,
    /// A mapping, or nothing yet in a string: the field, and the mapping itself.
    Mapping(Node<'a>, Node<'a>),
    /// Something that cannot be read as values, such as a template.
    Unreadable(Node<'a>),
}

/// Values in a string; an empty one is none.
pub(super) fn inline<'a>(field: Option<Node<'a>>, strings: &'a Strings) -> Inline<'a> {
    let Some(field) = field.filter(|field| field.str() != Some("")) else {
        return Inline::Absent;
    };
    match field.document(strings) {
        Some(Ok(document)) if document.value().is_object() || document.value().is_null() => {
            Inline::Mapping(field, document)
        }
        _ => Inline::Unreadable(field),
    }
}

impl<'a> Inline<'a> {
    /// Values in a field.
    pub(super) fn of(field: Node<'a>) -> Self {
        match field.value() {
            Value::Object(_) => Self::Mapping(field.clone(), field),
            _ => Self::Unreadable(field),
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable(_))
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
            Self::Mapping(field, _) | Self::Unreadable(field) => Some(field.key()),
        }
    }

    /// Where a value is added that stands nowhere.
    pub(super) fn home(&self) -> Option<(Node<'a>, Vec<&'static str>)> {
        match self {
            Self::Mapping(_, mapping) => Some((mapping.clone(), Vec::new())),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}
