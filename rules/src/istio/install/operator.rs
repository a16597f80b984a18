//! `IstioOperator`: the file of istioctl, and up to 1.23 of an operator in the cluster.

use std::borrow::Cow;

use serde_json::Value;

use super::release::{Chart, Home, Layer, Parameter, Reading, Release};
use super::{Install, images};
use crate::istio::args::AGE;
use crate::istio::duration::GoDuration;
use crate::istio::hold::Hold;
use crate::istio::proxy_config;
use crate::istio::version::{Minor, Version};
use crate::object::{Node, Object};

/// Something that istioctl refuses: nothing is installed.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    /// What it refuses.
    pub node: Node<'a>,
    /// Its words.
    pub why: String,
    /// Which kind of mistake it is.
    pub mistake: Mistake,
}

/// A kind of mistake that istioctl refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The connection age is no duration, or no text.
    Age,
    /// A key that istioctl does not know there.
    Key,
    /// Hold is no boolean, or a field beside it has a wrong type.
    Hold,
    /// Values that are no YAML, which Helm refuses.
    Values,
    /// Something that says nothing of this program's subjects.
    Other,
}

/// Reads an `IstioOperator`.
pub(super) fn read<'a>(object: &Object<'a>) -> Install<'a> {
    let root = &object.root;
    let spec = root.get_set("spec");
    let release = release(root, spec.as_ref());
    let versions = images::versions(&release);
    Install {
        releases: if installs_istiod(spec.as_ref()) {
            vec![release]
        } else {
            Vec::new()
        },
        versions,
        refusals: spec.iter().flat_map(refusals).collect(),
    }
}

/// istiod's chart as istioctl uses it.
fn release<'a>(root: &Node<'a>, spec: Option<&Node<'a>>) -> Release<'a> {
    let at = |key: &str| spec.and_then(|spec| spec.get_set(key));
    let values = at("values");
    let home = Home {
        is_dotted: false,
        at: match (&values, spec) {
            (Some(values), _) => values.key(),
            (None, Some(spec)) => spec.key(),
            (None, None) => root.whole(),
        },
        add: Some((root.clone(), vec!["spec", "values"])),
    };
    let mut release = Release::new(Chart::Istiod, home);
    release.profile = at("profile");
    // A profile of one's own is a file that is not here.
    release.unseen.weaker = release
        .profile
        .as_ref()
        .is_some_and(|profile| profile.str().is_some_and(|name| name.contains(['/', '.'])));
    release.operator = spec.cloned();
    release.layers = spec.map(layers).unwrap_or_default();
    release
}

/// Fields of the spec, each with the value that it becomes.
type Fields = &'static [(&'static [&'static str], &'static [&'static str])];

const KUBERNETES: Fields = &[
    (
        &["components", "pilot", "k8s", "hpaSpec", "minReplicas"],
        &["pilot", "autoscaleMin"],
    ),
    (
        &["components", "pilot", "k8s", "hpaSpec", "maxReplicas"],
        &["pilot", "autoscaleMax"],
    ),
    (
        &["components", "pilot", "k8s", "replicaCount"],
        &["pilot", "replicaCount"],
    ),
];
const COMPONENT: Fields = &[
    (&["components", "pilot", "hub"], &["pilot", "hub"]),
    (&["components", "pilot", "tag"], &["pilot", "tag"]),
];
const MESH: Fields = &[(&["meshConfig"], &["meshConfig"])];
const SPEC: Fields = &[
    (&["hub"], &["global", "hub"]),
    (&["tag"], &["global", "tag"]),
    (&["revision"], &["revision"]),
    (&["compatibilityVersion"], &["compatibilityVersion"]),
];

/// The strongest first. A value beats the field of the spec that says the same, but for the mesh config;
/// what stands at the component beats both.
fn layers<'a>(spec: &Node<'a>) -> Vec<Layer<'a>> {
    let fields = |fields: &[(&[&str], &[&str])], reading| {
        let field = |(from, path): &(&[&str], &[&str])| {
            let plain = Parameter::plain(path, spec.at(from)?);
            Some(Parameter { reading, ..plain })
        };
        Layer::Parameters(fields.iter().filter_map(field).collect())
    };
    let values = |key: &str| spec.get_set(key).map(Layer::Values);
    let layers = [
        Some(fields(KUBERNETES, Reading::Plain)),
        Some(fields(COMPONENT, Reading::Printed)),
        values("unvalidatedValues"),
        Some(fields(MESH, Reading::Plain)),
        values("values"),
        Some(fields(SPEC, Reading::Printed)),
    ];
    layers.into_iter().flatten().collect()
}

/// The release as istioctl of a version sees it: from 1.31 on, and in the last patches of 1.28, the chart
/// gets the numbers of `k8s`; else they only change what it writes.
pub(super) fn as_of<'r, 'a>(release: &'r Release<'a>, version: Version) -> Cow<'r, Release<'a>> {
    const TELLS_CHART: Minor = Minor::one(31);
    const TELLS_CHART_TOO: Minor = Minor::one(28);
    let tells = version.minor >= TELLS_CHART
        || version.minor == TELLS_CHART_TOO && version.patch.is_none_or(|patch| patch >= 8);
    if tells || release.operator.is_none() {
        return Cow::Borrowed(release);
    }
    let mut release = release.clone();
    release.layers.drain(..1);
    Cow::Owned(release)
}

