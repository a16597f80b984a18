use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Location, Related, RelatedPlace, Severity, op};
use crate::istio::duration::GoDuration;
use crate::istio::hold::CONFIG_ANNOTATION;
use crate::istio::workload::{PodTemplate, WORKLOADS};
use crate::rule::{Findings, declare_rule};
use crate::rules::support::metadata_of;

use asked::{Asked, Ending};

mod asked;

declare_rule! {
    id: "drain-exceeds-grace",
    summary: "the pod is killed before its proxy has drained",
    severity: Warning,
    since: "0.1.0",
    kinds: WORKLOADS,
    fix: Some(Applicability::Unsafe),
    check: check,
}

/// Field of the pod.
const GRACE: &str = "terminationGracePeriodSeconds";
/// What Kubernetes sets where the pod says nothing.
const DEFAULT_GRACE: i64 = 30;
/// What a fix leaves the proxy beyond its drain, to end in.
const ROOM: i64 = 10;

fn check(cx: &Context<'_>, out: &mut Findings) {
    let Some(ending) = Ending::of(cx) else { return };
    let template = ending.template;
    let written = template.spec.get_set(GRACE);
    let seconds = match &written {
        Some(node) => node.value().as_i64(),
        // Knative sets it from its own timeout, and a patch leaves it to what it patches.
        None if template.is_patch || cx.object.group() == "serving.knative.dev" => None,
        None => Some(DEFAULT_GRACE),
    };
    let (Some(seconds), Some(asked)) = (seconds, ending.asked()) else {
        return;
    };
    let grace = GoDuration::from_seconds(seconds.clamp(0, i64::from(u32::MAX)));
    if asked.wait <= grace {
        return;
    }
    let by_default = if written.is_some() {
        ""
    } else {
        ", the default"
    };
    let unless = if ending.may_be_native {
        " (a native sidecar drains while the application ends, and does not wait for this)"
    } else {
        ""
    };
    let message = format!(
        "{} is {}, and the pod has {grace} to end ({GRACE}{by_default}): the kubelet kills the proxy \
         while it drains, and cuts the requests that are left{unless}",
        asked.name, asked.wait
    );
    let related = asked.told.iter().map(|source| Related {
        message: format!("the mesh's default is {}", asked.wait),
        at: RelatedPlace::Fact(source.clone()),
    });
    let at = place(template, &asked);
    out.report(at, message)
        .severity(severity(&ending, &asked))
        .related(related)
        .fix(fix(template, asked.wait));
}

/// On what the pod itself asks for, else on its grace.
fn place(template: &PodTemplate<'_>, asked: &Asked<'_>) -> Location {
    if let Some((node, path)) = &asked.at {
        let here = node.whole();
        return match path {
            Some(path) => here.inside(path),
            None => here,
        };
    }
    let grace = template.spec.get_set(GRACE);
    grace.map_or_else(|| metadata_of(template), |node| node.whole())
}

/// What the pod asks for itself can be had in no case; what the mesh asks for may not matter to it.
fn severity(ending: &Ending<'_, '_>, asked: &Asked<'_>) -> Severity {
    let is_of_mesh = asked.told.is_some();
    if !ending.is_enrolled || (is_of_mesh && ending.may_be_native) {
        Severity::Info
    } else {
        Severity::Warning
    }
}

fn fix(template: &PodTemplate<'_>, wait: GoDuration) -> Option<Fix> {
    let whole = wait.nanoseconds().checked_add(999_999_999)? / 1_000_000_000;
    let seconds = whole.checked_add(ROOM)?;
    let change = match template.spec.get_set(GRACE) {
        Some(node) => op::replace(&node, Value::from(seconds)),
        None => op::add_below(&template.spec, &[GRACE], Value::from(seconds)),
    };
    let title = format!("set `{GRACE}: {seconds}`");
    Fix::needs_review(title, vec![change])
}

/// `` `terminationDrainDuration` in proxy.istio.io/config ``.
fn in_annotation(field: &str) -> String {
    format!("`{field}` in {CONFIG_ANNOTATION}")
}
