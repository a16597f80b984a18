//! istiod as a release is going to run it, with the provenance of everything that matters here.

use std::collections::BTreeMap;

use serde_json::json;

use super::release::Release;
use super::traced::Traced;
use super::values::{Effective, READS_ROOT, Refused};
use super::{ChartVersion, operator, overlay};
use crate::finding::Pointer;
use crate::istio::args::AGE;
use crate::istio::image::{Image, Tag};
use crate::istio::probe::istiod_readiness;
use crate::istio::version::{Minor, Version};
use crate::object::{Node, Strings};

/// First chart with `extraContainerArgs`.
pub(crate) const READS_EXTRA_ARGS: Minor = Minor::one(19);
/// First chart that reads `variant`.
const READS_VARIANT: Minor = Minor::one(16);
/// First chart whose disruption budget can be set.
const READS_BUDGET: Minor = Minor::one(27);
/// First chart that leaves the disruption budget away where there is one replica.
const DROPS_BUDGET: Minor = Minor::one(28);
/// First chart that may install nothing for `global.resourceScope`.
const READS_SCOPE: Minor = Minor::one(28);
/// First chart that installs a local injector beside a remote istiod.
const HAS_LOCAL_INJECTOR: Minor = Minor::one(27);

/// istiod as a release is going to run it.
#[derive(Debug)]
pub struct Plane<'a> {
    /// The chart's version.
    pub chart: ChartVersion,
    /// `istiod` or `istiod-<revision>`.
    pub name: String,
    /// The values that the chart works with.
    pub values: Effective<'a>,
    /// Its Deployment.
    pub deployment: Rendered<'a>,
    /// Its HorizontalPodAutoscaler.
    pub autoscaler: Option<Rendered<'a>>,
    /// Its PodDisruptionBudget.
    pub budget: Option<Rendered<'a>>,
    /// Patches of the installer that do nothing.
    pub dropped: Vec<overlay::Dropped<'a>>,
    /// What is installed.
    pub release: Release<'a>,
}

/// An object that an installer is going to write, and what of it stands where in the installer's file.
#[derive(Debug)]
pub struct Rendered<'a> {
    /// The object.
    pub root: Node<'a>,
    sources: BTreeMap<Pointer, Node<'a>>,
}

impl<'a> Rendered<'a> {
    fn new(object: &Traced<'a>, strings: &'a Strings) -> Self {
        Self {
            root: Node::root(strings.keep(object.value())),
            sources: object.sources(),
        }
    }

    /// The field of the installer's file that says what stands here; none for the chart's own.
    pub fn source(&self, at: &Pointer) -> Option<&Node<'a>> {
        self.sources.get(at)
    }

    /// The first field of the installer's file that says something of what stands here.
    pub fn source_within(&self, at: &Pointer) -> Option<&Node<'a>> {
        let within = self.sources.range(at.clone()..);
        within
            .take_while(|(pointer, _)| pointer.as_str().starts_with(at.as_str()))
            .map(|(_, node)| node)
            .next()
    }

    /// Whether a field of the installer's file is what stands somewhere in this object.
    pub fn uses(&self, field: &Node<'_>) -> bool {
        self.sources
            .values()
            .any(|source| std::ptr::eq(source.value(), field.value()))
    }

    /// The container of istiod, in a Deployment.
    pub fn container(&self) -> Option<Node<'a>> {
        let spec = self.root.at(&["spec", "template", "spec"])?;
        spec.items("containers")
            .find(|container| container.str_at("name") == Some("discovery"))
    }
}

/// The objects of the chart before an installer patches them.
#[derive(Clone, Debug)]
pub(super) struct Objects<'a> {
    pub(super) name: String,
    pub(super) deployment: Traced<'a>,
    pub(super) autoscaler: Option<Traced<'a>>,
    pub(super) budget: Option<Traced<'a>>,
}

impl<'a> Plane<'a> {
    /// The version of istiod: that of its image, else that of the chart.
    pub fn version(&self) -> Version {
        let container = self.deployment.container();
        let image = container
            .as_ref()
            .and_then(|container| container.str_at("image"));
        let tag = image.and_then(|image| Image::parse(image).tag);
        tag.and_then(|tag| Tag::read(tag).version())
            .unwrap_or(self.chart.version)
    }

