//! Where spans of reviews go.

use std::path::PathBuf;

use clap::Args;
use http::Uri;

/// Of traces.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of traces")]
pub struct TraceArgs {
    /// Collector to send a span of each review to, such as `http://collector.observability:4318`
    ///
    /// By OTLP over HTTP, as protobuf; /v1/traces is appended. Without it nothing is traced. A
    /// collector that is away never keeps a review from its answer.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", value_parser = endpoint)]
    otlp_endpoint: Option<String>,

    /// Certificate authorities of an https collector, PEM, in place of those of the system
    ///
    /// The image has none of a system.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_name = "FILE")]
    pub otlp_ca: Option<PathBuf>,

    /// Share of the reviews to trace that come without a trace, from 0 to 1
    ///
    /// A review that belongs to a trace is traced as that is sampled. Without it `OTEL_TRACES_SAMPLER`
    /// and `OTEL_TRACES_SAMPLER_ARG` hold, whose default is to trace all.
    #[arg(long, env = "MESHCHECK_OTLP_SAMPLE_RATIO", value_name = "RATIO", value_parser = ratio)]
    pub otlp_sample_ratio: Option<f64>,
}

impl TraceArgs {
    /// Where a batch of spans is posted, if any is.
    pub fn collector(&self) -> Option<String> {
        // An empty variable is one that is not set, as the specification says.
        let base = self
            .otlp_endpoint
            .as_deref()
            .filter(|url| !url.is_empty())?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let url: Uri = text
        .parse()
        .map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if !matches!(url.scheme_str(), Some("http" | "https")) || authority.is_empty() {
        return Err("not an URL that begins with http:// or https://".to_owned());
    }
    // It would be in the log.
    if authority.contains('@') {
        return Err("credentials belong into OTEL_EXPORTER_OTLP_HEADERS".to_owned());
    }
    if url.query().is_some() {
        return Err("a path is appended to it, so it cannot have a query".to_owned());
    }
    Ok(text.to_owned())
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    let ratio = text
        .parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or("not a number from 0 to 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_posted_below_the_endpoint() {
        for (given, posted) in [
            (Some("http://a:4318"), Some("http://a:4318/v1/traces")),
            (Some("https://a/otlp/"), Some("https://a/otlp/v1/traces")),
            (Some(""), None),
            (None, None),
        ] {
            let args = TraceArgs {
                otlp_endpoint: given.map(|url| endpoint(url).expect(url)),
                otlp_ca: None,
                otlp_sample_ratio: None,
            };
            assert_eq!(args.collector().as_deref(), posted);
        }
    }
}
