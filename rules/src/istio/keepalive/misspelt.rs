//! The age's flag, written in a way that istiod ignores.

use serde_json::Value;

use super::joined;
use crate::finding::{Change, op};
use crate::istio::args::{AGE, Arguments, FlagValue, Text};
use crate::istio::duration::GoDuration;
use crate::istio::resembles;
use crate::object::Node;

/// A flag that was meant to be the age.
#[derive(Clone, Debug)]
pub struct Misspelt<'a> {
    /// As written.
    pub text: String,
    /// The item.
    pub at: Node<'a>,
    /// The value that was meant, where it could be read.
    pub value: Option<GoDuration>,
    /// The item that holds the value alone.
    value_at: Option<Node<'a>>,
}

impl<'a> Misspelt<'a> {
    /// Changes that spell the flag right and set `value`.
    pub fn respell(&self, value: GoDuration) -> Vec<Change<'a>> {
        match &self.value_at {
            None => vec![op::replace(&self.at, joined(value))],
            Some(node) => vec![
                op::replace(&self.at, Value::String(format!("--{AGE}"))),
                op::replace(node, Value::String(value.to_string())),
            ],
        }
    }
}

/// The first argument that looks like the age's flag and is not read as such.
pub(super) fn misspelt<'a>(arguments: &Arguments<'a>) -> Option<Misspelt<'a>> {
    let flag = arguments
        .flags
        .iter()
        .find(|flag| resembles(&flag.name, AGE))
        .map(|flag| {
            let value_at = match &flag.value {
                FlagValue::Next(_, node) => Some(node.clone()),
                _ => None,
            };
            let value = flag
                .text()
                .and_then(Text::known)
                .and_then(|t| GoDuration::parse(t).ok());
            Misspelt {
                text: format!("--{}", flag.name),
                at: flag.at.clone(),
                value,
                value_at,
            }
        });
    flag.or_else(|| {
        let (text, at) = arguments
            .oddities
            .iter()
            .find(|(text, _)| resembles(head(text), AGE))?;
        let tail = text.split_once(['=', ' ']).map(|(_, value)| value.trim());
        let value = tail.and_then(|value| GoDuration::parse(value).ok());
        Some(Misspelt {
            text: text.clone(),
            at: at.clone(),
            value,
            value_at: None,
        })
    })
}

fn head(text: &str) -> &str {
    text.trim_start_matches('-')
        .split(['=', ' '])
        .next()
        .unwrap_or_default()
}
