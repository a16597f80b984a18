//! How long istiod lets a configuration stream live, and where that is written.

use serde_json::Value;

use crate::finding::{Change, Location, op};
use crate::istio::args::{AGE, Arguments, Flag, FlagValue, Text};
use crate::istio::duration::GoDuration;
use crate::istio::install::Addition;
use crate::istio::istiod::Istiod;
use crate::istio::version::{Minor, Version};
use crate::object::Node;

pub use ignored::{Certainty, Ignored, Remedy, in_istiod, in_plane};
pub use misspelt::Misspelt;
use misspelt::misspelt;
mod ignored;
mod misspelt;
pub(crate) use ignored::READS_ENVIRONMENT;
pub(crate) use rendered::value_name;

mod rendered;

/// gRPC lets a stream live on for this long behind its age. Fixed in istiod's code.
const GRACE: GoDuration = GoDuration::from_seconds(10);
/// From here on a stream lives for ever in practice.
pub const AS_GOOD_AS_EVER: GoDuration = GoDuration::from_minutes(24 * 60);
/// First minor in which istiod ignores flags that it does not know.
const IGNORES_UNKNOWN_FLAGS: Minor = Minor::one(15);

/// The connection age as one object sets it.
#[derive(Clone, Debug)]
pub struct AgeSetting<'a> {
    /// What istiod will make of it.
    pub age: Age<'a>,
    /// How it is written, for messages: `` `--keepaliveMaxServerConnectionAge` ``.
    pub name: String,
    /// Where.
    pub at: Location,
    /// Whether it is the chart's default, which stands nowhere in the object.
    pub is_default: bool,
    /// Whether something that is not in sight may set another age.
    pub may_change: bool,
    /// How to set another value.
    setter: Setter<'a>,
}

/// What istiod makes of its setting.
#[derive(Clone, Debug)]
pub enum Age<'a> {
    /// Streams end at this age, give or take a tenth.
    Finite(GoDuration),
    /// Streams never end.
    Unlimited(Unlimited<'a>),
    /// istiod does not start.
    Crashes(Vec<Crash<'a>>),
    /// It cannot be known from here.
    Unknown,
}

/// Why streams never end.
#[derive(Clone, Debug)]
pub enum Unlimited<'a> {
    /// Nothing sets an age.
    Missing,
    /// Zero means no limit.
    Zero,
    /// The age is so long that it is no limit.
    Huge(GoDuration),
    /// The flag is written in a way that istiod ignores.
    Misspelt(Misspelt<'a>),
}

/// Something in the arguments that istiod refuses.
#[derive(Clone, Debug)]
pub struct Crash<'a> {
    /// What stands there, as a clause for messages: `` `--flag` is `600` ``.
    pub text: String,
    /// istiod's own words.
    pub why: String,
    /// Where.
    pub at: Location,
    setter: Setter<'a>,
    /// The last occurrence, where it is another and no crash: it decides once this one is mended.
    decisive: Option<Setter<'a>>,
}

