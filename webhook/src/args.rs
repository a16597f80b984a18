//! The command line. Every option can be an environment variable as well.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};
use jiff::civil::Date;
use meshcheck_rules::istio::duration::GoDuration;
use tracing_subscriber::EnvFilter;

pub use audit::AuditArgs;
pub use certificate::{CertificateArgs, CertificateSource, UsageError};
pub use mesh::MeshArgs;
pub use trace::TraceArgs;

use crate::handlers::Limits;
use crate::judge::Updates;
use crate::logging::{self, Format};

mod audit;
mod certificate;
mod mesh;
mod trace;

const AFTER: &str = "\
Exit codes:
  0  stopped as asked
  1  could not go on: an address is taken, or a second signal came while stopping
  2  wrong usage, a policy with problems, no certificate that can be served, or no release table that
     can be used

Signals:
  TERM  not ready at once, serves for --shutdown-delay, then ends when all is answered
  INT   the same without the delay
  A second signal ends at once.

Try it without a cluster:
  meshcheck-webhook --tls=self-signed --ca-out ca.crt
  curl --cacert ca.crt --data @review.json https://localhost:8443/validate";

/// Admission webhook that stops an unsafe Istio from being applied
#[derive(Debug, Parser)]
#[command(name = "meshcheck-webhook", version, after_long_help = AFTER)]
pub struct Args {
    /// Where to serve /mutate and /validate, over TLS
    #[arg(
        long,
        env = "MESHCHECK_LISTEN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8443"
    )]
    pub listen: SocketAddr,

    /// Where to serve /livez, /readyz and /metrics, plain
    #[arg(
        long,
        env = "MESHCHECK_HEALTH_LISTEN",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:8080"
    )]
    pub health_listen: SocketAddr,

    /// Where the certificate comes from
    #[command(flatten)]
    pub certificate: CertificateArgs,

    /// The background audit
    #[command(flatten)]
    pub audit: AuditArgs,

    /// Date to judge for, instead of today (UTC)
    #[arg(long, env = "MESHCHECK_AS_OF", value_name = "YYYY-MM-DD", value_parser = date)]
    pub as_of: Option<Date>,

    /// Policy file: a meshcheck.yaml, as a ConfigMap volume has it
    ///
    /// What is wrong with it is told with its place, and the server does not start. It is read again
    /// every --cert-poll-interval: another text holds without a restart, one with problems is told,
    /// and the old one stays.
    #[arg(long, env = "MESHCHECK_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// What is known of the mesh.
    #[command(flatten)]
    pub mesh: MeshArgs,

    /// Release table to judge by in place of the built-in one, as JSON; may come from a ConfigMap
    ///
    /// Read again every --cert-poll-interval: a new table is used without a restart, one that cannot
    /// be used is logged and the old one stays.
    #[arg(long, env = "MESHCHECK_RELEASE_DATA", value_name = "FILE")]
    pub release_data: Option<PathBuf>,

    /// What an update is held to
    #[arg(
        long,
        env = "MESHCHECK_UPDATES",
        value_name = "WHAT",
        value_enum,
        default_value_t
    )]
    pub updates: Updates,

    /// Largest body of a request, in bytes
    #[arg(
        long,
        env = "MESHCHECK_MAX_BODY_BYTES",
        value_name = "BYTES",
        default_value = "7340032", value_parser = bytes
    )]
    pub max_body_bytes: usize,

    /// Most requests at the same time; one more is answered 429 at once
    #[arg(long, env = "MESHCHECK_MAX_IN_FLIGHT", value_name = "COUNT", default_value = "64", value_parser = count)]
    pub max_in_flight: usize,

    /// Most bytes of bodies at the same time, which bounds the memory; one more is answered 429
    #[arg(long, env = "MESHCHECK_MAX_IN_FLIGHT_BYTES", value_name = "BYTES", default_value = "16777216", value_parser = bytes)]
    pub max_in_flight_bytes: usize,

    /// Time for one request, below `timeoutSeconds` of the webhook configurations
    ///
    /// What is not checked by then is let pass with a warning.
    #[arg(long, env = "MESHCHECK_REQUEST_TIMEOUT", value_name = "DURATION", default_value = "800ms", value_parser = positive)]
    pub request_timeout: Duration,

    /// Time for a TLS handshake, and for the head of each request from its first byte on
    #[arg(long, env = "MESHCHECK_CLIENT_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = positive)]
    pub client_timeout: Duration,

    /// How long to serve on after SIGTERM, while clients learn to go elsewhere
    #[arg(long, env = "MESHCHECK_SHUTDOWN_DELAY", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub shutdown_delay: Duration,

    /// How long to wait after that for connections to end
    #[arg(long, env = "MESHCHECK_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub drain_timeout: Duration,

    /// Form of the log on standard error
    #[arg(
        long,
        env = "MESHCHECK_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    pub log_format: Format,

    /// What to log: error, warn, info, debug (every request), or a tracing filter
    #[arg(long, env = "MESHCHECK_LOG_LEVEL", value_name = "LEVEL", default_value = "info", value_parser = logging::filter)]
    pub log_level: EnvFilter,

    /// Where spans go. Behind all others, which would get its heading.
    #[command(flatten)]
    pub traces: TraceArgs,
}

impl Args {
    /// The options of this process. Ends it where they make no sense.
    pub fn read() -> Self {
        let args = Self::parse();
        if let Err(error) = args.certificate.source() {
            let kind = ErrorKind::ArgumentConflict;
            Self::command().error(kind, error).exit();
        }
        args
    }

    /// Whether a part of this needs an API server to ask.
    pub fn asks_a_cluster(&self) -> bool {
        let source = self.certificate.source();
        self.mesh.watch || self.audit.is_on() || matches!(source, Ok(CertificateSource::Managed(_)))
    }

    /// What one client may take.
    pub fn limits(&self) -> Limits {
        Limits {
            body_bytes: self.max_body_bytes,
            in_flight: self.max_in_flight,
            in_flight_bytes: self.max_in_flight_bytes,
            request_time: self.request_timeout,
        }
    }
}

fn date(text: &str) -> Result<Date, &'static str> {
    let is_plain = text.len() == "YYYY-MM-DD".len();
    let date = text.parse().ok().filter(|_| is_plain);
    date.ok_or("not a date such as 2026-11-22")
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = GoDuration::parse(text).map_err(|error| error.to_string())?;
    let nanoseconds = u64::try_from(parsed.nanoseconds()).map_err(|_| "below zero")?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("zero".to_owned()),
        time => Ok(time),
    }
}

fn count(text: &str) -> Result<usize, String> {
    between(text, 1, 100_000)
}

fn bytes(text: &str) -> Result<usize, String> {
    between(text, 1 << 10, 1 << 30)
}

fn between(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number: usize = text
        .parse()
        .map_err(|error: std::num::ParseIntError| error.to_string())?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not between {least} and {most}"))
    }
}
