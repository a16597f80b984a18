//! The age in the arguments that an installer is going to write.

use super::{Age, AgeSetting, Crash, Setter, Unlimited};
use crate::finding::{Location, Pointer};
use crate::istio::args::AGE;
use crate::istio::install::{Plane, Rendered};
use crate::istio::istiod::Istiod;
use crate::object::Node;

impl<'a> AgeSetting<'a> {
    /// The age of an istiod that an installer is going to run, in the words and places of its file.
    pub fn of_plane(plane: &Plane<'a>) -> Option<Self> {
        let istiod = Istiod::in_container(plane.deployment.container()?);
        let seen = Self::of(&istiod, Some(plane.version()))?;
        let translator = Translator {
            rendered: &plane.deployment,
            plane,
        };
        let setting = translator.setting(seen);
        // What a vendor's chart leaves to itself is not known.
        (!setting.is_default || !plane.release.is_vendors).then_some(setting)
    }
}

/// Takes a setting of a rendered object to the installer's file.
struct Translator<'p, 'a> {
    rendered: &'p Rendered<'a>,
    plane: &'p Plane<'a>,
}

impl<'a> Translator<'_, 'a> {
    fn setting(&self, seen: AgeSetting<'a>) -> AgeSetting<'a> {
        let written = self.rendered.source(&seen.at.pointer).cloned();
        let is_default = written.is_none() && matches!(seen.age, Age::Finite(_));
        let unseen = self.plane.release.unseen;
        let may_change = if is_default {
            !unseen.is_nothing()
        } else {
            unseen.stronger
        };
        let (name, at) = match (&written, is_default) {
            (Some(node), _) => (value_name(node), node.as_value()),
            (None, true) => (self.default_name(), self.home()),
            // What is missing or left over stands nowhere: the last thing that was changed is near.
            (None, false) => match self.last_written() {
                Some(node) => (value_name(&node), node.as_value()),
                None => (self.default_name(), self.home()),
            },
        };
        AgeSetting {
            age: self.age(seen.age),
            name,
            at,
            is_default,
            may_change,
            setter: self.setter(seen.setter),
        }
    }

    fn age(&self, age: Age<'a>) -> Age<'a> {
        match age {
            Age::Crashes(crashes) => {
                // The first ends istiod, and what stands behind it may follow from it.
                let is_one = crashes.len() == 1;
                let first = crashes.into_iter().take(1).map(|crash| self.crash(crash));
                let first = first.map(|crash| if is_one { crash } else { crash.without_fix() });
                Age::Crashes(first.collect())
            }
            Age::Unlimited(Unlimited::Misspelt(_)) => Age::Unlimited(Unlimited::Missing),
            age => age,
        }
    }

    fn crash(&self, crash: Crash<'a>) -> Crash<'a> {
        let written = self.rendered.source(&crash.at.pointer).cloned();
        let at = written.clone().or_else(|| self.last_written());
        let flag = format!("`--{AGE}`");
        Crash {
            text: match &written {
                Some(node) => crash.text.replace(&flag, &value_name(node)),
                None => crash.text,
            },
            why: crash.why,
            at: at.map_or_else(|| self.home(), |node| node.as_value()),
            setter: self.setter(crash.setter),
            decisive: crash.decisive.map(|setter| self.setter(setter)),
        }
    }

    fn setter(&self, setter: Setter<'a>) -> Setter<'a> {
        match setter {
            Setter::Value(node) => match self.source(&node) {
                Some(node) => Setter::Value(node),
                None => self.adder(),
            },
            Setter::Joined(node) => self
                .source(&node)
                .map_or(Setter::Impossible, Setter::Joined),
            Setter::Append(_) | Setter::Member(_) | Setter::Impossible => Setter::Impossible,
        }
    }

    /// A value that nobody sets is added where this installer takes it.
    fn adder(&self) -> Setter<'a> {
        let added = self.plane.release.addition(&["pilot", AGE]);
        added.map_or(Setter::Impossible, Setter::Member)
    }

    fn source(&self, node: &Node<'a>) -> Option<Node<'a>> {
        self.rendered.source(&node.pointer()).cloned()
    }

    fn home(&self) -> Location {
        let pilot = self.plane.values.root().get("pilot");
        let pilot = pilot.and_then(|pilot| pilot.from());
        pilot.map_or_else(|| self.plane.release.home.at.clone(), Node::key)
    }

    /// As an installer of objects writes it, or as it stands in any values.
    fn default_name(&self) -> String {
        let release = &self.plane.release;
        let keys = release.home.add.as_ref().map(|(_, keys)| keys.as_slice());
        let path = match keys {
            Some(["spec", below @ ..]) => [below, &["pilot", AGE]].concat().join("."),
            _ => format!("pilot.{AGE}"),
        };
        let here = if release.unseen.is_nothing() {
            ""
        } else {
            " here"
        };
        format!("`{path}` is not set{here}, and the chart's default")
    }

    /// The last argument that the file, and not the chart, puts there.
    fn last_written(&self) -> Option<Node<'a>> {
        let container = self.rendered.container()?;
        let list = container.get("args")?;
        let items: Vec<Pointer> = list.elements().map(|item| item.pointer()).collect();
        let written = items.iter().rev().find_map(|at| self.rendered.source(at));
        written.cloned().or_else(|| self.source(&list))
    }
}

/// `values.pilot.keepalive...` as a person would write the path.
pub(crate) fn value_name(node: &Node<'_>) -> String {
    let path = node.path();
    let path: Vec<&str> = path
        .iter()
        .map(String::as_str)
        .filter(|token| *token != "spec")
        .collect();
    format!("`{}`", path.join("."))
}