/// How a value is put in place.
#[derive(Clone, Debug)]
enum Setter<'a> {
    /// The node holds the value alone.
    Value(Node<'a>),
    /// The node holds `--flag=value`.
    Joined(Node<'a>),
    /// Flag and value are to be appended to this list.
    Append(Node<'a>),
    /// It is to be added there.
    Member(Addition<'a>),
    /// It cannot be done here.
    Impossible,
}

impl<'a> Setter<'a> {
    fn set(&self, target: GoDuration) -> Vec<Change<'a>> {
        let text = Value::String(target.to_string());
        match self {
            Self::Value(node) => vec![op::replace(node, text)],
            Self::Joined(node) => vec![op::replace(node, joined(target))],
            Self::Append(list) => vec![
                op::add(list, "-", Value::String(format!("--{AGE}"))),
                op::add(list, "-", text),
            ],
            Self::Member(addition) => vec![addition.of(text)],
            Self::Impossible => Vec::new(),
        }
    }
}

fn joined(target: GoDuration) -> Value {
    Value::String(format!("--{AGE}={target}"))
}

impl<'a> Crash<'a> {
    /// The same, where mending it alone would mend nothing.
    fn without_fix(self) -> Self {
        Self {
            setter: Setter::Impossible,
            ..self
        }
    }

    /// Changes that put `target` in the place of what istiod refuses; empty where that would be a
    /// guess.
    pub fn set(&self, target: GoDuration) -> Vec<Change<'a>> {
        let mut ops = self.setter.set(target);
        if !ops.is_empty() {
            ops.extend(self.decisive.iter().flat_map(|setter| setter.set(target)));
        }
        ops
    }
}

/// The longest that a stream can live which nobody else ends: gRPC lengthens the age by up to a
/// tenth and adds its grace (measured on istiod 1.31.1).
pub fn longest_life(age: GoDuration) -> GoDuration {
    age.scaled(11, 10).plus(GRACE)
}

impl<'a> AgeSetting<'a> {
    /// The age that istiod's arguments set; `None` where they say nothing that could be judged.
    pub fn of(istiod: &Istiod<'a>, version: Option<Version>) -> Option<Self> {
        if istiod.is_wrapped {
            return None;
        }
        let arguments = &istiod.arguments;
        let occurrences: Vec<&Flag<'a>> = arguments.all(AGE).collect();
        let misspelt = if occurrences.is_empty() {
            misspelt(arguments)
        } else {
            None
        };
        let crashes = crashes(arguments, &occurrences, misspelt.as_ref(), version);
        let name = format!("`--{AGE}`");
        if !crashes.is_empty() {
            let at = crashes[0].at.clone();
            let age = Age::Crashes(crashes);
            return Some(Self::here(age, name, at, Setter::Impossible));
        }
        if let Some(last) = occurrences.last() {
            let known = occurrences
                .iter()
                .all(|flag| flag.text().is_some_and(|t| t.known().is_some()));
            let text = last.text().and_then(Text::known).unwrap_or_default();
            let age = match GoDuration::parse(text) {
                Ok(duration) if known => classify(duration),
                _ => Age::Unknown,
            };
            let at = last.value_node().as_value();
            return Some(Self::here(age, name, at, setter(last)));
        }
        if let Some(misspelt) = misspelt {
            let at = misspelt.at.as_value();
            let age = Age::Unlimited(Unlimited::Misspelt(misspelt));
            return Some(Self::here(age, name, at, Setter::Impossible));
        }
        (!istiod.is_patch).then(|| Self::missing(istiod, name))
    }

    fn missing(istiod: &Istiod<'a>, name: String) -> Self {
        let container = &istiod.container;
        let args = container.get("args").filter(|args| args.value().is_array());
        let list = args.or_else(|| {
            container
                .get("command")
                .filter(|list| list.value().is_array())
        });
        let at = match (&list, container.get("name")) {
            (Some(list), _) => list.key(),
            (None, Some(name)) => name.whole(),
            (None, None) => container.whole(),
        };
        // Without any argument istiod would only print its help, and behind `--` nothing is a flag.
        let can_append = istiod.arguments.discovery && !istiod.arguments.ended;
        let setter = list
            .filter(|_| can_append)
            .map_or(Setter::Impossible, Setter::Append);
        Self::here(Age::Unlimited(Unlimited::Missing), name, at, setter)
    }

    /// An age that the object itself sets.
    fn here(age: Age<'a>, name: String, at: Location, setter: Setter<'a>) -> Self {
        Self {
            age,
            name,
            at,
            is_default: false,
            may_change: false,
            setter,
        }
    }

    /// Changes that set the age to `target`; empty where that cannot be done here.
    pub fn set(&self, target: GoDuration) -> Vec<Change<'a>> {
        self.setter.set(target)
    }
}

fn classify<'a>(age: GoDuration) -> Age<'a> {
    if age == GoDuration::ZERO {
        Age::Unlimited(Unlimited::Zero)
    } else if age >= AS_GOOD_AS_EVER {
        Age::Unlimited(Unlimited::Huge(age))
    } else {
        Age::Finite(age)
    }
}

/// Negative, or so short that the jitter cannot be computed.
fn is_refused(age: GoDuration) -> bool {
    age.nanoseconds() < 0 || (1..10).contains(&age.nanoseconds())
}