    /// What a release of istiod's chart runs; `Ok(None)` where its values say that none runs.
    pub fn of(
        release: &Release<'a>,
        chart: ChartVersion,
        strings: &'a Strings,
    ) -> Result<Option<Self>, Refused<'a>> {
        let version = chart.version;
        let release = &*operator::as_of(release, version);
        let values = Effective::of(release, version)?;
        let Some(mut objects) = Objects::of(&values, version) else {
            return Ok(None);
        };
        let dropped = match &release.operator {
            Some(spec) => overlay::patch(&mut objects, spec),
            None => Vec::new(),
        };
        let rendered = |object: &Option<Traced<'a>>| {
            object.as_ref().map(|object| Rendered::new(object, strings))
        };
        Ok(Some(Self {
            chart,
            deployment: Rendered::new(&objects.deployment, strings),
            autoscaler: rendered(&objects.autoscaler),
            budget: rendered(&objects.budget),
            name: objects.name,
            values,
            dropped,
            release: release.clone(),
        }))
    }
}

impl<'a> Objects<'a> {
    fn of(values: &Effective<'a>, version: Version) -> Option<Self> {
        if !installs_istiod(values, version.minor) {
            return None;
        }
        let revision = values.root().get("revision").map(Traced::text);
        let name = match revision.as_deref() {
            None | Some("") => "istiod".to_owned(),
            Some(revision) => format!("istiod-{revision}"),
        };
        let scales = values
            .setting(&["autoscaleEnabled"])
            .is_some_and(Traced::is_true);
        Some(Self {
            deployment: deployment(values, version.minor, &name, scales),
            autoscaler: autoscaler(values, &name, scales),
            budget: budget(values, version.minor, &name, scales),
            name,
        })
    }
}

/// Whether the values leave istiod in the chart at all.
fn installs_istiod(values: &Effective<'_>, minor: Minor) -> bool {
    let root = values.root();
    let is_remote = minor >= READS_ROOT && root.has(&["istiodRemote", "enabled"]);
    let injects =
        minor >= HAS_LOCAL_INJECTOR && root.has(&["istiodRemote", "enabledLocalInjectorIstiod"]);
    let scope = root.at(&["global", "resourceScope"]).map(Traced::text);
    let is_elsewhere =
        minor >= READS_SCOPE && !matches!(scope.as_deref(), Some("all" | "namespace"));
    (!is_remote || injects) && !is_elsewhere
}

fn named<'a>(kind: &str, name: &str) -> Traced<'a> {
    Traced::of_value(json!({"kind": kind, "metadata": {"name": name}, "spec": {}}))
}

fn path(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

fn deployment<'a>(values: &Effective<'a>, minor: Minor, name: &str, scales: bool) -> Traced<'a> {
    let mut container = Traced::of_value(json!({
        "name": "discovery",
        "readinessProbe": istiod_readiness(8080),
    }));
    container.set(&path(&["image"]), image(values, minor));
    container.set(&path(&["args"]), Traced::list(arguments(values, minor)));
    container.set(&path(&["env"]), Traced::list(environment(values)));
    let mut deployment = named("Deployment", name);
    let containers = Traced::list(vec![container]);
    deployment.set(
        &path(&["spec", "template", "spec", "containers"]),
        containers,
    );
    let count = values
        .setting(&["replicaCount"])
        .filter(|count| count.is_true());
    if let Some(count) = count.filter(|_| !scales) {
        deployment.set(&path(&["spec", "replicas"]), count.clone());
    }
    deployment
}

fn autoscaler<'a>(values: &Effective<'a>, name: &str, scales: bool) -> Option<Traced<'a>> {
    let bound = |key| values.setting(&[key]).filter(|bound| bound.is_true());
    let (least, most) = (bound("autoscaleMin")?, bound("autoscaleMax")?);
    let mut autoscaler = named("HorizontalPodAutoscaler", name);
    autoscaler.set(&path(&["spec", "minReplicas"]), least.clone());
    autoscaler.set(&path(&["spec", "maxReplicas"]), most.clone());
    scales.then_some(autoscaler)
}

