//! A release: one of Istio's charts, with the values that an installer gives it.

use serde_json::Value;

use super::operator::Refusal;
use crate::finding::{Change, Location, op};
use crate::istio::build::Stated;
use crate::istio::image::Vendor;
use crate::istio::version::Version;
use crate::object::Node;

/// One of Istio's charts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chart {
    /// The control plane.
    Istiod,
    /// Custom resources and the rest that is there once.
    Base,
    /// The node agent that redirects traffic.
    Cni,
    /// Ambient's proxy on the node.
    Ztunnel,
    /// A gateway.
    Gateway,
    /// Umbrella over base, istiod, cni and ztunnel (1.24 and later); values stand below their names.
    Ambient,
    /// The umbrella of before 1.6; pilot's values stand below `pilot`.
    Istio,
    /// Charts that are retired: a remote istiod (up to 1.23), the operator in the cluster, `istio-ingress`,
    /// `istio-egress`.
    Retired,
}

impl Chart {
    /// The chart of this name in Istio's own repositories.
    pub fn of_name(name: &str) -> Option<Self> {
        let chart = match name {
            "istiod" | "istio-discovery" => Self::Istiod,
            "base" | "istio-base" => Self::Base,
            "cni" | "istio-cni" => Self::Cni,
            "ztunnel" => Self::Ztunnel,
            "gateway" => Self::Gateway,
            "ambient" => Self::Ambient,
            "istio" => Self::Istio,
            "istiod-remote" | "istio-operator" | "istio-ingress" | "istio-egress" => Self::Retired,
            _ => return None,
        };
        Some(chart)
    }

    /// What messages call that which it installs.
    pub fn installs(self) -> &'static str {
        match self {
            Self::Istiod | Self::Istio | Self::Retired => "the Istio to install",
            Self::Base => "the base chart to install",
            Self::Cni => "the CNI agent to install",
            Self::Ztunnel => "the ztunnel to install",
            Self::Gateway => "the gateway to install",
            Self::Ambient => "the ambient mesh to install",
        }
    }
}

/// One chart with the values that an installer gives it.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// Which chart.
    pub chart: Chart,
    /// The chart's version, where the installer's file states one. What stands in an image's tag is
    /// no chart version.
    pub version: Option<InstallVersion<'a>>,
    /// The chart's version, where another file states it: the `Chart.yaml` of the values.
    pub known: Option<Version>,
    /// Whether a vendor publishes the chart: its defaults are not Istio's.
    pub is_vendors: bool,
    /// The profile that is chosen outside of the values (`spec.profile` of an installer's object).
    pub profile: Option<Node<'a>>,
    /// What sets values, the strongest first.
    pub layers: Vec<Layer<'a>>,
    /// The names that an API server's schema has for the root of the values, where there is one: it drops
    /// all others.
    pub roots: Option<&'static [&'static str]>,
    /// Values that are not in sight.
    pub unseen: Unseen,
    /// Where that stands which nobody sets.
    pub home: Home<'a>,
    /// Values that its installer refuses: then nothing is installed.
    pub refusal: Option<Refusal<'a>>,
    /// The key below which the values stand, where nothing in sight says that a chart of Istio's is called
    /// so.
    pub guessed: Option<Node<'a>>,
    /// Whether a person says which chart it is (`--chart`), and means its version with `--istio-version`.
    pub is_named: bool,
    /// The spec of an `IstioOperator`, whose settings and overlays change what the chart writes.
    pub operator: Option<Node<'a>>,
}

impl<'a> Release<'a> {
    /// A release of a chart about which nothing else is said.
    pub fn new(chart: Chart, home: Home<'a>) -> Self {
        Self {
            chart,
            version: None,
            known: None,
            guessed: None,
            is_vendors: false,
            profile: None,
            layers: Vec::new(),
            roots: None,
            unseen: Unseen::NOTHING,
            home,
            refusal: None,
            is_named: false,
            operator: None,
        }
    }
}

