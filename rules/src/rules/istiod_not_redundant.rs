use serde_json::Value;

use crate::engine::Context;
use crate::finding::{Applicability, Fix, Location, Related, RelatedPlace, op};
use crate::istio::defaulted::replicas_are_filled_in;
use crate::istio::install::INSTALLS;
use crate::istio::redundancy::{Budget, Verdict, redundancy};
use crate::mesh::Known;
use crate::object::Node;
use crate::rule::{Findings, ObjectKind, declare_rule};
use crate::rules::support::both;

mod installed;

declare_rule! {
    id: "istiod-not-redundant",
    summary: "one machine's restart takes the control plane with it",
    severity: Warning,
    since: "0.1.0",
    kinds: KINDS,
    fix: Some(Applicability::Unsafe),
    check: check,
}

const KINDS: &[ObjectKind] = &both::<{ DEPLOYMENTS.len() + INSTALLS.len() }>(DEPLOYMENTS, INSTALLS);

const DEPLOYMENTS: &[ObjectKind] = &[
    ObjectKind::new("apps", "Deployment", "deployments"),
    ObjectKind::new("extensions", "Deployment", "deployments"),
];

/// What a lost istiod means.
const CONSEQUENCE: &str = "proxies that start get no configuration, and Pods that need a sidecar are \
                           refused, until istiod runs elsewhere";

/// What decides how many pods of istiod there are, and how many a drain may take.
struct Pods<'a> {
    spec: Node<'a>,
    /// `replicas`, where it is set.
    replicas: Option<Node<'a>>,
    /// What the autoscaler keeps.
    minimum: Known<u64>,
    budget: Known<&'a Budget>,
    /// Whether the rest of the chart was read beside it: then what was not read is not there.
    is_whole: bool,
    is_patch: bool,
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for plane in cx.subject().planes() {
        installed::check(plane, out);
    }
    let Some(pods) = Pods::of(cx) else { return };
    match pods.verdict() {
        Verdict::Redundant | Verdict::Off => {}
        Verdict::Single {
            overridden,
            blocks_drain,
        } => report_single(&pods, overridden, blocks_drain, out),
        // A patch says nothing of what stands around it.
        _ if pods.is_patch => {}
        Verdict::NoBudget(count) => report_no_budget(cx, &pods, count, out),
        Verdict::LaxBudget(count) => {
            let message = format!(
                "the budget of istiod's pods ({}) lets a drain take all {count} at once: {CONSEQUENCE}",
                pods.budget_text()
            );
            out.report(name_in(cx), message).related(pods.told());
        }
        Verdict::BlockedDrain(count) => {
            let message = format!(
                "the budget of istiod's pods ({}) lets a drain take none of {count}: the drain of a \
                 machine that runs one waits for ever",
                pods.budget_text()
            );
            out.report(name_in(cx), message).related(pods.told());
        }
    }
}

fn report_single(pods: &Pods<'_>, overridden: Option<u64>, blocks_drain: bool, out: &mut Findings) {
    let is_autoscaled = pods.minimum.value().is_some();
    // Without `replicas` an autoscaler may keep more, as long as not all of the chart was read.
    if pods.replicas.is_none() && !is_autoscaled && (pods.is_patch || !pods.is_whole) {
        return;
    }
    let why = match (overridden, is_autoscaled) {
        (Some(asked), _) => {
            format!("`replicas: {asked}` does nothing, since the autoscaler goes down to 1")
        }
        (None, true) => "its autoscaler goes down to 1".to_owned(),
        (None, false) if pods.replicas.is_some() => "`replicas` is 1".to_owned(),
        (None, false) => "`replicas` is not set, and no autoscaler was read with it".to_owned(),
    };
    let blocked = if blocks_drain {
        format!(
            "; its budget ({}) forbids to move that one, so a drain of its machine waits for ever",
            pods.budget_text()
        )
    } else {
        String::new()
    };
    let message =
        format!("istiod runs as one pod ({why}): when its machine goes, {CONSEQUENCE}{blocked}");
    let place = pods.replicas.as_ref();
    let at = place.map_or_else(|| pods.spec.key(), Node::whole);
    out.report(at, message).related(pods.told()).fix(pods.fix());
}

