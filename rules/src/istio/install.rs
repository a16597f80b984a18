//! Files from which an installer makes a mesh: IstioOperator, Helm values.

use serde_json::Value;

use crate::istio::args::AGE;
use crate::istio::build::Stated;
use crate::istio::duration::GoDuration;
use crate::istio::image::{Image, Vendor};
use crate::istio::keepalive::{AgeSetting, argument_text};
use crate::object::{Node, Object, Strings};
use crate::rule::ObjectKind;

mod overlay;

/// What the charts set where nobody says otherwise: 30m in every chart from 1.1 to 1.31.
const CHART_DEFAULT: GoDuration = GoDuration::from_minutes(30);

/// `IstioOperator`, in the cluster or as a file for istioctl.
pub const ISTIO_OPERATOR: ObjectKind =
    ObjectKind::new("install.istio.io", "IstioOperator", "istiooperators");
/// A file of Helm values, which no API server sees.
pub const HELM_VALUES: ObjectKind = ObjectKind::new("", "", "");

/// Kinds from which an installer makes a mesh.
pub const INSTALLS: &[ObjectKind] = &[ISTIO_OPERATOR, HELM_VALUES];

/// A file from which an installer makes a mesh.
#[derive(Clone, Debug)]
pub struct Install<'a> {
    /// The connection age of the istiod that it installs.
    pub age: Option<AgeSetting<'a>>,
    /// Whether the file is all that the installer sees. Else the chart's default may be overridden
    /// elsewhere.
    pub is_complete: bool,
    /// Whether the age is the chart's default, which stands nowhere in the file.
    pub is_default: bool,
    /// The versions that it states.
    pub versions: Vec<InstallVersion<'a>>,
}

/// A version that an installer's file states.
#[derive(Clone, Debug)]
pub struct InstallVersion<'a> {
    /// The field.
    pub node: Node<'a>,
    /// What it says.
    pub stated: Stated,
    /// Who built it, if that is a known vendor.
    pub vendor: Option<Vendor>,
}

impl<'a> Install<'a> {
    /// Reads an installer's file; `None` for anything else.
    pub fn of(object: &Object<'a>, _strings: &'a Strings) -> Option<Self> {
        if ISTIO_OPERATOR.matches(object) {
            Some(Self::of_operator(object))
        } else if HELM_VALUES.matches(object) {
            Some(Self::of_values(object))
        } else {
            None
        }
    }

    fn of_operator(object: &Object<'a>) -> Self {
        let root = &object.root;
        let spec = root.get_set("spec");
        let at = |keys: &[&str]| spec.as_ref().and_then(|spec| spec.at(keys));
        // `unvalidatedValues` is not held to the schema, and so takes the key at its root too.
        let places = [
            &["unvalidatedValues", "pilot"][..],
            &["values", "pilot"][..],
            &["unvalidatedValues"][..],
        ];
        let explicit = places.into_iter().find_map(|path| at(path)?.get(AGE));
        let is_default = explicit.is_none();
        let base = explicit.as_ref().map_or_else(
            || operator_default(root, spec.as_ref()),
            |node| AgeSetting::of_value(node, value_name(node)),
        );
        let text = explicit
            .as_ref()
            .map_or_else(|| CHART_DEFAULT.to_string(), argument_text);
        let rendered = spec
            .as_ref()
            .and_then(|spec| overlay::arguments(spec, &text, explicit));
        let age = match rendered {
            _ if installs_no_istiod(spec.as_ref()) => None,
            Some(items) => Some(AgeSetting::of_rendered(&items, base, value_name)),
            None => Some(base),
        };
        let hub = at(&["hub"]).and_then(|hub| hub.str()).unwrap_or_default();
        let tags = [
            &["tag"][..],
            &["values", "global", "tag"][..],
            &["values", "pilot", "tag"][..],
        ];
        let versions = tags
            .into_iter()
            .filter_map(|path| version(at(path)?, hub))
            .collect();
        Self {
            age,
            is_complete: true,
            is_default,
            versions,
        }
    }

    fn of_values(object: &Object<'a>) -> Self {
        let root = &object.root;
        let under_pilot = root.get_set("pilot").and_then(|pilot| pilot.get(AGE));
        let explicit = under_pilot.or_else(|| root.get(AGE));
        let is_default = explicit.is_none();
        let is_own_default = ["_internal_defaults_do_not_set", "defaults"]
            .iter()
            .any(|key| root.get_set(key).is_some());
        let age = match explicit {
            Some(node) => Some(AgeSetting::of_value(&node, value_name(&node))),
            None if is_own_default => None,
            None => root.get_set("pilot").map(|pilot| {
                let name = format!("`pilot.{AGE}` is not set here, and the chart's default");
                let at = pilot.key();
                AgeSetting::of_default(CHART_DEFAULT, name, at, root.clone(), vec!["pilot", AGE])
            }),
        };
        let hub = root
            .at(&["global", "hub"])
            .and_then(|hub| hub.str())
            .unwrap_or_default();
        let tags = [&["global", "tag"][..], &["pilot", "tag"][..]];
        let versions = tags
            .into_iter()
            .filter_map(|path| version(root.at(path)?, hub))
            .collect();
        Self {
            age,
            is_complete: false,
            is_default,
            versions,
        }
    }
}

/// `values.pilot.keepalive...` as a person would write the path.
fn value_name(node: &Node<'_>) -> String {
    let path: Vec<String> = node
        .pointer()
        .tokens()
        .filter(|token| token != "spec")
        .collect();
    format!("`{}`", path.join("."))
}

fn installs_no_istiod(spec: Option<&Node<'_>>) -> bool {
    let Some(spec) = spec else { return false };
    let profile = spec.str_at("profile").unwrap_or_default();
    let is_off = |path: &[&str]| {
        spec.at(path)
            .is_some_and(|node| node.value() == &Value::Bool(false))
    };
    matches!(profile, "empty" | "remote" | "external") && !is_on(spec)
        || is_off(&["components", "pilot", "enabled"])
        || is_off(&["values", "pilot", "enabled"])
}

fn is_on(spec: &Node<'_>) -> bool {
    let enabled = spec.at(&["components", "pilot", "enabled"]);
    enabled.is_some_and(|node| node.value() == &Value::Bool(true))
}

/// The age that a spec leaves to the chart: the finding stands where a value would go.
fn operator_default<'a>(root: &Node<'a>, spec: Option<&Node<'a>>) -> AgeSetting<'a> {
    let at = |keys: &[&str]| spec.and_then(|spec| spec.at(keys));
    let place = at(&["values", "pilot"])
        .or_else(|| at(&["values"]))
        .or_else(|| spec.cloned());
    let place = place.map_or_else(|| root.whole(), |node| node.key());
    let name = format!("`values.pilot.{AGE}` is not set, and the chart's default");
    let keys = vec!["spec", "values", "pilot", AGE];
    AgeSetting::of_default(CHART_DEFAULT, name, place, root.clone(), keys)
}

fn version<'a>(node: Node<'a>, hub: &str) -> Option<InstallVersion<'a>> {
    let text = match node.value() {
        Value::String(text) => text.clone(),
        // YAML has made a number of `1.20`; Helm and istioctl write it the same way.
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    let vendor = Image::parse(&format!("{hub}/pilot:{text}")).vendor();
    Some(InstallVersion {
        node,
        stated: Stated::of_tag(&text, None),
        vendor,
    })
}
