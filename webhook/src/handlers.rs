//! `/mutate` and `/validate` over HTTP: limits, deadline, early refusal, and what is told of it.

use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::select;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use crate::body::{self, BodyError};
use crate::deadline::Clock;
use crate::decide::Decision;
use crate::judge::{Judge, Verdict, Webhook};
use crate::metrics::{Metrics, Seen, kind_class};
use crate::review::{Answer, Request, ReviewError};
use crate::text;
use crate::trace;

mod log;

/// Of a refusal.
const MESSAGE_CHARS: usize = 300;

/// Bytes of a body that is judged in microseconds: waking a thread for it would take longer.
const SMALL: usize = 64 << 10;

/// How much is taken at once, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Requests that are read or checked at the same time.
    pub in_flight: usize,
    /// Bytes of bodies of these together. What a body becomes while it is checked is a few times as
    /// large, so this bounds the memory of the server.
    pub in_flight_bytes: usize,
    /// From the head of a request to its answer.
    pub request_time: Duration,
}

impl Limits {
    fn kibibytes(&self) -> u32 {
        kibibytes(self.in_flight_bytes as u64)
    }

    /// What a body takes of the room for all: what it announces, or the most that it may be. One
    /// body has room in any case.
    fn weight(&self, announced: Option<u64>) -> u32 {
        let most = self.body_bytes as u64;
        kibibytes(announced.unwrap_or(most).min(most)).min(self.kibibytes())
    }
}

fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// What answers requests.
pub struct Server {
    judge: Arc<Judge>,
    metrics: Arc<Metrics>,
    limits: Limits,
    slots: Arc<Semaphore>,
    kibibytes: Arc<Semaphore>,
    clock: OnceLock<Clock>,
}

/// Why a request gets no review for an answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("too much is in flight already ({0} requests): try again")]
    Busy(usize),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the body did not arrive within {0:?}")]
    Slow(Duration),
    #[error(transparent)]
    Review(#[from] ReviewError),
    #[error("meshcheck broke down while it read the body, see its log")]
    BrokeDown,
}

/// The routes of the TLS port.
pub fn router(judge: Arc<Judge>, metrics: Arc<Metrics>, limits: Limits) -> Router {
    let server = Arc::new(Server {
        judge,
        metrics,
        limits,
        slots: Arc::new(Semaphore::new(limits.in_flight)),
        kibibytes: Arc::new(Semaphore::new(limits.kibibytes() as usize)),
        clock: OnceLock::new(),
    });
    Router::new()
        .route("/mutate", post(mutate))
        .route("/validate", post(validate))
        .fallback(async || {
            let text = "meshcheck: POST an AdmissionReview to /mutate or /validate\n";
            (StatusCode::NOT_FOUND, text)
        })
        .with_state(server)
}

async fn mutate(State(server): State<Arc<Server>>, request: HttpRequest) -> Response {
    server.answer(Webhook::Mutate, request).await
}

async fn validate(State(server): State<Arc<Server>>, request: HttpRequest) -> Response {
    server.answer(Webhook::Validate, request).await
}

impl Server {
    async fn answer(&self, webhook: Webhook, request: HttpRequest) -> Response {
        let started = Instant::now();
        let (seen, response) = match self.review(webhook, request.into_body(), started).await {
            Ok((seen, answer)) => (seen, json(&answer)),
            Err(refusal) => {
                let (outcome, why) = (refusal.outcome(), refusal.text());
                trace::ended(webhook, outcome);
                tracing::warn!(
                    webhook = webhook.as_str(),
                    outcome,
                    why,
                    trace_id = trace::id(),
                    "refused a request"
                );
                (refusal.seen(), refusal.into_response())
            }
        };
        self.metrics
            .answered(webhook, &seen, started.elapsed().as_secs_f64());
        response
    }

    async fn review(
        &self,
        webhook: Webhook,
        body: Body,
        started: Instant,
    ) -> Result<(Seen, Answer), Refusal> {
        let review = Review {
            webhook,
            slot: self.enter(body.size_hint().exact())?,
            body,
            most_bytes: self.limits.body_bytes,
            judge: Arc::clone(&self.judge),
            asked: Arc::default(),
        };
        // As a task of its own, so that a deadline is one: nothing can stop a rule that does not come to
        // an end. The body is read in it as well: read within the task of the connection, it would wake
        // that task while it runs, and so another thread.
        let asked = Arc::clone(&review.asked);
        let mut job = AbortOnDropHandle::new(tokio::spawn(review.judged()));
        let judged = select! {
            biased;
            judged = &mut job => Some(judged),
            () = self.is_late(started) => None,
        };
        let decided = match (judged, asked.get()) {
            (Some(Ok(judged)), _) => self.decided(webhook, judged?),
            (Some(Err(_panic)), None) => return Err(Refusal::BrokeDown),
            (Some(Err(_panic)), Some(_)) => {
                Decided::unchecked("crashed", "meshcheck broke down, see its log")
            }
            (None, None) => return Err(Refusal::Slow(self.limits.request_time)),
            (None, Some(_)) => {
                let why = format!("it took longer than {:?}", self.limits.request_time);
                Decided::unchecked("late", &why)
            }
        };
        let request = asked.get().expect("read before it was judged");
        let rules = decided.rules.as_deref();
        trace::review(webhook, request, decided.outcome, rules);
        log::review(webhook, request, &decided, started);
        let seen = Seen {
            operation: request.operation.as_str(),
            kind_class: kind_class(&request.kind),
            outcome: decided.outcome,
        };
        Ok((seen, Answer::new(request.uid.clone(), decided.decision)))
    }