/// Where no budget was read, and not all of the chart either, several pods are enough.
fn report_no_budget(cx: &Context<'_>, pods: &Pods<'_>, count: u64, out: &mut Findings) {
    if !pods.is_whole {
        return;
    }
    let message = format!(
        "no PodDisruptionBudget selects istiod's pods, so a drain may take all {count} at once: \
         {CONSEQUENCE}"
    );
    out.report(name_in(cx), message).related(pods.told());
}

/// The Deployment's name: what is missing stands in another object.
fn name_in(cx: &Context<'_>) -> Location {
    let root = &cx.object.root;
    let name = root.at(&["metadata", "name"]);
    name.map_or_else(|| root.whole(), |name| name.whole())
}

impl<'a> Pods<'a> {
    /// `None` for what is no istiod, and where the number cannot be read.
    fn of(cx: &'a Context<'_>) -> Option<Self> {
        let subject = cx.subject();
        let (istiod, template) = (subject.istiod.as_ref()?, subject.template.as_ref()?);
        let spec = cx.object.root.get_set("spec")?;
        let replicas = spec.get_set("replicas");
        // A default is nobody's wish: it is what an autoscaler that comes later will change.
        let replicas = replicas.filter(|_| !replicas_are_filled_in(cx.object));
        if replicas
            .as_ref()
            .is_some_and(|node| node.value().as_u64().is_none())
        {
            return None;
        }
        let minimum = cx.around.autoscaled_minimum();
        let budget = cx.around.budget(template);
        let is_disputed =
            matches!(minimum, Known::Disputed(..)) || matches!(budget, Known::Disputed(..));
        let is_whole = !is_disputed
            && (minimum.value().is_some()
                || budget.value().is_some()
                || cx.around.has_chart_beside(subject, istiod));
        Some(Self {
            spec,
            replicas,
            minimum,
            budget,
            is_whole,
            is_patch: istiod.is_patch,
        })
    }

    fn verdict(&self) -> Verdict {
        let replicas = self
            .replicas
            .as_ref()
            .and_then(|node| node.value().as_u64());
        self.verdict_with(replicas)
    }

    fn verdict_with(&self, replicas: Option<u64>) -> Verdict {
        let budget = self.budget.value().map(|budget| **budget);
        redundancy(replicas, self.minimum.value().copied(), budget)
    }

    fn budget_text(&self) -> String {
        let budget = self.budget.value();
        budget.map_or_else(String::new, ToString::to_string)
    }

    fn told(&self) -> Vec<Related> {
        let autoscaler = match &self.minimum {
            Known::Yes(least, source) => {
                Some((format!("the autoscaler keeps at least {least}"), source))
            }
            Known::Disputed(..) | Known::No => None,
        };
        let budget = match &self.budget {
            Known::Yes(budget, source) => Some((format!("the budget says {budget}"), source)),
            Known::Disputed(..) | Known::No => None,
        };
        let facts = [autoscaler, budget].into_iter().flatten();
        facts
            .map(|(message, source)| Related {
                message,
                at: RelatedPlace::Fact(source.clone()),
            })
            .collect()
    }

    /// A second replica, where nothing else decides their number and a drain would leave one of the two.
    fn fix(&self) -> Option<Fix> {
        let would_be = match self.verdict_with(Some(2)) {
            Verdict::NoBudget(_) => !self.is_whole,
            verdict => verdict == Verdict::Redundant,
        };
        let two = Value::from(2);
        let change = match &self.replicas {
            Some(node) => op::replace(node, two),
            None => op::add_below(&self.spec, &["replicas"], two),
        };
        let fix = Fix::needs_review("set `replicas: 2`", vec![change]);
        let is_scaled_elsewhere = !matches!(self.minimum, Known::No);
        fix.filter(|_| would_be && !is_scaled_elsewhere)
    }
}
