//! Where the certificate comes from.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::BoolishValueParser;
use meshcheck_certs::managed::{self, Kind, Lives, Settings};

use super::{duration, positive};

/// An authority may live this many certificates long, and more.
const LEAST_LIVES: u32 = 3;

/// `--tls` and what goes with it.
#[derive(Debug, clap::Args)]
pub struct CertificateArgs {
    /// Where the certificate comes from
    ///
    /// One that is not said follows from --cert-dir or --self-signed.
    #[arg(long, env = "MESHCHECK_TLS", value_name = "SOURCE", value_enum)]
    tls: Option<Mode>,

    /// Directory with tls.crt (the whole chain) and tls.key, as a Secret volume has them
    ///
    /// Read again every --cert-poll-interval: a new pair is served without a restart, one that
    /// cannot be served is logged and the old one stays.
    #[arg(long, env = "MESHCHECK_CERT_DIR", value_name = "DIR")]
    cert_dir: Option<PathBuf>,

    /// How often to look for a new certificate in --cert-dir, and for a new release table
    #[arg(long, env = "MESHCHECK_CERT_POLL_INTERVAL", value_name = "DURATION", default_value = "5s", value_parser = positive)]
    pub cert_poll_interval: Duration,

    /// The same as --tls=self-signed
    #[arg(long, env = "MESHCHECK_SELF_SIGNED", value_parser = BoolishValueParser::new())]
    self_signed: bool,

    /// File to write the CA of --tls=self-signed to
    #[arg(long, env = "MESHCHECK_CA_OUT", value_name = "FILE")]
    ca_out: Option<PathBuf>,

    #[command(flatten)]
    managed: ManagedArgs,
}

/// What goes with `--tls=self-managed` only.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of --tls=self-managed")]
struct ManagedArgs {
    /// Namespace of the Secret and of the Service [default: that of the pod]
    #[arg(long, env = "MESHCHECK_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,

    /// Service that the webhook configurations lead to: the certificate is for its name
    #[arg(
        long,
        env = "MESHCHECK_SERVICE",
        value_name = "NAME",
        default_value = "meshcheck-webhook"
    )]
    service: String,

    /// Secret to keep the certificates in
    #[arg(
        long,
        env = "MESHCHECK_CERT_SECRET",
        value_name = "NAME",
        default_value = "meshcheck-webhook-certificates"
    )]
    cert_secret: String,

    /// More names and addresses for the certificate, for configurations with a `url`
    #[arg(long, env = "MESHCHECK_CERT_NAMES", value_name = "NAME,..", value_delimiter = ',', value_parser = name)]
    cert_names: Vec<String>,

    /// Life of the certificate, which is renewed after two thirds of it
    #[arg(long, env = "MESHCHECK_CERT_LIFE", value_name = "DURATION", default_value = "2160h", value_parser = life)]
    cert_life: Duration,

    /// Life of the authority that signs it, at least three times as long
    #[arg(long, env = "MESHCHECK_CA_LIFE", value_name = "DURATION", default_value = "8760h", value_parser = life)]
    ca_life: Duration,

    /// `MutatingWebhookConfiguration` to write `caBundle` of
    #[arg(
        long,
        env = "MESHCHECK_MUTATING_CONFIGURATION",
        value_name = "NAME",
        default_value = "a0-meshcheck-webhook"
    )]
    mutating_configuration: String,

    /// `ValidatingWebhookConfiguration` to write `caBundle` of
    #[arg(
        long,
        env = "MESHCHECK_VALIDATING_CONFIGURATION",
        value_name = "NAME",
        default_value = "meshcheck-webhook"
    )]
    validating_configuration: String,
}

/// Value of `--tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Made here, kept in a Secret, announced as `caBundle`, renewed and rotated; needs a cluster
    SelfManaged,
    /// From --cert-dir, where somebody else keeps it, such as cert-manager
    Files,
    /// Made in memory, for localhost and the Service of the manifests, to try the server without a
    /// cluster
    SelfSigned,
}

