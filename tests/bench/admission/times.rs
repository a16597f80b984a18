//! Times of a case, in rounds.

use std::time::Duration;

/// What its requests took.
#[derive(Clone, Default)]
pub(crate) struct Times {
    /// Each in order.
    rounds: Vec<Vec<Duration>>,
}

impl Times {
    /// Takes in a round, in which there is something.
    pub(crate) fn add(&mut self, mut round: Vec<Duration>) {
        round.sort_unstable();
        self.rounds.push(round);
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.len()
    }

    /// So many of a hundred, over all rounds, took no longer.
    pub(crate) fn at(&self, percent: usize) -> Duration {
        let mut all: Vec<_> = self.rounds.iter().flatten().copied().collect();
        all.sort_unstable();
        all[(all.len() * percent / 100).min(all.len() - 1)]
    }

    /// The median over the rounds of the ratio of both medians in the same round.
    pub(crate) fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let mut ratios: Vec<_> = pairs
            .map(|(own, other)| median(own).div_duration_f64(median(other)))
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}
