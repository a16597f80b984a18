//! How many pods an istiod gets that an installer's file is going to run.

use serde_json::{Value, json};

use crate::finding::{Change, Fix, Location, Related, RelatedPlace, Severity, op};
use crate::istio::install::{Plane, Rendered, Traced};
use crate::istio::keepalive::value_name;
use crate::istio::redundancy::{Amount, Budget, Verdict, redundancy};
use crate::istio::version::Minor;
use crate::object::Node;
use crate::rule::Findings;

use super::CONSEQUENCE;

/// First chart that writes a budget only where it allows something.
const DROPS_BUDGET: Minor = Minor::one(28);

/// What decides it.
struct Planned<'p, 'a> {
    plane: &'p Plane<'a>,
    replicas: Option<u64>,
    minimum: Option<u64>,
    budget: Option<Budget>,
    /// The field of the file that says how many; none for the chart's default.
    count: Option<Node<'a>>,
}

pub(super) fn check(plane: &Plane<'_>, out: &mut Findings) {
    let Some(planned) = Planned::of(plane) else {
        return;
    };
    let message = match planned.verdict() {
        Verdict::Redundant | Verdict::Off => return,
        Verdict::Single { blocks_drain, .. } => planned.single(blocks_drain),
        Verdict::NoBudget(count) => format!(
            "istiod gets no PodDisruptionBudget, so a drain may take all {count} of its pods at once: \
             {CONSEQUENCE}"
        ),
        Verdict::LaxBudget(count) => format!(
            "istiod's budget ({}) lets a drain take all {count} of its pods at once: {CONSEQUENCE}",
            planned.budget_text()
        ),
        Verdict::BlockedDrain(count) => format!(
            "istiod's budget ({}) lets a drain take none of its {count} pods: the drain of a machine that \
             runs one waits for ever",
            planned.budget_text()
        ),
    };
    let (source, severity) = planned.place();
    let at = source.as_ref().map_or_else(|| planned.home(), Node::whole);
    out.report(at, message)
        .severity(severity)
        .related(planned.asked())
        .fix(planned.fix());
}

/// A number in a rendered object.
fn number(object: &Rendered<'_>, key: &str) -> Option<u64> {
    object.root.at(&["spec", key])?.value().as_u64()
}

fn source<'a>(object: &Rendered<'a>, key: &str) -> Option<Node<'a>> {
    let node = object.root.at(&["spec", key])?;
    object.source(&node.pointer()).cloned()
}

impl<'p, 'a> Planned<'p, 'a> {
    /// `None` where a number cannot be read: Kubernetes refuses what it is.
    fn of(plane: &'p Plane<'a>) -> Option<Self> {
        let written = plane.deployment.root.at(&["spec", "replicas"]);
        let replicas = number(&plane.deployment, "replicas");
        if written.is_some() && replicas.is_none() {
            return None;
        }
        let minimum = match &plane.autoscaler {
            Some(scaler) => Some(number(scaler, "minReplicas")?),
            None => None,
        };
        let budget = plane.budget.as_ref().map(|budget| {
            let amount = |key| Amount::of(budget.root.at(&["spec", key])?.value());
            Budget {
                min_available: amount("minAvailable"),
                max_unavailable: amount("maxUnavailable"),
            }
        });
        let count = match &plane.autoscaler {
            Some(scaler) => source(scaler, "minReplicas"),
            None => source(&plane.deployment, "replicas"),
        };
        // What a vendor's chart does by itself is not known.
        if count.is_none() && plane.release.is_vendors {
            return None;
        }
        Some(Self {
            plane,
            replicas,
            minimum,
            budget,
            count,
        })
    }

    fn verdict(&self) -> Verdict {
        redundancy(self.replicas, self.minimum, self.budget)
    }

    fn budget_text(&self) -> String {
        self.budget
            .map_or_else(String::new, |budget| budget.to_string())
    }