/// Where the certificate comes from.
#[derive(Debug)]
pub enum CertificateSource {
    /// A directory, read again at this interval
    Files(PathBuf),
    /// In memory
    SelfSigned {
        /// `--ca-out`
        ca_out: Option<PathBuf>,
    },
    /// A Secret; the namespace is still to be found where it was not given
    Managed(Box<ManagedSource>),
}

/// Settings that lack the namespace, if that was not given.
#[derive(Debug)]
pub struct ManagedSource {
    namespace: Option<String>,
    settings: Settings,
}

impl ManagedSource {
    /// Settings for a process in this namespace.
    pub fn settings(self, own_namespace: &str) -> Settings {
        Settings {
            namespace: self.namespace.unwrap_or_else(|| own_namespace.to_owned()),
            ..self.settings
        }
    }
}

/// Options that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// No certificate.
    #[error("one of --tls, --cert-dir and --self-signed is needed")]
    NoCertificate,
    /// Two certificates.
    #[error("--tls, --cert-dir and --self-signed name different sources of the certificate")]
    TwoCertificates,
    /// Files without a place.
    #[error("--tls=files needs --cert-dir")]
    NoDirectory,
    /// A CA that nobody makes.
    #[error("--ca-out goes with --tls=self-signed only")]
    NoCa,
    /// Certificates would be cut short.
    #[error("--ca-life is shorter than three times --cert-life")]
    ShortAuthority,
}

impl CertificateArgs {
    /// Where the certificate comes from. Checked here and not by the parser, for which a variable
    /// that says `false` is as good as a flag.
    pub fn source(&self) -> Result<CertificateSource, UsageError> {
        let mode = self.mode()?;
        if mode != Mode::SelfSigned && self.ca_out.is_some() {
            return Err(UsageError::NoCa);
        }
        match (mode, &self.cert_dir) {
            (Mode::Files, Some(dir)) => Ok(CertificateSource::Files(dir.clone())),
            (Mode::Files, None) => Err(UsageError::NoDirectory),
            (Mode::SelfSigned, _) => Ok(CertificateSource::SelfSigned {
                ca_out: self.ca_out.clone(),
            }),
            (Mode::SelfManaged, _) => {
                let source = Box::new(self.managed.source()?);
                Ok(CertificateSource::Managed(source))
            }
        }
    }

    fn mode(&self) -> Result<Mode, UsageError> {
        let files = self.cert_dir.as_ref().map(|_| Mode::Files);
        let self_signed = self.self_signed.then_some(Mode::SelfSigned);
        let mut said = [self.tls, files, self_signed].into_iter().flatten();
        let mode = said.next().ok_or(UsageError::NoCertificate)?;
        if said.any(|other| other != mode) {
            return Err(UsageError::TwoCertificates);
        }
        Ok(mode)
    }
}

impl ManagedArgs {
    fn source(&self) -> Result<ManagedSource, UsageError> {
        let lives = Lives {
            authority: self.ca_life,
            certificate: self.cert_life,
        };
        if lives.authority < lives.certificate * LEAST_LIVES {
            return Err(UsageError::ShortAuthority);
        }
        Ok(ManagedSource {
            namespace: self.namespace.clone(),
            settings: Settings {
                namespace: String::new(),
                service: self.service.clone(),
                names: self.cert_names.clone(),
                secret: self.cert_secret.clone(),
                configurations: vec![
                    (Kind::Mutating, self.mutating_configuration.clone()),
                    (Kind::Validating, self.validating_configuration.clone()),
                ],
                lives,
                jitter: managed::jitter(),
            },
        })
    }
}

/// As a certificate spells it.
fn name(text: &str) -> Result<String, &'static str> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.*".contains(c);
    let is_name = !text.is_empty() && text.chars().all(is_plain);
    is_name
        .then(|| text.to_ascii_lowercase())
        .ok_or("neither a DNS name nor an address")
}

/// Certificates count whole seconds, and a renewal has to find the time to happen.
fn life(text: &str) -> Result<Duration, String> {
    let (shortest, longest) = (Duration::from_secs(5), Duration::from_hours(24 * 365 * 20));
    let life = duration(text)?;
    if (shortest..=longest).contains(&life) {
        Ok(life)
    } else {
        Err("not between 5s and 20 years (175200h)".to_owned())
    }
}
