use crate::engine::Context;
use crate::finding::{Applicability, Change, Fix, op};
use crate::istio::args::{Arguments, Text};
use crate::istio::istiod::Istiod;
use crate::istio::probe::{Asks, istiod_readiness};
use crate::object::Node;
use crate::rule::{Findings, declare_rule};
use crate::rules::support::{ISTIODS, name_of};

mod installed;

declare_rule! {
    id: "istiod-readiness-missing",
    summary: "istiod is called before it can answer",
    severity: Error,
    since: "0.1.0",
    kinds: ISTIODS,
    fix: Some(Applicability::Safe),
    check: check,
}

const CONSEQUENCE: &str =
    "proxies and the injection of pods are sent to an istiod that does not know the cluster yet";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let subject = cx.subject();
    if let Some(istiod) = &subject.istiod {
        check_istiod(istiod, out);
    }
    for plane in subject.planes() {
        installed::check(plane, out);
    }
}

fn check_istiod(istiod: &Istiod<'_>, out: &mut Findings) {
    let container = &istiod.container;
    let Some(port) = http_port(&istiod.arguments) else {
        return;
    };
    let title = format!("ask `/ready` on port {port}, as Istio's chart does");
    let fix = |change: Change<'_>| Fix::safe(title.clone(), vec![change]);
    let Some(probe) = container.get_set("readinessProbe") else {
        if !istiod.is_patch {
            let at = name_of(container);
            let message = format!("istiod has no readinessProbe: {CONSEQUENCE}");
            let add = op::add_below(container, &["readinessProbe"], istiod_readiness(port));
            out.report(at, message).fix(fix(add));
        }
        return;
    };
    let Some(asks) = asks_otherwise(&probe, container, port) else {
        return;
    };
    let replace = op::replace(&probe, istiod_readiness(port));
    out.report(probe.key(), misdirected(&asks, port))
        .fix(fix(replace));
}

/// What a probe asks, where that does not say that istiod is ready.
fn asks_otherwise(probe: &Node<'_>, container: &Node<'_>, port: u64) -> Option<String> {
    let is_ready = |path: &str, asked| path == "/ready" && asked == port;
    Asks::of(probe, container).other_than(is_ready)
}

fn misdirected(asks: &str, port: u64) -> String {
    format!(
        "istiod's readinessProbe asks {asks}, which does not say that it is ready (GET /ready on port {port} \
         does): {CONSEQUENCE}"
    )
}

/// The port of `--httpAddr`, 8080 by default; `None` where it is switched off or unknown.
fn http_port(arguments: &Arguments<'_>) -> Option<u64> {
    let Some(flag) = arguments.all("httpAddr").last() else {
        return Some(8080);
    };
    let address = flag.text().and_then(Text::known)?;
    address.rsplit_once(':')?.1.parse().ok()
}
