//! What several rules share: the kinds they look at, words they use.

use jiff::civil::Date;

use crate::config::{Policy, VendorSupport};
use crate::engine::Context;
use crate::finding::{Change, Fix, Location};
use crate::istio::Subject;
use crate::istio::build::Stated;
use crate::istio::config_map::CONFIG_MAP;
use crate::istio::duration::GoDuration;
use crate::istio::hold::{CONFIG_ANNOTATION, Hold};
use crate::istio::image::{Component, Vendor};
use crate::istio::install::{Chart, HELM_VALUES, INSTALLS};
use crate::istio::version::Minor;
use crate::istio::workload::{PodTemplate, WORKLOADS};
use crate::object::Node;
use crate::releases::{Releases, Support};
use crate::rule::ObjectKind;

/// Kinds in which istiod runs.
const RUNNING: [ObjectKind; 7] = [
    ObjectKind::new("", "Pod", "pods"),
    ObjectKind::new("apps", "Deployment", "deployments"),
    ObjectKind::new("apps", "DaemonSet", "daemonsets"),
    ObjectKind::new("apps", "ReplicaSet", "replicasets"),
    ObjectKind::new("extensions", "Deployment", "deployments"),
    ObjectKind::new("extensions", "DaemonSet", "daemonsets"),
    ObjectKind::new("extensions", "ReplicaSet", "replicasets"),
];

/// Kinds in which istiod runs or from which it is installed.
pub(crate) const ISTIODS: &[ObjectKind] =
    &both::<{ RUNNING.len() + INSTALLS.len() }>(&RUNNING, INSTALLS);

/// Two lists of kinds as one, of `N` kinds.
pub(crate) const fn both<const N: usize>(
    one: &[ObjectKind],
    other: &[ObjectKind],
) -> [ObjectKind; N] {
    let mut kinds = [HELM_VALUES; N];
    let mut index = 0;
    while index < N {
        kinds[index] = if index < one.len() {
            one[index]
        } else {
            other[index - one.len()]
        };
        index += 1;
    }
    kinds
}

/// How a fix is graded: [`Fix::safe`] or [`Fix::needs_review`].
pub(crate) type Grade = fn(String, Vec<Change<'_>>) -> Option<Fix>;

/// The fix that sets the connection age; `None` where there are no changes that do it.
pub(crate) fn age_fix(grade: Grade, target: GoDuration, changes: Vec<Change<'_>>) -> Option<Fix> {
    grade(format!("set the connection age to {target}"), changes)
}

/// Kinds in which a version of Istio stands.
pub(crate) const VERSIONED: &[ObjectKind] =
    &both::<{ WORKLOADS.len() + INSTALLS.len() }>(WORKLOADS, INSTALLS);

/// Installers' files and Istio's own ConfigMaps: where a mesh's settings stand.
const MESHES: &[ObjectKind] = &both::<{ INSTALLS.len() + 1 }>(INSTALLS, &[CONFIG_MAP]);

/// Kinds that hold pods, and those that say how the pods of a mesh come to be.
pub(crate) const PODS_AND_MESHES: &[ObjectKind] =
    &both::<{ WORKLOADS.len() + MESHES.len() }>(WORKLOADS, MESHES);

/// Something of Istio's that has a version.
#[derive(Clone, Debug)]
pub(crate) struct Thing<'a> {
    /// `istiod`, `proxy`, for messages.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) component: Component,
    /// What is stated of its version.
    pub(crate) stated: Stated,
    /// Whose build it is, if not upstream's.
    pub(crate) vendor: Option<Vendor>,
    /// Whether there is a program that has this version: the charts `base` and `gateway` bring none, the
    /// gateway's comes with the injection.
    pub(crate) is_program: bool,
    /// Name of the image, empty where there is none.
    pub(crate) image_name: &'a str,
    /// Where the version stands.
    pub(crate) at: Location,
    /// The field.
    pub(crate) node: Node<'a>,
}

impl Thing<'_> {
    /// `` tag `1.7.4` ``.
    pub(crate) fn stated_as(&self) -> &str {
        match &self.stated {
            Stated::Version(_, from) => from,
            Stated::Unknown { why, .. } => why,
        }
    }
}

/// Everything in an object that has a version. Worked out once for all rules.
pub(crate) fn things<'c, 'a>(cx: &'c Context<'a>) -> &'c [Thing<'a>] {
    cx.things.get_or_init(|| all(cx.subject()).collect())
}

