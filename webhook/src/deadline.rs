//! Deadlines of many requests by one clock.
//!
//! A timer of each request's own is the next one that is due whenever no other request is there, and to
//! set it wakes a thread: that took longer than to judge. So there is one timer for all, and who waits looks
//! whether it is his turn.

use std::future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// So many times in the time that a request may take, the clock ticks: how late a deadline may be.
const TICKS: u32 = 20;

/// Ticks for as long as somebody may listen.
#[derive(Clone, Debug)]
pub(crate) struct Clock(watch::Receiver<Instant>);

impl Clock {
    /// A clock for deadlines that are this far away. It needs a runtime to tick on.
    pub(crate) fn start(patience: Duration) -> Self {
        let (told, heard) = watch::channel(Instant::now());
        let tick = (patience / TICKS).max(Duration::from_millis(1));
        tokio::spawn(async move {
            let mut ticks = interval(tick);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while told.send(Instant::now()).is_ok() {
                ticks.tick().await;
            }
        });
        Self(heard)
    }

    /// Returns when the deadline is over, or up to a tick later.
    pub(crate) async fn passes(&self, deadline: Instant) {
        let mut heard = self.0.clone();
        if heard.wait_for(|now| *now >= deadline).await.is_err() {
            // The runtime ends, and this with it.
            future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tells_all_who_wait() {
        let start = Instant::now();
        let clock = Clock::start(Duration::from_millis(200));
        for wait in [0, 5, 90, 200, 700].map(Duration::from_millis) {
            clock.passes(start + wait).await;
            let took = start.elapsed();
            assert!(took >= wait, "{took:?} of {wait:?}");
            assert!(
                took <= wait + Duration::from_millis(10),
                "{took:?} of {wait:?}"
            );
        }
    }
}