fn installs_istiod(spec: Option<&Node<'_>>) -> bool {
    let Some(spec) = spec else { return true };
    let enabled = spec.at(&["components", "pilot", "enabled"]);
    let enabled = enabled.and_then(|node| node.value().as_bool());
    let profile = spec.str_at("profile").unwrap_or_default();
    enabled.unwrap_or(!matches!(profile, "empty" | "external"))
}

/// What istioctl refuses of that which people write about the age.
fn refusals<'a>(spec: &Node<'a>) -> Vec<Refusal<'a>> {
    let mut found = Vec::new();
    let values = spec.get_set("values");
    let pilot = spec.at(&["values", "pilot"]);
    if let Some(age) = pilot.as_ref().and_then(|pilot| pilot.get_set(AGE)) {
        found.extend(refused_age(&age));
    }
    if let Some(list) = pilot
        .as_ref()
        .and_then(|pilot| pilot.get_set("extraContainerArgs"))
    {
        let is_text = list.elements().any(|item| !item.value().is_object());
        let why = "bad StructValue: json: cannot unmarshal string into Go value of type \
                   map[string]json.RawMessage";
        found.extend(is_text.then(|| Refusal {
            node: list,
            why: why.to_owned(),
            mistake: Mistake::Key,
        }));
    }
    let configs = [&["meshConfig"][..], &["values", "meshConfig"][..]];
    for config in configs.into_iter().filter_map(|path| spec.at(path)) {
        found.extend(refused_config(&config));
    }
    let of_proxy = spec.at(&["values", "global", "proxy"]);
    found.extend(of_proxy.iter().filter_map(refused_hold));
    found.extend(refused_revision(spec));
    found.extend(refused_texts(spec));
    // Where a key that looks like the age is unknown.
    let places = [
        (Some(spec.clone()), ""),
        (spec.at(&["components", "pilot"]), ""),
        (spec.at(&["components", "pilot", "k8s"]), ""),
        (values, " in istio.operator.v1alpha1.Values"),
        (
            spec.at(&["values", "global"]),
            " in istio.operator.v1alpha1.GlobalConfig",
        ),
        (
            spec.at(&["values", "global", "proxy"]),
            " in istio.operator.v1alpha1.ProxyConfig",
        ),
        (pilot, " in istio.operator.v1alpha1.PilotConfig"),
    ];
    for (place, of) in places {
        let is_pilot = of.ends_with("PilotConfig");
        let entries = place.iter().flat_map(Node::entries);
        let unknown = entries.filter(|(key, _)| crate::istio::resembles(key, AGE));
        found.extend(
            unknown
                .filter(|(key, _)| !is_pilot || *key != AGE)
                .map(|(key, node)| Refusal {
                    node,
                    why: format!("unknown field {key:?}{of}"),
                    mistake: Mistake::Key,
                }),
        );
    }
    found
}

/// istioctl reads the age itself: a text that is a duration, or nothing.
fn refused_age<'a>(age: &Node<'a>) -> Option<Refusal<'a>> {
    let why = match age.value() {
        Value::String(text) => format!("bad Duration: {}", GoDuration::parse(text).err()?),
        Value::Number(_) => "json: cannot unmarshal number into Go value of type string".to_owned(),
        Value::Bool(_) => "json: cannot unmarshal bool into Go value of type string".to_owned(),
        Value::Array(_) => "json: cannot unmarshal array into Go value of type string".to_owned(),
        Value::Object(_) => "json: cannot unmarshal object into Go value of type string".to_owned(),
        Value::Null => return None,
    };
    Some(Refusal {
        node: age.clone(),
        why,
        mistake: Mistake::Age,
    })
}

/// Fields of a mesh config's `defaultConfig` that have a wrong type.
fn refused_config<'a>(config: &Node<'a>) -> Vec<Refusal<'a>> {
    let defaults = config.get_set("defaultConfig");
    let hold = defaults.as_ref().and_then(refused_hold);
    let others = defaults.iter().flat_map(proxy_config::refused);
    let others = others.map(|refused| Refusal {
        node: refused.node,
        why: format!("it is not {}", refused.wanted),
        mistake: Mistake::Hold,
    });
    hold.into_iter().chain(others).collect()
}

/// Hold that is no boolean.
fn refused_hold<'a>(config: &Node<'a>) -> Option<Refusal<'a>> {
    let node = Hold::node_in(config).filter(|node| !node.value().is_boolean())?;
    Some(Refusal {
        node,
        why: "it is not a boolean".to_owned(),
        mistake: Mistake::Hold,
    })
}

/// Fields of the spec that have to be texts.
fn refused_texts<'a>(spec: &Node<'a>) -> impl Iterator<Item = Refusal<'a>> {
    let names = [
        "profile",
        "hub",
        "revision",
        "compatibilityVersion",
        "namespace",
    ];
    let fields = names.map(|name| spec.get_set(name).filter(|node| node.str().is_none()));
    fields.into_iter().flatten().map(|node| Refusal {
        why: format!(
            "json: cannot unmarshal {} into Go struct field of type string",
            node.value()
        ),
        node,
        mistake: Mistake::Other,
    })
}

/// A revision that could not be part of a name.
fn refused_revision<'a>(spec: &Node<'a>) -> Option<Refusal<'a>> {
    let node = spec.get_set("revision")?;
    let text = node.str()?;
    let is_label = text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (!is_label).then(|| Refusal {
        node: node.clone(),
        why: format!("invalid revision specified: {text}"),
        mistake: Mistake::Other,
    })
}
