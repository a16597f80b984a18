//! Clients that ask without a pause.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::task::JoinSet;

use crate::client::{Client, Connection};
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

/// Connects so often. Connecting is not measured.
pub(crate) async fn connect(client: &Client, connections: usize) -> Vec<Connection> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(client.connect().await.expect("a connection"));
    }
    open
}

/// Asks on each of these connections, again as soon as it was answered. The first answer on each is looked
/// at, and not measured; each must be one.
pub(crate) async fn drive(
    open: &mut Vec<Connection>,
    connections: usize,
    case: &Case,
    time: Duration,
    is_ours: bool,
) -> Round {
    for connection in &mut open[..connections] {
        let answer = connection.post(case.path, case.body.clone()).await;
        let answer = answer.expect("an answer");
        if is_ours {
            case.verify(&answer.text);
        }
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in open.drain(..connections) {
        tasks.spawn(ask(connection, case.path, case.body.clone(), start + time));
    }
    let mut round = Round::default();
    while let Some(asked) = tasks.join_next().await {
        let (connection, latencies) = asked.expect("a client that ends");
        round.latencies.extend(latencies);
        open.push(connection);
    }
    round.time = start.elapsed();
    round
}

async fn ask(
    mut connection: Connection,
    path: &str,
    body: Bytes,
    end: Instant,
) -> (Connection, Vec<Duration>) {
    let mut latencies = Vec::new();
    let mut before = Instant::now();
    while before < end {
        let answer = connection.post(path, body.clone()).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        let now = Instant::now();
        latencies.push(now - before);
        before = now;
    }
    (connection, latencies)
}