    fn single(&self, blocks_drain: bool) -> String {
        let is_scaled = self.minimum.is_some();
        let key = if is_scaled {
            "pilot.autoscaleMin"
        } else {
            "pilot.replicaCount"
        };
        let why = match (&self.count, self.asked()) {
            (_, Some(asked)) => format!("{}, since the autoscaler goes down to 1", asked.message),
            (Some(node), None) => format!("{} is {}", value_name(node), node.value()),
            (None, None) => {
                let here = if self.plane.release.unseen.is_nothing() {
                    ""
                } else {
                    " here"
                };
                format!("`{key}` is not set{here}, and the chart's default is 1")
            }
        };
        let blocked = if blocks_drain {
            format!(
                "; its budget ({}) forbids to move that one, so a drain of its machine waits for ever",
                self.budget_text()
            )
        } else {
            String::new()
        };
        format!("istiod runs as one pod ({why}): when its machine goes, {CONSEQUENCE}{blocked}")
    }

    /// Replicas that somebody asked for and that the autoscaler takes away again (S20).
    fn asked(&self) -> Option<Related> {
        self.minimum.filter(|least| *least <= 1)?;
        let asked = self.plane.values.setting(&["replicaCount"]);
        let asked = asked.filter(|asked| asked.int() > 1)?;
        let node = asked.from()?;
        Some(Related {
            message: format!("{} does nothing", value_name(node)),
            at: RelatedPlace::Here(node.whole()),
        })
    }

    /// What decides; a whisper where that stands nowhere in the file and may stand elsewhere.
    fn place(&self) -> (Option<Node<'a>>, Severity) {
        let budget = self.plane.budget.as_ref();
        let of_budget = budget.and_then(|budget| {
            source(budget, "minAvailable").or_else(|| source(budget, "maxUnavailable"))
        });
        let said = match self.verdict() {
            Verdict::NoBudget(_) => self.switch().or_else(|| self.count.clone()),
            Verdict::LaxBudget(_) | Verdict::BlockedDrain(_) => {
                of_budget.or_else(|| self.count.clone())
            }
            _ => self.count.clone(),
        };
        let may_change = said.is_none() && !self.plane.release.unseen.is_nothing();
        let severity = if may_change {
            Severity::Info
        } else {
            Severity::Warning
        };
        (said, severity)
    }

    /// What switches the budget on or off.
    fn switch(&self) -> Option<Node<'a>> {
        let keys = ["global", "defaultPodDisruptionBudget", "enabled"];
        let switch = self.plane.values.root().at(&keys)?;
        switch.from().cloned()
    }

    fn home(&self) -> Location {
        let pilot = self.plane.values.root().get("pilot").and_then(Traced::from);
        pilot.map_or_else(|| self.plane.release.home.at.clone(), Node::key)
    }

    fn fix(&self) -> Option<Fix> {
        match self.verdict() {
            Verdict::Single { .. } => self.second_pod(),
            Verdict::NoBudget(_) => {
                let on = op::replace(&self.switch()?, Value::Bool(true));
                Fix::needs_review("switch istiod's disruption budget on", vec![on])
            }
            _ => None,
        }
    }

    /// A second pod, where a drain would leave one of the two.
    fn second_pod(&self) -> Option<Fix> {
        let root = self.plane.values.root();
        let has_budget = root.has(&["global", "defaultPodDisruptionBudget", "enabled"]);
        let is_written =
            self.budget.is_none() && has_budget && self.plane.chart.version.minor >= DROPS_BUDGET;
        let own = Budget {
            min_available: Some(Amount::Pods(1)),
            max_unavailable: None,
        };
        let budget = if is_written { Some(own) } else { self.budget };
        let key = if self.minimum.is_some() {
            "autoscaleMin"
        } else {
            "replicaCount"
        };
        let (replicas, minimum) = match self.minimum {
            Some(_) => (self.replicas, Some(2)),
            None => (Some(2), None),
        };
        let most = self
            .plane
            .autoscaler
            .as_ref()
            .and_then(|scaler| number(scaler, "maxReplicas"));
        let fits = most.is_none_or(|most| most >= 2)
            && redundancy(replicas, minimum, budget) == Verdict::Redundant;
        Fix::needs_review(format!("set `{key}` to 2"), vec![self.set(key)?]).filter(|_| fits)
    }

    fn set(&self, key: &'static str) -> Option<Change<'a>> {
        if let Some(node) = &self.count {
            let two = if node.str().is_some() {
                json!("2")
            } else {
                json!(2)
            };
            // What a profile says is not a number.
            return node.value().is_number().then(|| op::replace(node, two));
        }
        let addition = self.plane.release.addition(&["pilot", key])?;
        Some(addition.of(json!(2)))
    }
}