    /// Returns when a request that came at `started` should have been answered.
    async fn is_late(&self, started: Instant) {
        let patience = self.limits.request_time;
        let clock = self.clock.get_or_init(|| Clock::start(patience));
        clock.passes((started + patience).into()).await;
    }

    /// A place among the requests in flight, or none at once: a request that waits past the API
    /// server's patience is wasted work.
    fn enter(&self, announced: Option<u64>) -> Result<Slot, Refusal> {
        let weight = self.limits.weight(announced);
        let place = Arc::clone(&self.slots).try_acquire_owned();
        let room = Arc::clone(&self.kibibytes).try_acquire_many_owned(weight);
        let (Ok(place), Ok(room)) = (place, room) else {
            self.metrics.refused.inc();
            let taken = self.limits.in_flight - self.slots.available_permits();
            return Err(Refusal::Busy(taken));
        };
        self.metrics.in_flight.inc();
        Ok(Slot {
            metrics: Arc::clone(&self.metrics),
            _permits: [place, room],
        })
    }

    fn decided(&self, webhook: Webhook, verdict: Verdict) -> Decided {
        self.metrics.verdict(webhook, &verdict);
        let mut rules: Vec<_> = verdict.findings.iter().map(|(rule, _)| *rule).collect();
        rules.dedup();
        Decided {
            outcome: verdict.outcome.as_str(),
            reason: verdict.outcome.reason(),
            rules: list(&rules),
            suppressed: list(&verdict.suppressed),
            crashed: list(&verdict.crashed),
            glass: verdict.glass,
            decision: verdict.decision,
        }
    }
}

/// One review, from its body to the verdict.
struct Review {
    webhook: Webhook,
    /// Kept until the rules are done: such as do not come to an end cannot pile up either.
    slot: Slot,
    body: Body,
    most_bytes: usize,
    judge: Arc<Judge>,
    /// What is asked, once it is known.
    asked: Arc<OnceLock<Arc<Request>>>,
}

impl Review {
    async fn judged(self) -> Result<Verdict, Refusal> {
        let bytes = body::read(self.body, self.most_bytes).await?;
        let is_small = bytes.len() <= SMALL;
        let request = Arc::new(Request::parse(&bytes)?);
        drop(bytes);
        self.asked.get_or_init(|| Arc::clone(&request));
        let judging = move || {
            let verdict = self.judge.judge(self.webhook, &request);
            drop(self.slot);
            verdict
        };
        if is_small {
            return Ok(judging());
        }
        let judged = tokio::task::spawn_blocking(judging).await;
        Ok(judged.unwrap_or_else(|broken| resume_unwind(broken.into_panic())))
    }
}

/// A place among the requests in flight.
struct Slot {
    metrics: Arc<Metrics>,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
    }
}

/// A decision and what the log says of it.
struct Decided {
    outcome: &'static str,
    reason: Option<&'static str>,
    rules: Option<String>,
    suppressed: Option<String>,
    crashed: Option<String>,
    /// Why somebody broke the glass.
    glass: Option<String>,
    decision: Decision,
}

impl Decided {
    fn unchecked(outcome: &'static str, why: &str) -> Self {
        Self {
            outcome,
            reason: None,
            rules: None,
            suppressed: None,
            crashed: None,
            glass: None,
            decision: Decision::unchecked(why),
        }
    }
}

fn list(rules: &[&str]) -> Option<String> {
    (!rules.is_empty()).then(|| rules.join(","))
}

fn json(answer: &Answer) -> Response {
    let text = serde_json::to_vec(answer).expect("an answer has only string keys");
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], text).into_response()
}

impl Refusal {
    /// Some messages quote the body, of which nobody wants to read or keep much.
    fn text(&self) -> String {
        text::cut(&text::clean(&self.to_string()), MESSAGE_CHARS)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(BodyError::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyError::Broken(_)) | Self::Review(_) => StatusCode::BAD_REQUEST,
            Self::BrokeDown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::Busy(_) => "busy",
            Self::Body(BodyError::TooLarge(_)) => "too_large",
            Self::Slow(_) => "slow_body",
            Self::Body(BodyError::Broken(_)) => "broken_body",
            Self::Review(_) => "no_review",
            Self::BrokeDown => "crashed",
        }
    }

    fn seen(&self) -> Seen {
        Seen {
            operation: "-",
            kind_class: "-",
            outcome: self.outcome(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = format!("meshcheck: {}\n", self.text());
        let mut response = (self.status(), text).into_response();
        if matches!(self, Self::Busy(_)) {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}
