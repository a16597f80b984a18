//! Whether istiod outlives the loss of one machine: replicas, autoscaler and disruption budget together.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A number of pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub enum Amount {
    /// So many.
    Pods(u64),
    /// So many of a hundred, rounded up.
    Percent(u64),
}

impl Amount {
    /// Reads `1` or `50%`; `None` for anything else, which Kubernetes refuses.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_u64().map(Self::Pods),
            Value::String(text) => text.strip_suffix('%')?.parse().ok().map(Self::Percent),
            _ => None,
        }
    }

    fn of_pods(self, pods: u64) -> u64 {
        match self {
            Self::Pods(count) => count,
            Self::Percent(share) => share.saturating_mul(pods).div_ceil(100),
        }
    }
}

/// What is neither a number of pods nor a share of them.
#[derive(Debug, thiserror::Error)]
#[error("{0} is neither a number of pods nor a percentage")]
pub struct NoAmount(Value);

impl TryFrom<Value> for Amount {
    type Error = NoAmount;

    fn try_from(value: Value) -> Result<Self, NoAmount> {
        Self::of(&value).ok_or(NoAmount(value))
    }
}

impl From<Amount> for Value {
    fn from(amount: Amount) -> Self {
        match amount {
            Amount::Pods(count) => Self::from(count),
            Amount::Percent(_) => Self::from(amount.to_string()),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods(count) => count.fmt(f),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

/// A PodDisruptionBudget's numbers. Kubernetes takes one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Budget {
    /// `minAvailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_available: Option<Amount>,
    /// `maxUnavailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<Amount>,
}

impl Budget {
    /// How many of so many pods a drain may take at once; `None` for a budget that says no number.
    pub fn allows(self, pods: u64) -> Option<u64> {
        match (self.max_unavailable, self.min_available) {
            (Some(most), _) => Some(most.of_pods(pods).min(pods)),
            (None, Some(least)) => Some(pods.saturating_sub(least.of_pods(pods))),
            (None, None) => None,
        }
    }
}

/// `` `minAvailable: 1` ``.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.max_unavailable, self.min_available) {
            (Some(most), _) => write!(f, "`maxUnavailable: {most}`"),
            (None, Some(least)) => write!(f, "`minAvailable: {least}`"),
            (None, None) => f.write_str("no number"),
        }
    }
}

/// What becomes of istiod when a machine is drained or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another pod takes over.
    Redundant,
    /// It was switched off on purpose: no replica.
    Off,
    /// There is one pod.
    Single {
        /// Replicas that were asked for and that the autoscaler takes away again.
        overridden: Option<u64>,
        /// Whether the budget forbids to move it, so that a drain waits for ever.
        blocks_drain: bool,
    },
    /// Of so many pods a drain may take all at once: no budget.
    NoBudget(u64),
    /// Of so many pods a drain may take all at once: the budget allows it.
    LaxBudget(u64),
    /// Of so many pods a drain may take none: it waits for ever.
    BlockedDrain(u64),
}

/// Judges what is known: `replicas` of the workload (Kubernetes takes 1 where it says none), the
/// minimum of its autoscaler, which decides where there is one (S20), and its budget.
pub fn redundancy(
    replicas: Option<u64>,
    autoscaled_minimum: Option<u64>,
    budget: Option<Budget>,
) -> Verdict {
    // Kubernetes switches the autoscaler off for a workload that is scaled to nothing.
    if replicas == Some(0) {
        return Verdict::Off;
    }
    let pods = autoscaled_minimum.or(replicas).unwrap_or(1);
    let allowed = budget.map(|budget| budget.allows(pods));
    if pods <= 1 {
        return Verdict::Single {
            overridden: replicas.filter(|asked| *asked > 1),
            blocks_drain: allowed == Some(Some(0)),
        };
    }
    match allowed {
        None => Verdict::NoBudget(pods),
        Some(Some(0)) => Verdict::BlockedDrain(pods),
        Some(Some(all)) if all >= pods => Verdict::LaxBudget(pods),
        // A budget without a number is refused by nobody and means nothing that could be judged.
        Some(Some(_) | None) => Verdict::Redundant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn budget(min_available: &Value, max_unavailable: &Value) -> Option<Budget> {
        let budget = Budget {
            min_available: Amount::of(min_available),
            max_unavailable: Amount::of(max_unavailable),
        };
        (budget != Budget::default()).then_some(budget)
    }

    #[test]
    fn judges_all_three_together() {
        let single = |overridden, blocks_drain| Verdict::Single {
            overridden,
            blocks_drain,
        };
        let one = budget(&json!(1), &json!(null));
        let cases = [
            // Istio's charts: up to 1.27 with a budget, from 1.28 on without.
            (None, Some(1), one, single(None, true)),
            (None, Some(1), None, single(None, false)),
            (None, None, None, single(None, false)),
            (Some(1), None, one, single(None, true)),
            // S20: the autoscaler decides.
            (Some(3), Some(1), None, single(Some(3), false)),
            (Some(1), Some(2), one, Verdict::Redundant),
            (None, Some(2), one, Verdict::Redundant),
            (Some(2), None, one, Verdict::Redundant),
            (Some(2), None, None, Verdict::NoBudget(2)),
            (None, Some(3), None, Verdict::NoBudget(3)),
            (Some(0), Some(3), None, Verdict::Off),
            (
                Some(2),
                None,
                budget(&json!(2), &json!(null)),
                Verdict::BlockedDrain(2),
            ),
            (
                Some(2),
                None,
                budget(&json!("51%"), &json!(null)),
                Verdict::BlockedDrain(2),
            ),
            (
                Some(2),
                None,
                budget(&json!("50%"), &json!(null)),
                Verdict::Redundant,
            ),
            (
                Some(2),
                None,
                budget(&json!(0), &json!(null)),
                Verdict::LaxBudget(2),
            ),
            (
                Some(2),
                None,
                budget(&json!(null), &json!(1)),
                Verdict::Redundant,
            ),
            (
                Some(2),
                None,
                budget(&json!(null), &json!("25%")),
                Verdict::Redundant,
            ),
            (
                Some(2),
                None,
                budget(&json!(null), &json!(0)),
                Verdict::BlockedDrain(2),
            ),
            (
                Some(2),
                None,
                budget(&json!(null), &json!("100%")),
                Verdict::LaxBudget(2),
            ),
            (Some(2), None, Some(Budget::default()), Verdict::Redundant),
        ];
        for (replicas, minimum, budget, expected) in cases {
            let verdict = redundancy(replicas, minimum, budget);
            assert_eq!(verdict, expected, "{replicas:?} {minimum:?} {budget:?}");
        }
    }

    #[test]
    fn reads_amounts_as_kubernetes_does() {
        assert_eq!(Amount::of(&json!(2)), Some(Amount::Pods(2)));
        assert_eq!(Amount::of(&json!("30%")), Some(Amount::Percent(30)));
        for refused in [
            json!("2"),
            json!(-1),
            json!(1.5),
            json!("x%"),
            json!("%"),
            json!(null),
        ] {
            assert_eq!(Amount::of(&refused), None, "{refused}");
        }
    }
}