fn refusal(age: GoDuration) -> String {
    if age.nanoseconds() < 0 {
        format!("invalid duration: {age}: --{AGE} only accepts positive duration")
    } else {
        "gRPC panics on an age below 10ns".to_owned()
    }
}

/// What a setting is, for messages.
fn is_text(name: &str, value: &str) -> String {
    if value.is_empty() {
        format!("{name} is empty")
    } else {
        format!("{name} is `{value}`")
    }
}

/// Whether a flag has taken another flag with it, which must stay.
fn eats_flag(flag: &Flag<'_>) -> bool {
    matches!(&flag.value, FlagValue::Next(Text::Known(text), _) if text.starts_with("--"))
}

fn setter<'a>(flag: &Flag<'a>) -> Setter<'a> {
    match &flag.value {
        FlagValue::Next(..) if eats_flag(flag) => Setter::Joined(flag.at.clone()),
        FlagValue::Next(_, node) => Setter::Value(node.clone()),
        FlagValue::Joined(_) | FlagValue::None | FlagValue::Missing => {
            Setter::Joined(flag.at.clone())
        }
    }
}

fn crashes<'a>(
    arguments: &Arguments<'a>,
    occurrences: &[&Flag<'a>],
    misspelt: Option<&Misspelt<'a>>,
    version: Option<Version>,
) -> Vec<Crash<'a>> {
    let last = occurrences.last();
    let decisive = last.filter(|flag| crash(flag, true).is_none());
    let decisive = decisive.map(|flag| setter(flag));
    let is_last = |flag: &Flag<'a>| last.is_some_and(|last| std::ptr::eq(*last, flag));
    let mut found: Vec<Crash<'a>> = occurrences
        .iter()
        .filter_map(|flag| crash(flag, is_last(flag)))
        .map(|crash| Crash {
            decisive: decisive.clone(),
            ..crash
        })
        .collect();
    // A flag that has taken another flag as its value leaves that one's value behind.
    let ate_flag = occurrences.iter().any(|flag| eats_flag(flag));
    let leftovers = arguments.leftovers.iter().filter(|_| !ate_flag);
    found.extend(leftovers.map(|(text, node)| Crash {
        text: format!("`{text}` is a word without a flag"),
        why: "accepts 0 arg(s), received 1".to_owned(),
        at: node.as_value(),
        setter: match GoDuration::parse(text) {
            // The value of a flag that is misspelt would only get a second flag.
            Ok(_) if !arguments.ended && misspelt.is_none() => Setter::Joined(node.clone()),
            _ => Setter::Impossible,
        },
        decisive: decisive.clone(),
    }));
    found.extend(arguments.refused.iter().map(|(why, node)| Crash {
        text: format!("`{}` is no argument", node.str().unwrap_or_default()),
        why: why.clone(),
        at: node.as_value(),
        setter: Setter::Impossible,
        decisive: decisive.clone(),
    }));
    if let (Some(misspelt), Some(version)) = (misspelt, version)
        && version.minor < IGNORES_UNKNOWN_FLAGS
    {
        found.push(Crash {
            text: format!("`{}` is not `--{AGE}`", misspelt.text),
            why: format!("an unknown flag ends an istiod before {IGNORES_UNKNOWN_FLAGS}"),
            at: misspelt.at.as_value(),
            setter: Setter::Impossible,
            decisive: None,
        });
    }
    found
}

/// What istiod refuses of one occurrence. Each must be a duration; what the last one comes to must make
/// sense, too.
fn crash<'a>(flag: &Flag<'a>, is_last: bool) -> Option<Crash<'a>> {
    let name = format!("`--{AGE}`");
    let (text, why) = match flag.text() {
        None => (
            format!("{name} has no value"),
            format!("flag needs an argument: --{AGE}"),
        ),
        Some(Text::Unknown) => return None,
        Some(Text::Known(text)) => match GoDuration::parse(text) {
            Ok(age) if is_last && is_refused(age) => (is_text(&name, text), refusal(age)),
            Ok(_) => return None,
            Err(error) => (is_text(&name, text), error.to_string()),
        },
    };
    Some(Crash {
        text,
        why,
        at: flag.value_node().as_value(),
        setter: setter(flag),
        decisive: None,
    })
}
