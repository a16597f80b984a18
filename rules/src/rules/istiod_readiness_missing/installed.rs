//! The probe of an istiod that an installer's file is going to run.

use crate::finding::{Fix, Location, op};
use crate::istio::install::Plane;
use crate::istio::istiod::Istiod;
use crate::object::Node;
use crate::rule::Findings;

use super::{CONSEQUENCE, asks_otherwise, http_port, misdirected};

/// What asks; Kubernetes takes one of them.
const HANDLERS: &[&str] = &["httpGet", "exec", "tcpSocket", "grpc"];

pub(super) fn check(plane: &Plane<'_>, out: &mut Findings) {
    let Some(container) = plane.deployment.container() else {
        return;
    };
    let Some(port) = http_port(&Istiod::in_container(container.clone()).arguments) else {
        return;
    };
    let Some(probe) = container.get_set("readinessProbe") else {
        report_removed(plane, out);
        return;
    };
    // The chart's own probe is good: what is wrong stands in the file.
    let Some(source) = plane.deployment.source_within(&probe.pointer()) else {
        return;
    };
    let handlers: Vec<&str> = HANDLERS
        .iter()
        .copied()
        .filter(|handler| probe.get_set(handler).is_some())
        .collect();
    if handlers.len() > 1 {
        let message = format!(
            "istiod's readinessProbe gets {} handlers ({}), since this is merged into the chart's own: \
             Kubernetes refuses the Deployment",
            handlers.len(),
            handlers.join(", ")
        );
        out.report(at(plane, source), message).fix(without(plane));
    } else if let Some(asks) = asks_otherwise(&probe, &container, port) {
        out.report(at(plane, source), misdirected(&asks, port))
            .fix(without(plane));
    }
}

/// A patch without a value takes away what is there.
fn report_removed(plane: &Plane<'_>, out: &mut Findings) {
    let operator = plane.release.operator.as_ref();
    let k8s = operator.and_then(|spec| spec.at(&["components", "pilot", "k8s"]));
    let overlays = k8s.iter().flat_map(|k8s| k8s.items("overlays"));
    let patch = overlays
        .flat_map(|overlay| overlay.items("patches"))
        .find(|patch| {
            let path = patch.str_at("path").unwrap_or_default();
            path.ends_with("readinessProbe") && patch.get_set("value").is_none()
        });
    let message = format!("this takes istiod's readinessProbe away: {CONSEQUENCE}");
    match patch {
        Some(patch) => {
            let fix = Fix::safe("leave the chart's own probe", vec![op::remove(&patch)]);
            out.report(patch.whole(), message).fix(fix);
        }
        None => {
            out.report(plane.release.home.at.clone(), message);
        }
    }
}

/// `components.pilot.k8s.readinessProbe`, where that is what sets it.
fn setting<'a>(plane: &Plane<'a>) -> Option<Node<'a>> {
    let operator = plane.release.operator.as_ref()?;
    operator.at(&["components", "pilot", "k8s", "readinessProbe"])
}

fn at(plane: &Plane<'_>, source: &Node<'_>) -> Location {
    setting(plane).map_or_else(|| source.whole(), |probe| probe.key())
}

fn without(plane: &Plane<'_>) -> Option<Fix> {
    let remove = op::remove(&setting(plane)?);
    Fix::safe("leave the chart's own probe", vec![remove])
}
