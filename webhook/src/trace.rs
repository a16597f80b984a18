//! One span for each review, sent to a collector by OTLP over HTTP. Without an endpoint there is nothing of
//! it: no layer around the routes and no thread.

use std::env;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use opentelemetry::context::FutureExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use crate::args::TraceArgs;
use crate::judge::Webhook;
use crate::review::Request;
use crate::text::plain;

pub use collector::TraceError;

mod collector;

const SERVICE: &str = "meshcheck-webhook";

/// For what is still to be sent when the server ends.
const FLUSH: Duration = Duration::from_secs(2);

/// Where spans go.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// What the options ask for; `None` where they name no collector. Nothing is sent yet.
    pub fn new(args: &TraceArgs) -> Result<Option<Self>, TraceError> {
        let Some(collector) = args.collector() else {
            return Ok(None);
        };
        let mut provider = SdkTracerProvider::builder()
            .with_batch_exporter(collector::exporter(&collector, args.otlp_ca.as_deref())?)
            .with_resource(resource());
        // Otherwise as the SDK reads it from OTEL_TRACES_SAMPLER.
        if let Some(ratio) = args.otlp_sample_ratio {
            let ours = Box::new(Sampler::TraceIdRatioBased(ratio));
            provider = provider.with_sampler(Sampler::ParentBased(ours));
        }
        tracing::info!(%collector, "reviews are traced");
        Ok(Some(Self(provider.build())))
    }

    /// The same routes, with a span around each request.
    pub fn around(&self, routes: Router) -> Router {
        let tracer = self.0.tracer(SERVICE);
        routes.route_layer(middleware::from_fn_with_state(tracer, in_span))
    }

    /// Sends what is left, but not for long.
    pub async fn flush(self) {
        let flushing = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH));
        if let Ok(Err(error)) = flushing.await {
            tracing::warn!(%error, "the last spans are lost");
        }
    }
}

impl Drop for Traces {
    /// Where nobody waited for the rest, the SDK would.
    fn drop(&mut self) {
        drop(self.0.shutdown_with_timeout(Duration::ZERO));
    }
}

/// Whoever deploys may name it otherwise, as the specification says.
fn resource() -> Resource {
    let says = |variable, what| env::var(variable).is_ok_and(|value| value.contains(what));
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let mut resource = Resource::builder().with_attribute(version);
    if !says("OTEL_SERVICE_NAME", "") && !says("OTEL_RESOURCE_ATTRIBUTES", "service.name=") {
        resource = resource.with_service_name(SERVICE);
    }
    resource.build()
}

async fn in_span(State(tracer): State<SdkTracer>, request: HttpRequest, next: Next) -> Response {
    let headers = HeaderExtractor(request.headers());
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &headers);
    let span = tracer
        .span_builder("admission review")
        .with_kind(SpanKind::Server);
    let span = span.start_with_context(&tracer, &parent);
    if !span.is_recording() && !parent.has_active_span() {
        return next.run(request).await;
    }
    let context = Context::new().with_span(span);
    let response = next.run(request).with_context(context.clone()).await;
    let status = i64::from(response.status().as_u16());
    let span = context.span();
    span.set_attribute(KeyValue::new("http.response.status_code", status));
    span.end();
    response
}

/// Tells the span of this request, if it has one, what the log tells: never an object, and never what a
/// rule says of one.
pub fn review(webhook: Webhook, request: &Request, outcome: &'static str, rules: Option<&str>) {
    Context::map_current(|context| {
        if !context.span().is_recording() {
            return;
        }
        ended(webhook, outcome);
        let texts = [
            ("meshcheck.kind", &request.kind.kind),
            ("meshcheck.namespace", &request.namespace),
            ("meshcheck.name", &request.name),
        ];
        let operation = KeyValue::new("meshcheck.operation", request.operation.as_str());
        let rules = rules.map(|rules| KeyValue::new("meshcheck.rules", rules.to_owned()));
        let texts = texts.map(|(key, text)| KeyValue::new(key, plain(text)));
        let all = texts.into_iter().chain([operation]).chain(rules);
        context.span().set_attributes(all);
    });
}

/// The same of a request that got no review.
pub fn ended(webhook: Webhook, outcome: &'static str) {
    Context::map_current(|context| {
        let span = context.span();
        span.set_attribute(KeyValue::new("meshcheck.webhook", webhook.as_str()));
        span.set_attribute(KeyValue::new("meshcheck.outcome", outcome));
        if matches!(outcome, "crashed" | "late") {
            span.set_status(Status::error("let pass unchecked"));
        }
    });
}

/// The trace that this request belongs to, for its log line.
pub fn id() -> Option<String> {
    Context::map_current(|context| {
        let has_one = context.has_active_span();
        has_one.then(|| context.span().span_context().trace_id().to_string())
    })
}
