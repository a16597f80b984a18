//! What is answered to what, through the router alone.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::civil::date;
use meshcheck_rules::finding::{Fix, op};
use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::rule::Findings;
use meshcheck_rules::{Applicability, Context, ObjectKind, Rule, Severity};
use meshcheck_webhook::handlers::{self, Limits};
use meshcheck_webhook::health::{self, Health};
use meshcheck_webhook::judge::{Judge, Updates};
use meshcheck_webhook::metrics::Metrics;
use meshcheck_webhook::tls::{Serving, self_signed};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::reviews::{creation, istiod, patch, patched, update};

const LIMITS: Limits = Limits {
    body_bytes: 7 << 20,
    in_flight: 4,
    in_flight_bytes: 8 << 20,
    request_time: Duration::from_secs(10),
};

/// A server without its sockets.
struct Server {
    reviews: Router,
    probes: Router,
}

impl Server {
    fn new() -> Self {
        Self::with(Self::judge(Updates::Changes), LIMITS)
    }

    fn judge(updates: Updates) -> Judge {
        let settings = Settings {
            kubernetes: Some(KubernetesVersion::one(34)),
            istio: None,
        };
        Judge::new(settings, Some(date(2026, 11, 22)), updates)
    }

    fn with_rules(rules: Vec<&'static Rule>, limits: Limits) -> Self {
        Self::with(Self::judge(Updates::Changes).with_rules(rules), limits)
    }

    fn with(judge: Judge, limits: Limits) -> Self {
        let metrics = Arc::new(Metrics::default());
        let pair = self_signed::pair(None).expect("a certificate");
        let health = Arc::new(Health::new(Arc::new(Serving::new(pair))));
        Self {
            reviews: handlers::router(Arc::new(judge), Arc::clone(&metrics), limits),
            probes: health::router(health, metrics),
        }
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post(path).body(body.into()).expect("a request");
        send(&self.reviews, request).await
    }

    /// The `response` of a review that is answered.
    async fn ask(&self, path: &str, review: &Value) -> Value {
        let (status, text) = self.post(path, review.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let mut answer: Value = serde_json::from_str(&text).expect("an answer");
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        answer["response"].take()
    }

    async fn metrics(&self) -> String {
        let request = Request::get("/metrics")
            .body(Body::empty())
            .expect("a request");
        let (status, text) = send(&self.probes, request).await;
        assert_eq!(status, StatusCode::OK);
        text
    }

    /// That both webhooks let it pass without a word.
    async fn accepts(&self, review: &Value) {
        for path in ["/mutate", "/validate"] {
            let response = self.ask(path, review).await;
            let plain = json!({"uid": review["request"]["uid"], "allowed": true});
            assert_eq!(response, plain, "{path}");
        }
    }

    /// The message of a refusal.
    async fn rejects(&self, review: &Value) -> String {
        let response = self.ask("/validate", review).await;
        assert_eq!(response["allowed"], false, "{response}");
        assert_eq!(response["status"]["code"], 403);
        assert_eq!(response["status"]["reason"], "Forbidden");
        assert_eq!(response["patch"], Value::Null);
        response["status"]["message"]
            .as_str()
            .expect("a message")
            .to_owned()
    }
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    (status, text)
}

#[tokio::test]
async fn accepts_a_sound_istiod() {
    Server::new().accepts(&creation(&istiod("10m"))).await;
}

#[tokio::test]
async fn accepts_what_is_not_to_be_judged() {
    let server = Server::new();
    let bad = creation(&istiod("30m"));
    let with = |key: &str, value: Value| {
        let mut review = bad.clone();
        review["request"][key] = value;
        review
    };
    for review in [
        with("operation", "DELETE".into()),
        with("operation", "CONNECT".into()),
        with("subResource", "scale".into()),
        with("subResource", "status".into()),
        with("object", Value::Null),
        with("object", json!({})),
        with(
            "kind",
            json!({"group": "apps.example", "version": "v1", "kind": "Deployment"}),
        ),
        creation(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}})),
        creation(&json!({"apiVersion": "apps/v1", "kind": "Deployment"})),
        creation(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": [null, 7]})),
    ] {
        server.accepts(&review).await;
    }
}

