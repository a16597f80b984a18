//! Keepalive settings that nobody reads where they are written.

use serde_json::Value;

use super::AgeSetting;
use crate::finding::{Change, op};
use crate::istio::args::{AGE, INTERVAL, TIMEOUT};
use crate::istio::duration::GoDuration;
use crate::istio::install::{Addition, DEFAULTS, INTERNAL, READS_EXTRA_ARGS, READS_ROOT};
use crate::istio::install::{Layer, Plane, Said, Traced};
use crate::istio::istiod::Istiod;
use crate::istio::resembles;
use crate::istio::version::Minor;
use crate::object::Node;

pub(crate) use container::READS_ENVIRONMENT;
pub use container::in_istiod;
use container::{is_ping, misspelt_beside, speaks_of_keepalive, unread_variable};
mod container;

/// A setting that is not read.
#[derive(Clone, Debug)]
pub struct Ignored<'a> {
    /// The field.
    pub node: Node<'a>,
    /// Whether the field's name is what is wrong, or a value in a list.
    pub is_key: bool,
    /// Why nobody reads it, as a clause.
    pub why: String,
    /// How sure that is.
    pub certainty: Certainty,
    /// How it can be written so that it is read.
    pub remedy: Option<Remedy<'a>>,
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Installing fails because of it.
    Refused,
    /// It does nothing.
    Sure,
    /// It does nothing in older versions, and which one it is nobody says.
    ByVersion,
}

/// How a setting comes to be read.
#[derive(Clone, Debug)]
pub struct Remedy<'a> {
    /// What it sets.
    pub value: Option<GoDuration>,
    /// The changes that take the field away.
    remove: Vec<Change<'a>>,
    /// Where the value belongs; nowhere, where another says it already.
    add: Option<Addition<'a>>,
}

impl<'a> Remedy<'a> {
    /// The changes, with this value.
    pub fn changes(&self, value: GoDuration) -> Vec<Change<'a>> {
        let add = self
            .add
            .iter()
            .map(|addition| addition.of(Value::String(value.to_string())));
        self.remove.iter().cloned().chain(add).collect()
    }

    /// Where it goes, for the title.
    pub fn to(&self) -> Option<String> {
        self.add.as_ref().map(Addition::name)
    }
}

/// Why what a schema does not have does nothing.
const DROPPED: &str = "is no field of these values: the API server drops it, or refuses the object";

/// What is written about the keepalive of an istiod that a file installs, and is not read.
pub fn in_plane<'a>(plane: &Plane<'a>, age: Option<&AgeSetting<'a>>) -> Vec<Ignored<'a>> {
    let mut finder = Finder {
        plane,
        age,
        found: Vec::new(),
    };
    for (path, node) in plane.release.fields() {
        finder.field(&node, &path);
    }
    finder.arguments();
    finder.patches();
    finder.found
}

struct Finder<'p, 'a> {
    plane: &'p Plane<'a>,
    age: Option<&'p AgeSetting<'a>>,
    found: Vec<Ignored<'a>>,
}