/// Where a value is added that nobody sets.
#[derive(Clone, Debug)]
pub struct Addition<'a> {
    parent: Node<'a>,
    keys: Vec<String>,
    is_dotted: bool,
}

impl<'a> Addition<'a> {
    /// Below this node, under these keys.
    pub fn below(parent: &Node<'a>, keys: &[&str]) -> Self {
        Self {
            parent: parent.clone(),
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            is_dotted: false,
        }
    }

    fn at_home(home: &Home<'a>, path: &[&str]) -> Option<Self> {
        let (parent, above) = home.add.as_ref()?;
        let dotted = path.join(".");
        let path = if home.is_dotted {
            &[dotted.as_str()]
        } else {
            path
        };
        Some(Self {
            is_dotted: home.is_dotted,
            ..Self::below(parent, &[above, path].concat())
        })
    }

    /// The change that adds it.
    pub fn of(&self, value: Value) -> Change<'a> {
        let value = match value {
            // Only numbers and texts have a place there, and the text means the same.
            Value::Bool(on) if self.is_dotted => Value::String(on.to_string()),
            value => value,
        };
        op::add_below(&self.parent, &self.keys, value)
    }

    /// Where it goes, for titles: `spec.values.pilot.env`.
    pub fn name(&self) -> String {
        self.keys.join(".")
    }
}

impl<'a> Release<'a> {
    /// Where a value that nobody sets is added so that the chart gets it; `None` where it cannot be added
    /// here. What is no mapping takes away all that weaker layers say below its key.
    pub fn addition(&self, path: &[&str]) -> Option<Addition<'a>> {
        let (first, _) = path.split_first()?;
        for layer in &self.layers {
            match layer {
                Layer::Values(values) => {
                    if values
                        .get(first)
                        .is_some_and(|own| !own.value().is_object())
                    {
                        return Some(Addition::below(values, path));
                    }
                }
                Layer::Parameters(parameters) => {
                    let mut whole = parameters.iter().filter(|one| one.path == [*first]);
                    if whole.any(|one| !one.value.value().is_object()) {
                        return None;
                    }
                }
                Layer::Global(_) => {}
            }
        }
        Addition::at_home(&self.home, path)
    }
}

/// How deep values are searched.
const DEPTH: usize = 12;

impl<'a> Release<'a> {
    /// Whether the API server drops what stands at the root of the values under this name.
    pub fn drops(&self, name: &str) -> bool {
        self.roots.is_some_and(|roots| !roots.contains(&name))
    }

    /// Every member of the values, each with its path among them.
    pub fn fields(&self) -> Vec<(Vec<String>, Node<'a>)> {
        let mut found = Vec::new();
        for layer in &self.layers {
            match layer {
                Layer::Values(node) => collect(node, &[], DEPTH, &mut found),
                Layer::Global(node) => collect(node, &["global".to_owned()], DEPTH, &mut found),
                Layer::Parameters(parameters) => {
                    for parameter in parameters {
                        found.push((parameter.path.clone(), parameter.value.clone()));
                        collect(&parameter.value, &parameter.path, DEPTH, &mut found);
                    }
                }
            }
        }
        found
    }
}

fn collect<'a>(
    node: &Node<'a>,
    path: &[String],
    depth: usize,
    found: &mut Vec<(Vec<String>, Node<'a>)>,
) {
    for (key, member) in node.entries().filter(|_| depth > 0) {
        let mut below = path.to_vec();
        below.push(key.to_owned());
        collect(&member, &below, depth - 1, found);
        found.push((below, member));
    }
}

