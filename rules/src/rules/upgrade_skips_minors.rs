use crate::engine::Context;
use crate::finding::{Location, Related, RelatedPlace};
use crate::istio::Subject;
use crate::istio::image::{Image, Tag};
use crate::istio::install::{Plane, Said};
use crate::istio::version::{Minor, Version};
use crate::mesh::{DEFAULT_REVISION, Source, control_plane_in};
use crate::object::{Object, Strings};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::VERSIONED;

declare_rule! {
    id: "upgrade-skips-minors",
    summary: "an update moves istiod over more minors than Istio supports, or down",
    severity: Error,
    since: "0.1.0",
    kinds: VERSIONED,
    fix: None,
    check: check,
}

/// Minors that an upgrade in place may go up.
const IN_PLACE: u32 = 1;
/// Minors that a new revision may be ahead of the old one.
const BY_REVISION: u32 = 2;
/// Hops that are spelt out.
const MOST_HOPS: u32 = 6;

/// An istiod with its version.
struct Istiod {
    revision: String,
    version: Version,
    /// Where the version stands, in the object that holds it.
    at: Location,
}

/// What an istiod was before.
struct Former<'a> {
    version: Version,
    /// Whether the new one takes its place, and does not come beside it.
    in_place: bool,
    source: &'a Source,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    if cx.before.object.is_none() && cx.before.mesh.is_none() {
        return;
    }
    for istiod in istiods(cx.object, cx.subject()) {
        let replaced = replaced(cx, &istiod);
        let beside;
        let formers = if replaced.is_empty() {
            beside = known_before(cx);
            let planes = beside.iter().map(|(revision, version, source)| Former {
                version: *version,
                in_place: *revision == istiod.revision,
                source,
            });
            planes.collect()
        } else {
            replaced
        };
        report(&istiod, &formers, out);
    }
}

/// The istiods that the object ran or installed before.
fn replaced<'a>(cx: &Context<'a>, istiod: &Istiod) -> Vec<Former<'a>> {
    let Some((object, source)) = cx.before.object else {
        return Vec::new();
    };
    let strings = Strings::default();
    let around = cx
        .before
        .mesh
        .map(|(mesh, place)| mesh.around(object, place));
    let subject = match &around {
        Some(around) => Subject::within(object, &strings, around),
        None => Subject::of(object, &strings),
    };
    let formers = istiods(object, &subject).into_iter().map(|former| Former {
        version: former.version,
        in_place: former.revision == istiod.revision && !comes_beside(cx.object),
        source,
    });
    formers.collect()
}

/// Whether an installer makes a new istiod of every version, beside the old one.
fn comes_beside(object: &Object<'_>) -> bool {
    let strategy = object.root.at(&["spec", "updateStrategy", "type"]);
    object.group() == "sailoperator.io"
        && strategy.is_some_and(|kind| kind.str() == Some("RevisionBased"))
}

/// The control planes of the mesh that was there, upstream's.
fn known_before(cx: &Context<'_>) -> Vec<(String, Version, Source)> {
    let Some((mesh, place)) = cx.before.mesh else {
        return Vec::new();
    };
    let planes = mesh.around(cx.object, place).control_planes();
    let upstream = planes.into_iter().filter(|(plane, _)| !plane.is_vendors);
    let stated = upstream
        .filter_map(|(plane, source)| Some((plane.revision.clone(), plane.version?, source)));
    stated.collect()
}

/// Every istiod of an object that states its version, upstream's.
fn istiods(object: &Object<'_>, subject: &Subject<'_>) -> Vec<Istiod> {
    if let Some(plane) = control_plane_in(object, subject) {
        let image = subject
            .istiod
            .as_ref()
            .and_then(|istiod| istiod.container.get("image"));
        let version = plane.version.filter(|_| !plane.is_vendors);
        let own = version.zip(image).map(|(version, image)| Istiod {
            revision: plane.revision,
            version,
            at: image.as_value(),
        });
        return own.into_iter().collect();
    }
    subject.planes().iter().filter_map(installed).collect()
}

/// An istiod that an installer's file is going to run: by its image, else by its chart.
fn installed(plane: &Plane<'_>) -> Option<Istiod> {
    let revision = match plane.name.strip_prefix("istiod-") {
        Some(revision) => revision.to_owned(),
        None => DEFAULT_REVISION.to_owned(),
    };
    let image = plane
        .deployment
        .container()
        .and_then(|istiod| istiod.get("image"))?;
    let reference = Image::parse(image.str()?);
    if reference.vendor().is_some() {
        return None;
    }
    let tag = reference.tag.and_then(|tag| Tag::read(tag).version());
    if let Some((version, node)) = tag.zip(plane.deployment.source(&image.pointer())) {
        let at = node.as_value();
        return Some(Istiod {
            revision,
            version,
            at,
        });
    }
    let stated = plane
        .release
        .version
        .as_ref()
        .filter(|_| plane.chart.said == Said::File)?;
    stated.vendor.is_none().then(|| Istiod {
        revision,
        version: plane.chart.version,
        at: stated.node.as_value(),
    })
}

/// What a move is, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    Supported,
    /// Over so many minors.
    Skips(u32),
    Down,
}

impl Move {
    fn of(from: Minor, to: Minor, in_place: bool) -> Self {
        // An older revision beside a newer one is the way back of an upgrade by revision.
        if to < from && in_place {
            return Self::Down;
        }
        let most = if in_place { IN_PLACE } else { BY_REVISION };
        let minors = to.minor.abs_diff(from.minor);
        if from.major == to.major && minors > most {
            Self::Skips(minors)
        } else {
            Self::Supported
        }
    }
}

fn report(istiod: &Istiod, formers: &[Former<'_>], out: &mut Findings) {
    let to = istiod.version;
    let moves = formers.iter().map(|former| {
        let (from, to) = (former.version.minor, to.minor);
        (Move::of(from, to, former.in_place), former)
    });
    let Some((found, former)) = moves.min_by_key(|(found, _)| *found) else {
        return;
    };
    let from = former.version;
    let message = match found {
        Move::Supported => return,
        Move::Skips(minors) if former.in_place => format!(
            "istiod goes from {from} to {to} in place, {minors} minors at once: Istio supports one at a \
             time{}",
            hops(from.minor, to.minor)
        ),
        Move::Skips(minors) => format!(
            "istiod {to} comes beside {from}, {minors} minors apart: by revision Istio supports two{}",
            hops(from.minor, to.minor)
        ),
        Move::Down => format!(
            "istiod goes down from {from} to {to}: proxies that were restarted are then ahead of their \
             control plane, and custom resources of the newer version stay"
        ),
    };
    let told = Related {
        message: format!("istiod was {from} here"),
        at: RelatedPlace::Fact(former.source.clone()),
    };
    out.report(istiod.at.clone(), message).related([told]);
}

/// The way of single hops, where it is short enough to be read.
fn hops(from: Minor, to: Minor) -> String {
    if !(from.minor..=from.minor + MOST_HOPS).contains(&to.minor) {
        return String::new();
    }
    let minors = from.minor..=to.minor;
    let names = minors.map(|minor| Minor { minor, ..from }.to_string());
    format!(" ({})", names.collect::<Vec<_>>().join(", "))
}
