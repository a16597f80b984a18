//! Clients that ask without a pause.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::reviews::Case;

/// What some clients saw in some time.
#[derive(Default)]
pub(crate) struct Round {
    latencies: Vec<Duration>,
    /// To the last answer.
    time: Duration,
}

/// The same in numbers.
pub(crate) struct Measured {
    /// Requests in a second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Round {
    /// Takes in another one of the same.
    pub(crate) fn join(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.time += other.time;
    }

    /// In numbers.
    pub(crate) fn measured(mut self) -> Measured {
        self.latencies.sort_unstable();
        let count = self.latencies.len();
        let at = |percent: usize| self.latencies[(count * percent / 100).min(count - 1)];
        #[expect(clippy::cast_precision_loss, reason = "far below two to the 52nd")]
        let count = count as f64;
        Measured {
            rate: count / self.time.as_secs_f64(),
            p50: at(50),
            p99: at(99),
        }
    }
}

/// Asks on so many connections, each of which asks again as soon as it was answered. Connecting is not
/// measured. The first answer on each is looked at; each must be one.
pub(crate) async fn drive(
    client: &Client,
    case: &Case,
    connections: usize,
    time: Duration,
    is_ours: bool,
) -> Round {
    let mut open = Vec::new();
    for _ in 0..connections {
        let mut connection = client.connect().await.expect("a connection");
        let answer = connection.post(case.path, case.body.clone()).await;
        let answer = answer.expect("an answer");
        if is_ours {
            case.verify(&answer.text);
        }
        open.push(connection);
    }
    let start = Instant::now();
    let end = start + time;
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (path, body): (_, Bytes) = (case.path, case.body.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut before = Instant::now();
            while before < end {
                let answer = connection
                    .post(path, body.clone())
                    .await
                    .expect("an answer");
                assert_eq!(answer.status, 200, "{answer:?}");
                let now = Instant::now();
                latencies.push(now - before);
                before = now;
            }
            latencies
        });
    }
    let mut round = Round::default();
    while let Some(latencies) = tasks.join_next().await {
        round
            .latencies
            .extend(latencies.expect("a client that ends"));
    }
    round.time = start.elapsed();
    round
}