/// Values from one place.
#[derive(Clone, Debug)]
pub enum Layer<'a> {
    /// A mapping, as in a values file.
    Values(Node<'a>),
    /// The `global` of a chart above this one, which reaches all charts below it and beats their own.
    Global(Node<'a>),
    /// Single values, as with `--set`; of two for one path the last wins.
    Parameters(Vec<Parameter<'a>>),
}

/// One value at a path.
#[derive(Clone, Debug)]
pub struct Parameter<'a> {
    /// Names and indices: `pilot.env.NAME`.
    pub path: Vec<String>,
    /// The value.
    pub value: Node<'a>,
    /// How it is read.
    pub reading: Reading,
}

/// How the value of a [`Parameter`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As it stands, whatever it is.
    Plain,
    /// As `--set` reads a text: `true`, `false`, `null` and whole numbers become that.
    Set,
    /// As `--set-string` reads a text.
    Text,
    /// As the text that it prints as: a number is one no more.
    Printed,
}

/// Whether there are values that are not in sight: values files of a repository, a ConfigMap, the
/// command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Some that lose against those in sight.
    pub weaker: bool,
    /// Some that win over those in sight.
    pub stronger: bool,
}

impl Unseen {
    /// Everything is in sight.
    pub const NOTHING: Self = Self {
        weaker: false,
        stronger: false,
    };
    /// A values file is one of several, and `--set` comes on top.
    pub const ANYTHING: Self = Self {
        weaker: true,
        stronger: true,
    };

    /// Whether the file is all that the installer sees.
    pub fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }
}

/// Where that stands which nobody sets.
#[derive(Clone, Debug)]
pub struct Home<'a> {
    /// The place of a finding where no layer has a `pilot`: the key of the values, else the spec's, else
    /// the object.
    pub at: Location,
    /// Where a value is to be added: below this node, under these keys and then those of the value
    /// (`pilot`, ...). `None` where it cannot be added here.
    pub add: Option<(Node<'a>, Vec<&'static str>)>,
    /// Whether the keys of the value are one key there, with dots, as `--set` takes it.
    pub is_dotted: bool,
}

/// A version that an installer's file states.
#[derive(Clone, Debug)]
pub struct InstallVersion<'a> {
    /// The chart that has it; `None` for an image that says it of the whole mesh.
    pub chart: Option<Chart>,
    /// The field.
    pub node: Node<'a>,
    /// What it says.
    pub stated: Stated,
    /// Who built it, if that is a known vendor.
    pub vendor: Option<Vendor>,
}

impl<'a> Parameter<'a> {
    /// A value under a name as `--set` takes it: `pilot.env.A`, `a.b\.c`, `list[0].name`. With
    /// `is_text` it stays a text (`--set-string`, Argo CD's `forceString`).
    pub fn named(name: &str, value: Node<'a>, is_text: bool) -> Self {
        Self {
            path: path_of(name),
            value,
            reading: if is_text { Reading::Text } else { Reading::Set },
        }
    }

    /// A value that an installer puts under this path as it stands.
    pub fn plain(path: &[&str], value: Node<'a>) -> Self {
        Self {
            path: path.iter().map(|&name| name.to_owned()).collect(),
            value,
            reading: Reading::Plain,
        }
    }
}

/// The names and indices of a path as Helm's `--set` writes it.
fn path_of(name: &str) -> Vec<String> {
    let mut path = vec![String::new()];
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        let current = path.last_mut().expect("never empty");
        match letter {
            '\\' => current.extend(letters.next()),
            '.' if current.is_empty() => {}
            '.' | '[' => path.push(String::new()),
            ']' => {}
            letter => current.push(letter),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_helm_does() {
        let cases: &[(&str, &[&str])] = &[
            ("pilot.env.A", &["pilot", "env", "A"]),
            (
                r"nodeSelector.kubernetes\.io/os",
                &["nodeSelector", "kubernetes.io/os"],
            ),
            ("a[0].b", &["a", "0", "b"]),
            ("revision", &["revision"]),
        ];
        for (name, path) in cases {
            assert_eq!(path_of(name), *path, "{name}");
        }
    }
}
