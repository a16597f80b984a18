//! The age in the arguments that an installer is going to write.

use serde_json::json;

use super::{Age, AgeSetting, Crash, Setter, Unlimited};
use crate::finding::Location;
use crate::istio::args::Arguments;
use crate::istio::istiod::Istiod;
use crate::object::Node;

/// One argument, and the field of the installer's file that puts it there; the chart's own have none.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The argument.
    pub text: String,
    /// Where it comes from.
    pub from: Option<Node<'a>>,
}

impl<'a> AgeSetting<'a> {
    /// What istiod makes of arguments that an installer is going to write. `base` stands for what
    /// the chart writes by itself; `name` names a field of the file.
    pub fn of_rendered(items: &[Item<'a>], base: Self, name: fn(&Node<'a>) -> String) -> Self {
        let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
        let container = json!({ "args": texts });
        let container = Node::root(&container);
        let istiod = Istiod {
            arguments: Arguments::of(&container),
            is_patch: false,
            is_wrapped: false,
            container,
        };
        let Some(seen) = AgeSetting::of(&istiod, None) else {
            return base;
        };
        let written = item_at(items, &seen.at).cloned();
        let last = items.iter().rev().find(|item| item.from.is_some());
        let decisive = match &seen.age {
            Age::Finite(_)
            | Age::Unlimited(Unlimited::Zero | Unlimited::Huge(_))
            | Age::Unknown => written,
            // What is missing or left over stands nowhere: the last thing that was changed is near.
            _ => written
                .filter(|item| item.from.is_some())
                .or_else(|| last.cloned()),
        };
        let Some(from) = decisive.as_ref().and_then(|item| item.from.clone()) else {
            return base;
        };
        let joined = decisive.is_some_and(|item| item.text.starts_with("--"));
        let setter = if joined {
            Setter::Joined(from.clone())
        } else {
            Setter::Value(from.clone())
        };
        let at = from.as_value();
        let (age, setter) = match seen.age {
            Age::Finite(age) => (Age::Finite(age), setter),
            Age::Unlimited(Unlimited::Zero) => (Age::Unlimited(Unlimited::Zero), setter),
            Age::Unlimited(Unlimited::Huge(age)) => (Age::Unlimited(Unlimited::Huge(age)), setter),
            Age::Unlimited(Unlimited::Missing | Unlimited::Misspelt(_)) => {
                (Age::Unlimited(Unlimited::Missing), Setter::Impossible)
            }
            Age::Unknown => (Age::Unknown, Setter::Impossible),
            Age::Crashes(crashes) => {
                let moved = |crash: Crash<'_>| Crash {
                    text: crash.text,
                    why: crash.why,
                    at: at.clone(),
                    setter: Setter::Impossible,
                    decisive: None,
                };
                // The first ends istiod, and what stands behind it may follow from it.
                let crashes = crashes.into_iter().take(1).map(moved).collect();
                (Age::Crashes(crashes), Setter::Impossible)
            }
        };
        Self {
            age,
            name: name(&from),
            at,
            setter,
        }
    }
}

/// The argument that a place in the rendered list means.
fn item_at<'i, 'a>(items: &'i [Item<'a>], at: &Location) -> Option<&'i Item<'a>> {
    let (_, index) = at.pointer.split_last()?;
    items.get(index.parse::<usize>().ok()?)
}
