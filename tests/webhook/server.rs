//! The webhook without its sockets.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::civil::date;
use meshcheck_certs::{Serving, self_signed};
use meshcheck_rules::Rule;
use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::mesh::Settings;
use meshcheck_webhook::handlers::{self, Limits};
use meshcheck_webhook::health::{self, Health};
use meshcheck_webhook::judge::{Judge, Updates};
use meshcheck_webhook::metrics::Metrics;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const LIMITS: Limits = Limits {
    body_bytes: 7 << 20,
    in_flight: 4,
    in_flight_bytes: 8 << 20,
    request_time: Duration::from_secs(10),
};

/// A server without its sockets.
pub(crate) struct Server {
    pub(crate) reviews: Router,
    pub(crate) probes: Router,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Self::judge(Updates::Changes), LIMITS)
    }

    pub(crate) fn judge(updates: Updates) -> Judge {
        let settings = Settings {
            kubernetes: Some(KubernetesVersion::one(34)),
            istio: None,
        };
        Judge::new(settings, Some(date(2026, 11, 22)), updates)
    }

    pub(crate) fn with_rules(rules: Vec<&'static Rule>, limits: Limits) -> Self {
        Self::with(Self::judge(Updates::Changes).with_rules(rules), limits)
    }

    pub(crate) fn with(judge: impl Into<Arc<Judge>>, limits: Limits) -> Self {
        let metrics = Arc::new(Metrics::default());
        let pair = self_signed::pair(None).expect("a certificate");
        let health = Arc::new(Health::new(Arc::new(Serving::new(pair))));
        Self {
            reviews: handlers::router(judge.into(), Arc::clone(&metrics), limits),
            probes: health::router(health, metrics),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post(path).body(body.into()).expect("a request");
        send(&self.reviews, request).await
    }

    /// The `response` of a review that is answered.
    pub(crate) async fn ask(&self, path: &str, review: &Value) -> Value {
        let (status, text) = self.post(path, review.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let mut answer: Value = serde_json::from_str(&text).expect("an answer");
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
        assert_eq!(answer["kind"], "AdmissionReview");
        assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
        answer["response"].take()
    }

    pub(crate) async fn metrics(&self) -> String {
        let request = Request::get("/metrics")
            .body(Body::empty())
            .expect("a request");
        let (status, text) = send(&self.probes, request).await;
        assert_eq!(status, StatusCode::OK);
        text
    }

    /// Waits until a metric says this.
    pub(crate) async fn awaits(&self, line: &str) {
        while !self.metrics().await.contains(line) {
            tokio::task::yield_now().await;
        }
    }

    /// That both webhooks let it pass without a word.
    pub(crate) async fn accepts(&self, review: &Value) {
        for path in ["/mutate", "/validate"] {
            let response = self.ask(path, review).await;
            let plain = json!({"uid": review["request"]["uid"], "allowed": true});
            assert_eq!(response, plain, "{path}");
        }
    }

    /// The message of a refusal.
    pub(crate) async fn rejects(&self, review: &Value) -> String {
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

pub(crate) async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    (status, text)
}
