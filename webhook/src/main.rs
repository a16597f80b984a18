//! The program: options, log, runtime, exit code.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use meshcheck_webhook::args::Args;
use meshcheck_webhook::logging;
use meshcheck_webhook::run::{RunError, run};

/// For checks that are still running when the server ends.
const PATIENCE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    // Two providers in one program would make rustls refuse to choose.
    let installed = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nothing ran before");
    let args = Args::parse();
    logging::start(args.log_format, args.log_level.clone());
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            let known = error.downcast_ref::<RunError>();
            ExitCode::from(known.map_or(1, RunError::exit_code))
        }
    }
}

fn serve(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("threads cannot be started")?;
    let ended = runtime.block_on(run(args));
    runtime.shutdown_timeout(PATIENCE);
    Ok(ended?)
}
