//! Bodies that are too large or too slow, rules that break down or never end, too many requests.

use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use meshcheck_rules::finding::{Fix, op};
use meshcheck_rules::rule::Findings;
use meshcheck_rules::{Applicability, Check, Context, ObjectKind, Rule, Severity};
use meshcheck_webhook::handlers::Limits;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::reviews::{creation, istiod, patch};
use crate::server::{LIMITS, Server};

#[tokio::test]
async fn refuses_a_body_over_the_limit() {
    let server = Server::new();
    let mut large = istiod("10m");
    large["metadata"]["annotations"] = json!({"large": "x".repeat(6 << 20)});
    server.accepts(&creation(&large)).await;
    large["metadata"]["annotations"] = json!({"large": "x".repeat(7 << 20)});
    let (status, text) = server.post("/validate", creation(&large).to_string()).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("limit of 7340032 bytes"), "{text}");
    assert!(server.metrics().await.contains("outcome=\"too_large\"} 1"));
}

#[tokio::test]
async fn gives_up_on_a_body_that_does_not_come() {
    let limits = Limits {
        request_time: Duration::from_millis(50),
        ..LIMITS
    };
    let server = Server::with_rules(vec![], limits);
    let never = Body::new(Never);
    let (status, text) = server.post("/validate", never).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert!(text.contains("did not arrive within 50ms"), "{text}");
}

/// A body of which nothing arrives.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Pending
    }
}

/// Where a rule waits until the test opens, each time that the test closed it before.
struct Gate(Mutex<Vec<Receiver<()>>>);

static SLOW_GATE: Gate = Gate(Mutex::new(Vec::new()));
static WAITS_GATE: Gate = Gate(Mutex::new(Vec::new()));

impl Gate {
    fn close(&self) -> Sender<()> {
        let (open, gate) = channel();
        self.0.lock().expect("no panic with it").push(gate);
        open
    }

    fn pass(&self) {
        let gate = self.0.lock().expect("no panic with it").pop();
        if let Some(gate) = gate {
            gate.recv().expect("the test opens the gate");
        }
    }
}

/// A rule of a test, which looks at Deployments.
macro_rules! test_rule {
    ($name:ident, $id:literal, $check:expr) => {
        static $name: Rule = Rule {
            id: $id,
            summary: "for a test",
            page: "",
            severity: Severity::Warning,
            since: "0.1.0",
            kinds: &[ObjectKind {
                group: "apps",
                kind: "Deployment",
                resource: "deployments",
            }],
            fix: None,
            aliases: &[],
            check: Check::Object($check),
        };
    };
}

test_rule!(CRASHES, "crashes", |_, _| panic!("a secret of the object"));
test_rule!(NOTES, "notes", |cx: &Context<'_>, out: &mut Findings| {
    let namespace = cx.object.namespace.unwrap_or("nowhere");
    out.report(cx.object.root.whole(), format!("seen in {namespace}"))
        .severity(Severity::Info);
});
test_rule!(SLOW, "slow", |_, _| SLOW_GATE.pass());
test_rule!(WAITS, "waits", |_, _| WAITS_GATE.pass());
test_rule!(
    UNSAFE_FIX,
    "unsafe-fix",
    |cx: &Context<'_>, out: &mut Findings| {
        if let Some(name) = cx.object.root.at(&["metadata", "name"]) {
            let ops = vec![op::remove(&name)];
            out.report(name.whole(), "named")
                .fix(Fix::needs_review("take it away", ops));
        }
    }
);

#[tokio::test]
async fn lets_no_broken_rule_block_anybody() {
    let server = Server::with_rules(vec![&CRASHES, &NOTES], LIMITS);
    let response = server.ask("/validate", &creation(&istiod("10m"))).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(
        response["auditAnnotations"],
        json!({"notes": "seen in istio-system"})
    );
    let metrics = server.metrics().await;
    assert!(
        metrics.contains("meshcheck_rule_crashes_total{rule=\"crashes\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("meshcheck_admission_findings_total{rule=\"notes\",severity=\"info\"} 1")
    );
}

#[tokio::test]
async fn applies_no_fix_that_a_person_should_look_at() {
    assert_eq!(UNSAFE_FIX.fix, None::<Applicability>);
    let server = Server::with_rules(vec![&UNSAFE_FIX], LIMITS);
    let review = creation(&istiod("10m"));
    assert_eq!(
        patch(&server.ask("/mutate", &review).await),
        Vec::<Value>::new()
    );
    let response = server.ask("/validate", &review).await;
    assert_eq!(response["warnings"], json!(["meshcheck unsafe-fix: named"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn answers_in_time_even_if_a_rule_does_not() {
    let limits = Limits {
        in_flight: 1,
        request_time: Duration::from_millis(50),
        ..LIMITS
    };
    let server = Server::with_rules(vec![&SLOW], limits);
    let review = creation(&istiod("30m"));
    let open = SLOW_GATE.close();
    let response = server.ask("/validate", &review).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(
        response["warnings"],
        json!(["meshcheck did not check this: it took longer than 50ms"])
    );
    // The rule still runs, and still counts as a request in flight.
    let (status, _) = server.post("/validate", review.to_string()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    let next = SLOW_GATE.close();
    open.send(()).unwrap();
    let ask = || server.post("/validate", review.to_string());
    while ask().await.0 == StatusCode::TOO_MANY_REQUESTS {
        tokio::task::yield_now().await;
    }
    assert!(server.metrics().await.contains("outcome=\"late\"} 2"));
    next.send(()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_at_once_what_it_cannot_take() {
    let open = WAITS_GATE.close();
    let limits = Limits {
        in_flight: 1,
        ..LIMITS
    };
    let server = Arc::new(Server::with_rules(vec![&WAITS], limits));
    let review = creation(&istiod("10m"));
    let (waiting, asked) = (Arc::clone(&server), review.clone());
    let first = tokio::spawn(async move { waiting.ask("/validate", &asked).await });
    server.awaits("meshcheck_in_flight 1").await;
    let request = Request::post("/validate")
        .body(Body::from(review.to_string()))
        .unwrap();
    let response = server.reviews.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("too much is in flight already (1 requests)"));
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap()["allowed"], true);
    let metrics = server.metrics().await;
    assert!(metrics.contains("meshcheck_refused_total 1"), "{metrics}");
    assert!(metrics.contains("meshcheck_in_flight 0"), "{metrics}");
}

#[tokio::test]
async fn refuses_more_bytes_than_it_has_room_for() {
    let limits = Limits {
        in_flight_bytes: 1 << 20,
        ..LIMITS
    };
    let server = Arc::new(Server::with_rules(vec![], limits));
    // Nothing is known of the size of this body, so it takes all the room.
    let waiting = Arc::clone(&server);
    let first = tokio::spawn(async move { waiting.post("/validate", Body::new(Never)).await });
    server.awaits("meshcheck_in_flight 1").await;
    let small = creation(&istiod("10m"));
    let (status, _) = server.post("/validate", small.to_string()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    first.abort();
    first.await.expect_err("it never ends by itself");
    server.awaits("meshcheck_in_flight 0").await;
    // Alone, one that is larger than the room is taken.
    let mut large = istiod("10m");
    large["metadata"]["annotations"] = json!({"large": "x".repeat(2 << 20)});
    server.accepts(&creation(&large)).await;
}