#[tokio::test]
async fn accepts_a_deletion_as_the_api_server_sends_it() {
    let mut review = creation(&istiod("30m"));
    review["request"]["oldObject"] = review["request"]["object"].take();
    review["request"]["operation"] = "DELETE".into();
    Server::new().accepts(&review).await;
}

#[tokio::test]
async fn accepts_the_last_update_of_what_is_being_deleted() {
    let mut going = istiod("30m");
    going["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z".into();
    Server::new().accepts(&update(&istiod("30m"), &going)).await;
}

#[tokio::test]
async fn accepts_updates_of_pods() {
    let mut pod = istiod("30m")["spec"]["template"].take();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let server = Server::new();
    server.accepts(&update(&pod, &pod)).await;
    server.rejects(&creation(&pod)).await;
}

#[tokio::test]
async fn rejects_an_age_that_is_too_long() {
    let message = Server::new().rejects(&creation(&istiod("30m"))).await;
    for part in [
        "Deployment istio-system/istiod has 1 error:",
        "30m",
        "at /spec/template/spec/containers/0/args/2 (container discovery)",
        "fix: set the connection age to 10m",
        "kubectl meshcheck explain keepalive-age-too-long",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn rejects_with_every_error_at_once() {
    let mut istiod = istiod("30m");
    let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
    container["image"] = "docker.io/istio/pilot:1.7.4".into();
    container["readinessProbe"].take();
    let message = Server::new().rejects(&creation(&istiod)).await;
    for rule in [
        "keepalive-age-too-long",
        "version-unsupported",
        "kubernetes-incompatible",
        "istiod-readiness-missing",
    ] {
        assert!(
            message.contains(&format!("explain {rule}")),
            "{rule}: {message}"
        );
    }
    assert!(
        message.contains("Failed to list *v1beta1.Ingress"),
        "{message}"
    );
}

#[tokio::test]
async fn rejects_in_a_dry_run_too() {
    let mut review = creation(&istiod("30m"));
    review["request"]["dryRun"] = true.into();
    Server::new().rejects(&review).await;
}

#[tokio::test]
async fn patches_what_it_would_reject() {
    let server = Server::new();
    let mut bad = istiod("30m");
    bad["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .remove("readinessProbe");
    let response = server.ask("/mutate", &creation(&bad)).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(
        response["warnings"][0],
        "meshcheck fixed keepalive-age-too-long: set the connection age to 10m"
    );
    assert_eq!(
        patch(&response)[0],
        json!({"op": "replace", "path": "/spec/template/spec/containers/0/args/2", "value": "10m"})
    );
    // The namespace that the request lends the object is not in the patch.
    let good = patched(&bad, &response);
    assert_eq!(good["metadata"], bad["metadata"]);
    server.accepts(&creation(&good)).await;
}

#[tokio::test]
async fn never_rejects_in_mutate() {
    let mut old = istiod("10m");
    old["spec"]["template"]["spec"]["containers"][0]["image"] = "istio/pilot:1.7.4".into();
    let server = Server::new();
    let response = server.ask("/mutate", &creation(&old)).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(patch(&response), Vec::<Value>::new());
    server.rejects(&creation(&old)).await;
}

#[tokio::test]
async fn holds_updates_to_what_they_bring() {
    let server = Server::new();
    let before = istiod("30m");
    let mut scaled = before.clone();
    scaled["spec"]["replicas"] = 3.into();
    // The same pods: they are not restarted behind the back of who only scales.
    let review = update(&before, &scaled);
    assert_eq!(
        patch(&server.ask("/mutate", &review).await),
        Vec::<Value>::new()
    );
    let response = server.ask("/validate", &review).await;
    assert_eq!(response["allowed"], true);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("meshcheck keepalive-age-too-long (error, was there before):"));
    // New pods: mended as on creation.
    let review = update(&before, &istiod("45m"));
    assert_eq!(patch(&server.ask("/mutate", &review).await).len(), 1);
    // An error that the update brings.
    server.rejects(&update(&istiod("10m"), &before)).await;

    let strict = Server::with(Server::judge(Updates::All), LIMITS);
    let review = update(&before, &scaled);
    strict.rejects(&review).await;
    assert_eq!(patch(&strict.ask("/mutate", &review).await).len(), 1);
}

#[tokio::test]
async fn lets_an_old_control_plane_climb_in_steps() {
    let version = |tag: &str| {
        let mut istiod = istiod("10m");
        let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
        container["image"] = format!("docker.io/istio/pilot:{tag}").into();
        istiod
    };
    let server = Server::new();
    server.rejects(&creation(&version("1.19.10"))).await;
    let step = update(&version("1.18.7"), &version("1.19.10"));
    let response = server.ask("/validate", &step).await;
    assert_eq!(response["allowed"], true, "{response}");
    assert!(
        response["warnings"]
            .to_string()
            .contains("version-unsupported")
    );
}

#[tokio::test]
async fn warns_of_what_a_controller_makes() {
    let mut made = istiod("30m");
    made["kind"] = "ReplicaSet".into();
    made["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "istiod", "uid": "1", "controller": true}]);
    let server = Server::new();
    let response = server.ask("/validate", &creation(&made)).await;
    assert_eq!(response["allowed"], true);
    assert!(
        response["warnings"]
            .to_string()
            .contains("made by Deployment/istiod")
    );
    assert_eq!(
        patch(&server.ask("/mutate", &creation(&made)).await).len(),
        1
    );
}

#[tokio::test]
async fn answers_the_same_every_time() {
    let server = Server::new();
    let review = creation(&istiod("30m")).to_string();
    for path in ["/mutate", "/validate"] {
        let first = server.post(path, review.clone()).await;
        assert_eq!(server.post(path, review.clone()).await, first);
    }
}

#[tokio::test]
async fn says_what_is_wrong_with_a_body() {
    let server = Server::new();
    let mut old = creation(&istiod("30m"));
    old["apiVersion"] = "admission.k8s.io/v1beta1".into();
    for (body, part) in [
        (String::new(), "no AdmissionReview"),
        ("{".to_owned(), "no AdmissionReview"),
        (istiod("30m").to_string(), "kind is \"Deployment\""),
        (old.to_string(), "admissionReviewVersions: [v1]"),
    ] {
        for path in ["/mutate", "/validate"] {
            let (status, text) = server.post(path, body.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
            assert!(
                text.starts_with("meshcheck: ") && text.contains(part),
                "{text}"
            );
        }
    }
    let get = Request::get("/validate").body(Body::empty()).unwrap();
    assert_eq!(
        send(&server.reviews, get).await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let (status, text) = server.post("/", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains("/mutate or /validate"), "{text}");
}

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

impl axum::body::HttpBody for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
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
            check: $check,
        };
    };
}

test_rule!(CRASHES, "crashes", |_, _| panic!("a secret of the object"));
test_rule!(NOTES, "notes", |cx: &Context<'_>, out: &mut Findings| {
    let namespace = cx.object.namespace.unwrap_or("nowhere");
    out.report(cx.object.root.whole(), format!("seen in {namespace}"))
        .severity(Severity::Info);
});
test_rule!(SLEEPS, "sleeps", |_, _| {
    std::thread::sleep(Duration::from_millis(300));
});
test_rule!(
    UNSAFE_FIX,
    "unsafe-fix",
    |cx: &Context<'_>, out: &mut Findings| {
        if let Some(name) = cx.object.root.at(&["metadata", "name"]) {
            let ops = vec![op::remove(&name.pointer())];
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
    assert!(metrics.contains("meshcheck_findings_total{rule=\"notes\",severity=\"info\"} 1"));
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

#[tokio::test]
async fn answers_in_time_even_if_a_rule_does_not() {
    let limits = Limits {
        in_flight: 1,
        request_time: Duration::from_millis(50),
        ..LIMITS
    };
    let server = Server::with_rules(vec![&SLEEPS], limits);
    let review = creation(&istiod("30m"));
    let response = server.ask("/validate", &review).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(
        response["warnings"],
        json!(["meshcheck did not check this: it took longer than 50ms"])
    );
    // The rule still runs, and still counts as a request in flight.
    let (status, _) = server.post("/validate", review.to_string()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.ask("/validate", &review).await;
    assert!(server.metrics().await.contains("outcome=\"late\"} 2"));
}

static GATE: Mutex<Option<Receiver<()>>> = Mutex::new(None);
test_rule!(WAITS, "waits", |_, _| {
    let gate = GATE.lock().expect("no test panics with it").take();
    if let Some(gate) = gate {
        gate.recv().expect("the test opens the gate");
    }
});

#[tokio::test(flavor = "multi_thread")]
async fn refuses_at_once_what_it_cannot_take() {
    let (open, gate): (Sender<()>, _) = channel();
    *GATE.lock().unwrap() = Some(gate);
    let limits = Limits {
        in_flight: 1,
        ..LIMITS
    };
    let server = Arc::new(Server::with_rules(vec![&WAITS], limits));
    let review = creation(&istiod("10m"));
    let (waiting, asked) = (Arc::clone(&server), review.clone());
    let first = tokio::spawn(async move { waiting.ask("/validate", &asked).await });
    while !server.metrics().await.contains("meshcheck_in_flight 1") {
        tokio::task::yield_now().await;
    }
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
    while !server.metrics().await.contains("meshcheck_in_flight 1") {
        tokio::task::yield_now().await;
    }
    let small = creation(&istiod("10m"));
    let (status, _) = server.post("/validate", small.to_string()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    first.abort();
    first.await.expect_err("it never ends by itself");
    // Alone, one that is larger than the room is taken.
    let mut large = istiod("10m");
    large["metadata"]["annotations"] = json!({"large": "x".repeat(2 << 20)});
    server.accepts(&creation(&large)).await;
}

#[tokio::test]
async fn counts_what_it_does() {
    let server = Server::new();
    let review = creation(&istiod("30m"));
    server.ask("/mutate", &review).await;
    server.rejects(&review).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    server.ask("/validate", &creation(&secret)).await;
    let metrics = server.metrics().await;
    for line in [
        "meshcheck_admission_requests_total{webhook=\"mutate\",operation=\"CREATE\",kind_class=\"workload\",outcome=\"patched\"} 1",
        "meshcheck_admission_requests_total{webhook=\"validate\",operation=\"CREATE\",kind_class=\"workload\",outcome=\"denied\"} 1",
        "meshcheck_admission_requests_total{webhook=\"validate\",operation=\"CREATE\",kind_class=\"other\",outcome=\"untouched\"} 1",
        "meshcheck_admission_duration_seconds_bucket{le=\"0.00005\",webhook=\"validate\"}",
        "meshcheck_admission_duration_seconds_count{webhook=\"validate\"} 2",
        "meshcheck_findings_total{rule=\"keepalive-age-too-long\",severity=\"error\"} 1",
        "meshcheck_fixes_total{rule=\"keepalive-age-too-long\"} 1",
        "meshcheck_rule_crashes_total{rule=\"keepalive-age-too-long\"} 0",
        "meshcheck_build_info{version=\"0.1.0\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn is_not_ready_before_it_listens() {
    let server = Server::new();
    let get = |path| {
        Request::builder()
            .method(Method::GET)
            .uri(path)
            .body(Body::empty())
            .unwrap()
    };
    let (status, text) = send(&server.probes, get("/readyz")).await;
    assert_eq!(
        (status, text.as_str()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: not listening yet\n"
        )
    );
    assert_eq!(send(&server.probes, get("/livez")).await.0, StatusCode::OK);
    assert_eq!(
        send(&server.probes, get("/healthz")).await.0,
        StatusCode::NOT_FOUND
    );
}
