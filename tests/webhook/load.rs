//! What the tests over sockets share: a program to ask, and clients that ask without a pause.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::client::{Answer, Client};
use crate::program::{Folder, Made, Program};
use crate::reviews::{creation, istiod};

pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) fn review() -> String {
    creation(&istiod("30m")).to_string()
}

pub(crate) fn made() -> Made {
    Made::for_names(&["localhost"])
}

/// That an answer is the refusal of [`review`].
pub(crate) fn assert_denied(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.text).expect("a review");
    assert_eq!(body["response"]["allowed"], false, "{body}");
}

/// A program on its own certificate, and a client that trusts it.
pub(crate) fn self_signed(args: &[&str]) -> (Program, Client) {
    let folder = Folder::new();
    let ca = folder.path().join("ca.crt");
    let ca_out = ["--self-signed", "--ca-out", ca.to_str().expect("a path")];
    let program = Program::start(&[&ca_out, args].concat());
    let ca = fs::read_to_string(ca).expect("the CA");
    assert!(
        ca.starts_with("-----BEGIN CERTIFICATE") && !ca.contains("PRIVATE"),
        "{ca}"
    );
    let client = Client::new(program.address, &[&ca]);
    (program, client)
}

/// Clients that ask without a pause, on connections that they renew now and then.
pub(crate) struct Load {
    tasks: JoinSet<usize>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Load {
    pub(crate) fn start(client: &Client) -> Self {
        let mut load = Self {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            done: Arc::default(),
        };
        for _ in 0..4 {
            let (client, stop, done) = (
                client.clone(),
                Arc::clone(&load.stop),
                Arc::clone(&load.done),
            );
            load.tasks.spawn(async move {
                let mut partings = 0;
                while !stop.load(Ordering::Relaxed) {
                    let mut connection = client.connect().await.expect("a connection");
                    for _ in 0..20 {
                        let answer = connection
                            .post("/validate", review())
                            .await
                            .expect("an answer");
                        assert_denied(&answer);
                        done.fetch_add(1, Ordering::Relaxed);
                        if answer.closes {
                            partings += 1;
                            break;
                        }
                    }
                }
                partings
            });
        }
        load
    }

    /// Waits for this many answers more.
    pub(crate) async fn answers(&self, count: usize) {
        let goal = self.done.load(Ordering::Relaxed) + count;
        let reach = async {
            while self.done.load(Ordering::Relaxed) < goal {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, reach).await.expect("answers in time");
    }

    /// Stops asking. Fails if a single request failed; tells how often a server said goodbye.
    pub(crate) async fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut partings = 0;
        while let Some(ended) = self.tasks.join_next().await {
            partings += ended.expect("no request failed");
        }
        partings
    }
}