impl<'a> Finder<'_, 'a> {
    fn field(&mut self, node: &Node<'a>, path: &[String]) {
        let Some((key, above)) = path.split_last() else {
            return;
        };
        let above: Vec<&str> = above.iter().map(String::as_str).collect();
        match key.as_str() {
            "extraContainerArgs" => self.extra_arguments(node, &above),
            "env" => {
                for entry in node.elements() {
                    self.variable(entry.str_at("name").unwrap_or_default(), &entry, path);
                }
            }
            _ if above.last() == Some(&"env") => self.variable(key, node, &path[..path.len() - 1]),
            INTERVAL | TIMEOUT => self.ping(node, key),
            key if resembles(key, AGE) => self.age_key(node, key, &above),
            _ => {}
        }
    }

    fn minor(&self) -> Minor {
        self.plane.chart.version.minor
    }

    /// Whether an API server drops what stands below this name of the values.
    fn is_dropped(&self, root: &str) -> bool {
        self.plane.release.drops(root)
    }

    fn add(
        &mut self,
        node: &Node<'a>,
        why: String,
        certainty: Certainty,
        remedy: Option<Remedy<'a>>,
    ) {
        self.found.push(Ignored {
            node: node.clone(),
            is_key: true,
            why,
            certainty,
            remedy,
        });
    }

    fn age_key(&mut self, node: &Node<'a>, key: &str, above: &[&str]) {
        let chart = self.plane.chart.told();
        let is_live = key == AGE && self.plane.deployment.uses(node);
        if is_live {
            if let Some(name) = self
                .plane
                .release
                .guessed
                .as_ref()
                .and_then(|node| node.path().pop())
            {
                let why = format!(
                    "is read by an istiod that a chart around it calls `{name}`, and no Chart.yaml in sight \
                     says so (--chart istiod: it is not read)"
                );
                self.add(node, why, Certainty::ByVersion, None);
            } else if above.is_empty() && self.plane.chart.said == Said::Nobody {
                let why = format!(
                    "is read at the root of the values from {READS_ROOT} on, and nothing says which version \
                     this chart has (--istio-version)"
                );
                self.add(node, why, Certainty::ByVersion, self.moved(node));
            }
            return;
        }
        let why = match above {
            _ if self.is_dropped(above.first().unwrap_or(&key)) => DROPPED.to_owned(),
            _ if key != AGE => format!("is not `{AGE}`, and no chart reads it"),
            [] if self.minor() < READS_ROOT => {
                format!(
                    "is read at the root of the values from {READS_ROOT} on, and this chart is {chart}"
                )
            }
            [] | ["pilot"] => match self.rival(node, above) {
                Some(rival) => format!("loses against {rival}"),
                None => return,
            },
            [DEFAULTS, ..] => format!(
                "is read below `{DEFAULTS}` only from 1.21 to 1.23, and this chart is {chart}"
            ),
            [INTERNAL, ..] if self.minor() >= READS_ROOT => return,
            [INTERNAL, ..] => {
                format!(
                    "is read below `{INTERNAL}` from {READS_ROOT} on, and this chart is {chart}"
                )
            }
            ["values", ..] => {
                "is one level too deep: `values` is of an IstioOperator, and in a values file \
                               its members stand at the root"
                    .to_owned()
            }
            [first, "pilot", ..] => format!(
                "is one level too deep: what is below `{first}` reaches a chart of that name in a chart \
                 around it, and not this one"
            ),
            above => format!("is not read below `{}`, in any version", above.join(".")),
        };
        self.add(node, why, Certainty::Sure, self.moved(node));
    }

    /// What sets another age in the place of this one, for messages; none where it sets the same, or
    /// where that is only a layer above this one.
    fn rival(&self, node: &Node<'a>, above: &[&str]) -> Option<String> {
        let effective = self.plane.values.setting(&[AGE])?;
        if std::ptr::eq(effective.from()?.value(), node.value()) {
            return Some(format!("{}, which stands behind it", self.age?.name));
        }
        let is_same = effective.text() == Traced::of_node(node).text();
        (above.is_empty() && !is_same).then(|| format!("`pilot.{AGE}`"))
    }

    /// The key to its place: below `pilot`, which every version reads.
    fn moved(&self, node: &Node<'a>) -> Option<Remedy<'a>> {
        let text = Traced::of_node(node).text();
        let value = GoDuration::parse(&text).ok();
        let is_set = self.plane.release.layers.iter().any(|layer| match layer {
            Layer::Values(values) => values
                .at(&["pilot"])
                .is_some_and(|pilot| pilot.get(AGE).is_some()),
            _ => false,
        });
        let add = if is_set {
            None
        } else {
            Some(self.plane.release.addition(&["pilot", AGE])?)
        };
        node.is_member().then(|| Remedy {
            value,
            remove: vec![op::remove(node)],
            add,
        })
    }

    fn ping(&mut self, node: &Node<'a>, key: &str) {
        let variable = if key == INTERVAL {
            "GRPC_KEEPALIVE_INTERVAL"
        } else {
            "GRPC_KEEPALIVE_TIMEOUT"
        };
        let why = format!("is no value of any chart: it is `pilot.env.{variable}`");
        self.add(node, why, Certainty::Sure, None);
    }

    fn variable(&mut self, name: &str, node: &Node<'a>, path: &[String]) {
        let Some(why) = unread_variable(name, self.plane.version()) else {
            let is_root = path.len() == 1 && path[0] == "env";
            if is_ping(name) && is_root && self.is_dropped("env") {
                return self.add(node, DROPPED.to_owned(), Certainty::Sure, None);
            }
            if is_ping(name) && is_root && self.minor() < READS_ROOT {
                let why = format!(
                    "is below an `env` at the root of the values, which is read from {READS_ROOT} on, and \
                     this chart is {}",
                    self.plane.chart.told()
                );
                self.add(node, why, Certainty::Sure, None);
            }
            return;
        };
        self.add(node, why, Certainty::Sure, None);
    }

    fn extra_arguments(&mut self, list: &Node<'a>, above: &[&str]) {
        let chart = self.plane.chart.told();
        let minor = self.minor();
        for item in list
            .elements()
            .filter(|item| item.str().is_some_and(speaks_of_keepalive))
        {
            let is_used = self.plane.deployment.uses(&item);
            let (why, certainty) = match above {
                [] if is_used && self.plane.chart.said == Said::Nobody => (
                    format!(
                        "is in an `extraContainerArgs` at the root, which is read from {READS_ROOT} on, and \
                         nothing says which version this chart has (--istio-version)"
                    ),
                    Certainty::ByVersion,
                ),
                _ if is_used => continue,
                above if self.is_dropped(above.first().unwrap_or(&"extraContainerArgs")) => {
                    (DROPPED.to_owned(), Certainty::Sure)
                }
                [] if minor < READS_ROOT => (
                    format!(
                        "is in an `extraContainerArgs` at the root, which is read from {READS_ROOT} on, and \
                         this chart is {chart}"
                    ),
                    Certainty::Sure,
                ),
                [] => (
                    "is lost: the list at `pilot.extraContainerArgs` takes the place of this one"
                        .to_owned(),
                    Certainty::Sure,
                ),
                ["pilot"] if minor < READS_EXTRA_ARGS => (
                    format!(
                        "is in `extraContainerArgs`, which is read from {READS_EXTRA_ARGS} on, and this \
                         chart is {chart}"
                    ),
                    Certainty::Sure,
                ),
                ["pilot"] => continue,
                above => (
                    format!(
                        "is in an `extraContainerArgs` that is not read below `{}`",
                        above.join(".")
                    ),
                    Certainty::Sure,
                ),
            };
            self.found.push(Ignored {
                node: item,
                is_key: false,
                why,
                certainty,
                remedy: None,
            });
        }
    }

    /// Arguments that istiod gets and does not know.
    fn arguments(&mut self) {
        let Some(container) = self.plane.deployment.container() else {
            return;
        };
        for (text, at) in misspelt_beside(&Istiod::in_container(container)) {
            if let Some(node) = self.plane.deployment.source(&at.pointer()) {
                self.found.push(Ignored {
                    node: node.clone(),
                    is_key: false,
                    why: format!("`{text}` is not `--{AGE}`, and istiod ignores it"),
                    certainty: Certainty::Sure,
                    remedy: None,
                });
            }
        }
    }

    /// Patches of an IstioOperator that were meant to change the age and find nothing.
    fn patches(&mut self) {
        let refused = self.minor() < Minor::one(24) && self.plane.chart.said != Said::Nobody;
        for dropped in &self.plane.dropped {
            let path = dropped.patch.str_at("path").unwrap_or_default();
            let value = dropped.patch.get_set("value");
            let value = value.as_ref().and_then(Node::str).unwrap_or_default();
            let selector = path
                .rsplit_once(".args")
                .map(|(_, rest)| rest.trim_matches(['.', '[', ']', ':']));
            let is_age = |text: &str| {
                speaks_of_keepalive(text)
                    || GoDuration::parse(text).is_ok_and(|age| age != GoDuration::ZERO)
            };
            if !selector.is_some_and(|selector| is_age(selector) || is_age(value)) {
                continue;
            }
            let (certainty, what) = if refused {
                (Certainty::Refused, "istioctl refuses it")
            } else {
                (Certainty::Sure, "istioctl drops it without a word")
            };
            let node = dropped
                .patch
                .get("path")
                .unwrap_or_else(|| dropped.patch.clone());
            self.found.push(Ignored {
                node,
                is_key: false,
                why: format!("finds nothing to change ({}), and {what}", dropped.why),
                certainty,
                remedy: None,
            });
        }
    }
}
