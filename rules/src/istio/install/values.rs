//! What istiod's chart makes of the values that it gets, by its version: which keys it reads, what its
//! defaults and profiles say, what it refuses.
//!
//! Up to 1.20 the chart's own values are plain; from 1.21 to 1.23 they stand below `defaults`, so that a
//! profile fits in between; from 1.24 on they stand below `_internal_defaults_do_not_set`, and everything
//! below `pilot` is copied to the root (`templates/zzz_profile.yaml`, `templates/zzy_descope_legacy.yaml`
//! of the chart). Compared with what Helm renders (`tests/fixtures/oracle/helm`).

use serde_json::{Value, json};

use super::plane::READS_EXTRA_ARGS;
use super::profile::{self, HAS_PROFILES};
use super::release::{Layer, Parameter, Reading, Release};
use super::traced::Traced;
use crate::istio::args::AGE;
use crate::istio::version::{Minor, Version};
use crate::object::Node;

/// First chart that copies what is below `pilot` to the root, and reads it there.
pub(crate) const READS_ROOT: Minor = Minor::one(24);
/// First chart that says nothing of hold by itself.
const NO_HOLD_DEFAULT: Minor = Minor::one(18);

/// Where the chart keeps its own values from 1.24 on.
pub(crate) const INTERNAL: &str = "_internal_defaults_do_not_set";
/// Where it keeps them from 1.21 to 1.23.
pub(crate) const DEFAULTS: &str = "defaults";

/// The values with which the chart's templates work.
#[derive(Clone, Debug)]
pub struct Effective<'a> {
    root: Traced<'a>,
    version: Version,
}

/// Why the chart renders nothing from its values.
#[derive(Clone, Debug)]
pub struct Refused<'a> {
    /// In the chart's words, where it has any.
    pub why: String,
    /// What it refuses.
    pub at: Option<Node<'a>>,
}

impl<'a> Effective<'a> {
    /// What the chart of this version makes of a release's values.
    pub(super) fn of(release: &Release<'a>, version: Version) -> Result<Self, Refused<'a>> {
        let mut user = given(release);
        let mut root = Traced::of_value(defaults(version));
        let prefix = own_prefix(version.minor);
        if let Some(node) = prefix
            .and_then(|own| user.get(own))
            .filter(|own| own.is_null())
        {
            let why = "null takes the chart's own values away".to_owned();
            return Err(Refused::of(why, node));
        }
        if let Some(node) = user.take(DEFAULTS).filter(Traced::is_true) {
            if version.minor >= READS_ROOT {
                let why = "Setting with .default prefix found; remove it".to_owned();
                return Err(Refused::of(why, &node));
            }
            if prefix == Some(DEFAULTS) {
                root.merge(node);
            }
        }
        if prefix == Some(INTERNAL) {
            user.take(INTERNAL)
                .into_iter()
                .for_each(|node| root.merge(node));
        }
        root.merge(profile::values(release, &user, version)?);
        root.merge(user);
        if version.minor >= READS_ROOT
            && let Some(pilot) = root.get("pilot").filter(|pilot| !pilot.is_null()).cloned()
        {
            if pilot.members().is_none() {
                return Err(Refused::of("`pilot` is no mapping".to_owned(), &pilot));
            }
            root.merge(pilot);
        }
        let effective = Self { root, version };
        effective.is_refused().map_or(Ok(effective), Err)
    }

    /// The tree of all values.
    pub fn root(&self) -> &Traced<'a> {
        &self.root
    }

    /// A setting of istiod's own: below `pilot` up to 1.23, at the root from 1.24 on.
    pub fn setting(&self, keys: &[&str]) -> Option<&Traced<'a>> {
        self.settings()?.at(keys)
    }

    fn settings(&self) -> Option<&Traced<'a>> {
        if self.version.minor >= READS_ROOT {
            Some(&self.root)
        } else {
            self.root.get("pilot")
        }
    }

    /// A template fails that takes a member out of nothing, or compares what is of another type.
    fn is_refused(&self) -> Option<Refused<'a>> {
        let minor = self.version.minor;
        let setting = |key| self.setting(&[key]);
        let value = |keys: &[&str]| self.root.at(keys);
        let extra = setting("extraContainerArgs").filter(|extra| extra.is_true());
        let wanted = [
            (self.settings(), "pilot", Wanted::Map),
            (
                setting("env").filter(|_| asks_environment(minor)),
                "env",
                Wanted::Map,
            ),
            (value(&["global"]), "global", Wanted::Map),
            (value(&["global", "proxy"]), "global.proxy", Wanted::Map),
            (value(&["global", "logging"]), "global.logging", Wanted::Map),
            (
                value(&["global", "defaultPodDisruptionBudget"]),
                "global.defaultPodDisruptionBudget",
                Wanted::Map,
            ),
            (value(&["meshConfig"]), "meshConfig", Wanted::Map),
            (
                value(&["istiodRemote"]).filter(|_| minor >= HAS_PROFILES),
                "istiodRemote",
                Wanted::Map,
            ),
            (
                extra.filter(|_| minor >= READS_EXTRA_ARGS),
                "extraContainerArgs",
                Wanted::List,
            ),
            (setting("image"), "image", Wanted::Text),
            (
                value(&["revision"]).filter(|revision| !revision.is_null()),
                "revision",
                Wanted::Text,
            ),
        ];
        wanted.into_iter().find_map(|(value, name, wanted)| {
            let value = value.filter(|value| !wanted.fits(value))?;
            Some(Refused::of(
                format!("`{name}` is no {}", wanted.name()),
                value,
            ))
        })
    }
}