fn all<'s, 'a: 's>(subject: &'s Subject<'a>) -> impl Iterator<Item = Thing<'a>> + 's {
    let builds = subject.builds.iter().map(|build| Thing {
        name: match build.component {
            Component::Pilot => "istiod",
            Component::Proxy => "the proxy",
            Component::Cni => "the CNI agent",
            Component::Ztunnel => "ztunnel",
            Component::Agentgateway => "the gateway",
            Component::Retired => "a retired part of Istio",
        },
        component: build.component,
        stated: build.stated.clone(),
        vendor: build.image.vendor(),
        is_program: true,
        image_name: build.image.name,
        at: build.node.as_value(),
        node: build.node.clone(),
    });
    let versions = subject.install.iter().flat_map(|install| &install.versions);
    builds.chain(versions.map(|version| {
        Thing {
            name: version
                .chart
                .map_or("the Istio to install", Chart::installs),
            component: version.chart.map_or(Component::Pilot, program_of),
            stated: version.stated.clone(),
            vendor: version.vendor,
            is_program: !matches!(version.chart, Some(Chart::Base | Chart::Gateway)),
            image_name: "",
            at: version.node.as_value(),
            node: version.node.clone(),
        }
    }))
}

/// The program that a chart installs. Without one of its own it is judged as a part of the data plane.
fn program_of(chart: Chart) -> Component {
    match chart {
        Chart::Istiod | Chart::Istio | Chart::Ambient | Chart::Retired => Component::Pilot,
        Chart::Cni => Component::Cni,
        Chart::Ztunnel => Component::Ztunnel,
        Chart::Base | Chart::Gateway => Component::Proxy,
    }
}

/// What is said of the support of a minor.
pub(crate) struct Judged {
    /// Whether it is supported.
    pub(crate) support: Support,
    /// The vendor whose own support decides, of which nothing is known: upstream's is told for what
    /// it is worth.
    pub(crate) for_vendor: Option<Vendor>,
}

impl Judged {
    /// Judges a minor of something by upstream's dates or by the policy's; `None` for a vendor's
    /// build that the policy wants left alone.
    pub(crate) fn of(cx: &Context<'_>, thing: &Thing<'_>, minor: Minor) -> Option<Self> {
        Self::by(cx.policy, cx.releases, cx.as_of, thing.vendor, minor)
    }

    /// The same of a build of which no more is known than whose it is.
    pub(crate) fn by(
        policy: &Policy,
        releases: &Releases,
        on: Date,
        vendor: Option<Vendor>,
        minor: Minor,
    ) -> Option<Self> {
        let upstream = |for_vendor| Self {
            support: releases.support(minor, on),
            for_vendor,
        };
        let Some(vendor) = vendor else {
            return Some(upstream(None));
        };
        // A vendor may count on its own (Maistra's v2): upstream's dates say nothing of it then.
        let is_upstreams = minor.major == 1;
        match policy.support_of(vendor) {
            VendorSupport::Ignore => None,
            VendorSupport::Until(dates) if dates.contains_key(&minor) => Some(Self {
                support: Support::until(dates[&minor], on),
                for_vendor: None,
            }),
            VendorSupport::Upstream | VendorSupport::Until(_) if is_upstreams => {
                Some(upstream(None))
            }
            VendorSupport::Info | VendorSupport::Upstream | VendorSupport::Until(_) => {
                Some(upstream(Some(vendor)))
            }
        }
    }
}

/// `1 day`, `39 days`.
pub(crate) fn days(count: i32) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} day{plural}")
}

/// What the pod's annotation says of hold.
pub(crate) fn hold_of(template: &PodTemplate<'_>) -> Hold {
    template
        .annotation_text(CONFIG_ANNOTATION)
        .map_or(Hold::Absent, Hold::read)
}

/// The place for what a container lacks: its name, which is one line where the container is forty.
pub(crate) fn name_of(container: &Node<'_>) -> Location {
    let name = container.get("name").unwrap_or_else(|| container.clone());
    name.whole()
}

/// The place for what a pod template lacks.
pub(crate) fn metadata_of(template: &PodTemplate<'_>) -> Location {
    let metadata = template.node.get("metadata");
    metadata.unwrap_or_else(|| template.node.clone()).key()
}
