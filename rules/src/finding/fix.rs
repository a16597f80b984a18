//! How a finding is mended: changes of an object, and of the documents inside its strings.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation};
use serde_json::Value;

use super::Pointer;
use crate::object::{Node, Spot};
use crate::yaml::edit;

/// Whether a fix may be applied without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// Changes nothing that anybody could have meant.
    Safe,
    /// Likely right, but a person should look.
    Unsafe,
}

impl Applicability {
    /// `safe` or `unsafe`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A mend for one finding, as a JSON Patch (RFC 6902) on the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Fix {
    /// What to do, in the imperative: "set the age to 10m".
    pub title: String,
    /// Whether it may be applied without asking.
    pub applicability: Applicability,
    /// Operations in order; pointers are from the root of the document.
    pub patch: Patch,
}

/// One change of a fix; [`op`] makes them.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// The string that holds the document which is changed, with its text; `None` for the object.
    inside: Option<(Pointer, &'a str)>,
    operation: PatchOperation,
    /// Whether it can be applied: nothing can be added to what is neither mapping nor list.
    fits: bool,
}

impl Fix {
    /// A fix that may be applied without asking; `None` where there is nothing to change, where a change
    /// does not fit what is there, or where a string cannot be edited so that it reads back as wanted.
    pub fn safe(title: impl Into<String>, changes: Vec<Change<'_>>) -> Option<Self> {
        Self::new(title, Applicability::Safe, changes)
    }

    /// The same for a fix that a person should look at first.
    pub fn needs_review(title: impl Into<String>, changes: Vec<Change<'_>>) -> Option<Self> {
        Self::new(title, Applicability::Unsafe, changes)
    }

    fn new(
        title: impl Into<String>,
        applicability: Applicability,
        changes: Vec<Change<'_>>,
    ) -> Option<Self> {
        let patch = assemble(changes)?;
        (!patch.0.is_empty()).then(|| Self {
            title: title.into(),
            applicability,
            patch,
        })
    }
}

/// The changes as operations on the document: those inside of one string become a new text of it,
/// where the first of them stands.
fn assemble(changes: Vec<Change<'_>>) -> Option<Patch> {
    if changes.iter().any(|change| !change.fits) {
        return None;
    }
    let mut operations = Vec::new();
    let mut strings: Vec<(usize, Pointer, &str, Patch)> = Vec::new();
    for Change {
        inside, operation, ..
    } in changes
    {
        let Some((string, text)) = inside else {
            operations.push(operation);
            continue;
        };
        match strings.iter_mut().find(|(_, at, ..)| *at == string) {
            Some((.., patch)) => patch.0.push(operation),
            None => strings.push((operations.len(), string, text, Patch(vec![operation]))),
        }
    }
    // From behind, so that the indices stay right.
    for (index, string, text, patch) in strings.into_iter().rev() {
        let text = edit::text(text, &patch)?;
        operations.insert(index, op::replacement(&string, Value::String(text)));
    }
    Some(Patch(operations))
}

/// The changes that fixes are made of.
pub mod op {
    use super::{
        AddOperation, Change, Node, PatchOperation, Pointer, PointerBuf, RemoveOperation,
        ReplaceOperation, Spot, Value,
    };

    fn path(pointer: &Pointer) -> PointerBuf {
        PointerBuf::parse(pointer.as_str().to_owned())
            .expect("our pointers are escaped when they are built")
    }

    fn change(spot: Spot<'_>, operation: impl FnOnce(PointerBuf) -> PatchOperation) -> Change<'_> {
        let Spot { pointer, inside } = spot;
        match inside {
            None => Change {
                operation: operation(path(&pointer)),
                inside: None,
                fits: true,
            },
            Some((inner, text)) => Change {
                operation: operation(path(&inner)),
                inside: Some((pointer, text)),
                fits: true,
            },
        }
    }

    pub(super) fn replacement(pointer: &Pointer, value: Value) -> PatchOperation {
        PatchOperation::Replace(ReplaceOperation {
            path: path(pointer),
            value,
        })
    }

    /// Adds a member `token` to the mapping `parent`, or an item to the list `parent` in front of the
    /// index `token` (`-` appends).
    pub fn add<'a>(parent: &Node<'a>, token: &str, value: Value) -> Change<'a> {
        let add = |path| PatchOperation::Add(AddOperation { path, value });
        Change {
            fits: parent.value().is_object() || parent.value().is_array(),
            ..change(parent.spot().join(token), add)
        }
    }

    /// Puts another value in the place of `node`.
    pub fn replace<'a>(node: &Node<'a>, value: Value) -> Change<'a> {
        change(node.spot(), |path| {
            PatchOperation::Replace(ReplaceOperation { path, value })
        })
    }

    /// Adds a member however deep below `parent`; what is missing on the way is added with it, so that
    /// one operation does it all.
    pub fn add_below<'a>(parent: &Node<'a>, keys: &[impl AsRef<str>], value: Value) -> Change<'a> {
        let mut node = parent.clone();
        let mut spot = parent.spot();
        // In an empty document there is nothing to add to: it becomes the mapping.
        let mut is_open = !parent.value().is_null();
        let mut keys = keys.iter().map(AsRef::as_ref);
        while is_open {
            let Some(key) = keys.next() else { break };
            spot = spot.join(key);
            match node.get_set(key) {
                Some(below) => node = below,
                None => is_open = false,
            }
        }
        let value = keys.rev().fold(value, |value, key| {
            Value::Object(std::iter::once((key.to_owned(), value)).collect())
        });
        let add = |path| PatchOperation::Add(AddOperation { path, value });
        Change {
            // Where something was missing, the rest goes into a mapping.
            fits: is_open || node.value().is_object() || parent.value().is_null(),
            ..change(spot, add)
        }
    }

    /// Removes `node` from its mapping or list.
    pub fn remove<'a>(node: &Node<'a>) -> Change<'a> {
        change(node.spot(), |path| {
            PatchOperation::Remove(RemoveOperation { path })
        })
    }
}
