//! The plain port: is it alive, is it ready, what has it counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use meshcheck_certs::Serving;

use crate::metrics::{CONTENT_TYPE, Metrics};

/// What the server says of itself.
#[derive(Debug)]
pub struct Health {
    certificate: Arc<Serving>,
    listening: AtomicBool,
    stopping: AtomicBool,
}

impl Health {
    /// Not ready yet.
    pub fn new(certificate: Arc<Serving>) -> Self {
        Self {
            certificate,
            listening: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// From now on connections are taken.
    pub fn listens(&self) {
        self.listening.store(true, Ordering::Release);
    }

    /// From now on clients are to go elsewhere.
    pub fn stops(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Why no request should come here; `None` if it should.
    pub fn unready(&self) -> Option<&'static str> {
        if self.stopping.load(Ordering::Acquire) {
            Some("stopping")
        } else if !self.listening.load(Ordering::Acquire) {
            Some("not listening yet")
        } else {
            match self.certificate.current() {
                None => Some("there is no certificate yet"),
                Some(pair) if !pair.is_valid_now() => {
                    Some("the certificate is not valid at this time")
                }
                Some(_) => None,
            }
        }
    }
}

/// The routes of the plain port.
pub fn router(health: Arc<Health>, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(health))
        .route("/metrics", get(count).with_state(metrics))
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "meshcheck: /livez, /readyz or /metrics\n",
            )
        })
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    match health.unready() {
        None => "ok\n".into_response(),
        Some(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {why}\n"),
        )
            .into_response(),
    }
}

async fn count(State(metrics): State<Arc<Metrics>>) -> Response {
    let open_metrics = HeaderValue::from_static(CONTENT_TYPE);
    ([(header::CONTENT_TYPE, open_metrics)], metrics.text()).into_response()
}

/// Sends clients elsewhere once the server stops: an API server keeps its connections, and would go
/// on using one to a pod that no Service names any more.
pub async fn part(State(health): State<Arc<Health>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if health.stopping.load(Ordering::Acquire) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