fn budget<'a>(
    values: &Effective<'a>,
    minor: Minor,
    name: &str,
    scales: bool,
) -> Option<Traced<'a>> {
    let counted = if scales {
        "autoscaleMin"
    } else {
        "replicaCount"
    };
    let count = values.setting(&[counted]).map_or(0, Traced::int);
    let is_on = values
        .root()
        .has(&["global", "defaultPodDisruptionBudget", "enabled"]);
    if !is_on || (minor >= DROPS_BUDGET && count <= 1) {
        return None;
    }
    let mut budget = named("PodDisruptionBudget", name);
    let own = |key| values.setting(&["pdb", key]);
    let (key, value) = match (own("minAvailable"), own("maxUnavailable")) {
        _ if minor < READS_BUDGET => ("minAvailable", Some(Traced::of_value(json!(1)))),
        (Some(least), None) if least.is_true() => ("minAvailable", Some(least.clone())),
        (_, most) => (
            "maxUnavailable",
            most.filter(|most| most.is_true()).cloned(),
        ),
    };
    if let Some(value) = value {
        budget.set(&path(&["spec", key]), value);
    }
    Some(budget)
}

/// istiod's image: of what it is made, the most specific that somebody set says it.
fn image<'a>(values: &Effective<'a>, minor: Minor) -> Traced<'a> {
    let own = |key| values.setting(&[key]).filter(|value| value.is_true());
    let global = |key: &str| values.root().at(&["global", key]);
    let name = own("image");
    if let Some(whole) = name.filter(|name| name.text().contains('/')) {
        return whole.clone();
    }
    let hub = own("hub").or(global("hub"));
    let tag = own("tag").or(global("tag"));
    let variant = own("variant").or(global("variant"));
    let variant = variant.filter(|variant| minor >= READS_VARIANT && variant.is_true());
    let text = |part: Option<&Traced<'a>>| part.map(Traced::text).unwrap_or_default();
    let mut reference = format!(
        "{}/{}:{}",
        text(hub),
        name.map_or_else(|| "pilot".to_owned(), Traced::text),
        text(tag)
    );
    if let Some(variant) = variant {
        reference.push('-');
        reference.push_str(&variant.text());
    }
    let parts = [tag, hub, name, variant];
    let from = parts.into_iter().flatten().find_map(Traced::from);
    Traced::text_of(reference, from.cloned())
}

fn arguments<'a>(values: &Effective<'a>, minor: Minor) -> Vec<Traced<'a>> {
    let mut items = Vec::new();
    let mut say = |text: String, value: Option<&Traced<'a>>| {
        items.push(Traced::text_of(text, value.and_then(Traced::from).cloned()));
    };
    let global = |keys: &[&str]| values.root().get("global")?.at(keys);
    say("discovery".to_owned(), None);
    say("--monitoringAddr=:15014".to_owned(), None);
    let level = global(&["logging", "level"]).filter(|level| level.is_true());
    if let Some(level) = level {
        say(format!("--log_output_level={}", level.text()), Some(level));
    }
    let as_json = global(&["logAsJson"]).filter(|json| json.is_true());
    if let Some(as_json) = as_json {
        say("--log_as_json".to_owned(), Some(as_json));
    }
    say("--domain".to_owned(), None);
    let domain = global(&["proxy", "clusterDomain"]);
    say(domain.map(Traced::text).unwrap_or_default(), domain);
    let age = values.setting(&[AGE]);
    say(format!("--{AGE}"), None);
    say(age.map(Traced::text).unwrap_or_default(), age);
    let extra = values.setting(&["extraContainerArgs"]);
    let extra = extra
        .filter(|_| minor >= READS_EXTRA_ARGS)
        .and_then(Traced::items);
    items.extend(extra.into_iter().flatten().cloned());
    items
}

/// The variables that the user gives, in the order of their names.
fn environment<'a>(values: &Effective<'a>) -> Vec<Traced<'a>> {
    let Some(members) = values.setting(&["env"]).and_then(Traced::members) else {
        return Vec::new();
    };
    let entry = |(name, value): (&String, &Traced<'a>)| {
        let mut entry = Traced::of_value(json!({"name": name}));
        let text = Traced::text_of(value.text(), value.from().cloned());
        entry.set(&path(&["value"]), text);
        entry
    };
    members.iter().map(entry).collect()
}
