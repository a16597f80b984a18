//! What istiod's chart makes of the values that it gets, by its version: which keys it reads, what its
//! defaults and profiles say, what it refuses.
//!
//! Up to 1.20 the chart's own values are plain; from 1.21 to 1.23 they stand below `defaults`, so that a
//! profile fits in between; from 1.24 on they stand below `_internal_defaults_do_not_set`, and everything
//! below `pilot` is copied to the root (`templates/zzz_profile.yaml`, `templates/zzy_descope_legacy.yaml`
//! of the chart). Compared with what Helm renders (`tests/fixtures/oracle/helm`).

use serde_json::{Value, json};

use super::release::{Layer, Parameter, Reading, Release};
use super::traced::Traced;
use crate::istio::args::AGE;
use crate::istio::version::{Minor, Version};
use crate::object::Node;

/// First chart with profiles, compatibility versions and `defaults`.
pub(super) const HAS_PROFILES: Minor = Minor::one(21);
/// First chart that copies what is below `pilot` to the root, and reads it there.
pub(crate) const READS_ROOT: Minor = Minor::one(24);
/// First chart that reads `global.profile`.
const READS_GLOBAL_PROFILE: Minor = Minor::one(25);
/// First chart that says nothing of hold by itself.
const NO_HOLD_DEFAULT: Minor = Minor::one(18);
/// First chart whose compatibility versions switch native sidecars off.
const NATIVE_BY_ITSELF: Minor = Minor::one(27);

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
        let mut user = given(&release.layers);
        let mut root = Traced::of_value(defaults(version));
        let prefix = own_prefix(version.minor);
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
        root.merge(profile(release, &user, version)?);
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

    /// A template that takes a member out of nothing fails.
    fn is_refused(&self) -> Option<Refused<'a>> {
        let maps = [
            (self.settings(), "pilot"),
            (
                self.setting(&["env"])
                    .filter(|_| asks_environment(self.version.minor)),
                "env",
            ),
            (self.root.get("global"), "global"),
            (self.root.at(&["global", "proxy"]), "global.proxy"),
            (self.root.at(&["global", "logging"]), "global.logging"),
        ];
        maps.into_iter().find_map(|(value, name)| match value {
            Some(value) if value.members().is_none() => {
                Some(Refused::of(format!("`{name}` is no mapping"), value))
            }
            _ => None,
        })
    }
}

/// Whether a template takes members out of `env`: in 1.8, and from 1.12 on.
fn asks_environment(minor: Minor) -> bool {
    matches!(minor.minor, 8 | 12..)
}

impl<'a> Refused<'a> {
    fn of(why: String, value: &Traced<'a>) -> Self {
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
pub(super) fn given<'a>(layers: &[Layer<'a>]) -> Traced<'a> {
    let mut user = Traced::map();
    for layer in layers.iter().rev() {
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
    user
}

/// The value of a parameter, as `--set` reads it.
fn read<'a>(parameter: &Parameter<'a>) -> Traced<'a> {
    let node = &parameter.value;
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

/// What the chosen profile and compatibility version say.
fn profile<'a>(
    release: &Release<'a>,
    user: &Traced<'a>,
    version: Version,
) -> Result<Traced<'a>, Refused<'a>> {
    let minor = version.minor;
    let mut values = Traced::map();
    // An installer has profiles of its own; those that it shares with the chart say the same.
    if let Some(node) = &release.profile {
        let known = profile_values(node.str().unwrap_or_default(), minor);
        values.merge(Traced::of_value(known).said_throughout(node));
    }
    if minor < HAS_PROFILES {
        return Ok(values);
    }
    let global = user.at(&["global", "profile"]);
    let global = global.filter(|_| minor >= READS_GLOBAL_PROFILE);
    let mut chosen = [user.get("profile"), global].into_iter().flatten();
    if let Some(chosen) = chosen.find(|value| value.is_true()) {
        let name = chosen.text();
        if !profiles(minor).contains(&name.as_str()) {
            return Err(Refused::of(format!("unknown profile {name}"), chosen));
        }
        values.merge(said(profile_values(&name, minor), chosen));
    }
    if let Some(chosen) = user
        .get("compatibilityVersion")
        .filter(|value| value.is_true())
    {
        let known = chosen.value();
        let Some(behaves) = known.as_str().and_then(|text| compatible(text, minor)) else {
            let why = format!("unknown compatibility version {}", chosen.text());
            return Err(Refused::of(why, chosen));
        };
        if minor >= NATIVE_BY_ITSELF && behaves < NATIVE_BY_ITSELF {
            let env = json!({"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": "false"}}});
            values.merge(said(env, chosen));
        }
    }
    Ok(values)
}

fn said<'a>(values: Value, chosen: &Traced<'a>) -> Traced<'a> {
    let values = Traced::of_value(values);
    match chosen.from() {
        Some(node) => values.said_throughout(node),
        None => values,
    }
}

/// The profiles of istiod's chart (`files/profile-*.yaml`).
fn profiles(minor: Minor) -> &'static [&'static str] {
    match minor.minor {
        ..=21 => &["ambient", "demo", "openshift", "preview"],
        22 | 23 => &[
            "ambient",
            "demo",
            "openshift-ambient",
            "openshift",
            "preview",
            "stable",
        ],
        _ => &["ambient", "demo", "preview", "remote", "stable"],
    }
}

/// What a profile says, as far as anything here asks for it.
fn profile_values(name: &str, minor: Minor) -> Value {
    match name {
        "demo" => json!({"pilot": {"autoscaleEnabled": false}}),
        "ambient" | "openshift-ambient" if minor > HAS_PROFILES => {
            json!({"global": {"variant": "distroless"}})
        }
        "ambient" if minor == HAS_PROFILES => json!({"pilot": {"variant": "distroless"}}),
        "remote" if minor >= READS_ROOT => json!({"istiodRemote": {"enabled": true}}),
        _ => json!({}),
    }
}

/// The older version that a chart can behave as: the last three minors, and from 1.28 on all since 1.25
/// (`files/profile-compatibility-version-*.yaml`).
fn compatible(text: &str, chart: Minor) -> Option<Minor> {
    const OLDEST: Minor = Minor::one(20);
    const OLDEST_KEPT: Minor = Minor::one(25);
    let version = Minor::parse(text).filter(|version| version.to_string() == text)?;
    let is_near = version.minor + 3 >= chart.minor || version >= OLDEST_KEPT;
    let fits = version.major == chart.major && version < chart && version >= OLDEST && is_near;
    fits.then_some(version)
}