/// What a template takes a value for.
#[derive(Clone, Copy)]
enum Wanted {
    Map,
    List,
    Text,
}

impl Wanted {
    fn fits(self, value: &Traced<'_>) -> bool {
        match self {
            Self::Map => value.members().is_some(),
            Self::List => value.items().is_some(),
            Self::Text => value.value().is_string(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Map => "mapping",
            Self::List => "list",
            Self::Text => "text",
        }
    }
}

/// Whether a template takes members out of `env`: in 1.8, and from 1.12 on.
fn asks_environment(minor: Minor) -> bool {
    matches!(minor.minor, 8 | 12..)
}

impl<'a> Refused<'a> {
    pub(super) fn of(why: String, value: &Traced<'a>) -> Self {
        Self {
            why,
            at: value.from().cloned(),
        }
    }
}

/// Where a chart keeps its own values.
fn own_prefix(minor: Minor) -> Option<&'static str> {
    match minor {
        minor if minor >= READS_ROOT => Some(INTERNAL),
        minor if minor >= HAS_PROFILES => Some(DEFAULTS),
        _ => None,
    }
}

/// What the user says, all layers in one.
pub(super) fn given<'a>(release: &Release<'a>) -> Traced<'a> {
    let mut user = Traced::map();
    for layer in release.layers.iter().rev() {
        match layer {
            Layer::Values(node) if node.value().is_object() => user.merge(Traced::of_node(node)),
            Layer::Values(_) => {}
            Layer::Global(node) => {
                let mut above = Traced::map();
                above.set(&["global".to_owned()], Traced::of_node(node));
                user.merge(above);
            }
            Layer::Parameters(parameters) => {
                for parameter in parameters {
                    user.set(&parameter.path, read(parameter));
                }
            }
        }
    }
    if let Some(members) = user.members_mut() {
        members.retain(|name, _| !release.drops(name));
    }
    user
}

/// The value of a parameter, as `--set` reads it.
fn read<'a>(parameter: &Parameter<'a>) -> Traced<'a> {
    let node = &parameter.value;
    if parameter.reading == Reading::Printed {
        return Traced::text_of(Traced::of_node(node).text(), Some(node.clone()));
    }
    let text = node.str().filter(|_| parameter.reading == Reading::Set);
    let Some(text) = text else {
        return Traced::of_node(node);
    };
    let is_number = text == "0" || !text.trim_start_matches('-').starts_with('0');
    let value = match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        text => match text.parse::<i64>() {
            Ok(number) if is_number => Value::from(number),
            _ => Value::String(text.to_owned()),
        },
    };
    Traced::of_value(value).said_by(node)
}

/// The chart's own values, as far as anything here asks for them.
fn defaults(version: Version) -> Value {
    let pilot = json!({
        "autoscaleEnabled": true,
        "autoscaleMin": 1,
        "autoscaleMax": 5,
        "replicaCount": 1,
        "image": "pilot",
        AGE: "30m",
        "env": {},
    });
    let mut proxy = json!({"clusterDomain": "cluster.local", "statusPort": 15020});
    if version.minor < NO_HOLD_DEFAULT {
        proxy["holdApplicationUntilProxyStarts"] = json!(false);
    }
    let mut root = json!({
        "revision": "",
        "pdb": {"minAvailable": 1},
        "meshConfig": {},
        "global": {
            "hub": own_hub(version.minor),
            "tag": version.to_string(),
            "logging": {"level": "default:info"},
            "defaultPodDisruptionBudget": {"enabled": true},
            "resourceScope": "all",
            "proxy": proxy,
        },
    });
    let members = root.as_object_mut().expect("written as one just above");
    if version.minor >= READS_ROOT {
        members.extend(
            pilot
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
    } else {
        members.insert("pilot".to_owned(), pilot);
    }
    root
}

/// The hub that a release of this minor is stamped with.
fn own_hub(minor: Minor) -> &'static str {
    if minor == Minor::one(30) {
        "registry.istio.io/release"
    } else {
        "docker.io/istio"
    }
}
