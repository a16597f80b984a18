//! The program: options, log, runtime, exit code.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use meshcheck_webhook::args::Args;
use meshcheck_webhook::logging;
use meshcheck_webhook::run::{RunError, run};
use mimalloc::MiMalloc;
use rustls::crypto::ring;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Threads that answer: a rule that does not come to an end keeps one, and more than these only cost memory
/// and wake each other.
const THREADS: RangeInclusive<usize> = 2..=4;

/// For checks that still run when the server ends.
const PATIENCE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    // Whatever asks rustls for its default gets the one provider that is built in.
    let installed = ring::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nothing ran before");
    let args = Args::read();
    let _last_lines = logging::start(args.log_format, args.log_level.clone());
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn serve(args: Args) -> Result<(), RunError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.clamp(*THREADS.start(), *THREADS.end()))
        .enable_all()
        .build()
        .map_err(RunError::Threads)?;
    let ended = runtime.block_on(run(args));
    runtime.shutdown_timeout(PATIENCE);
    ended
}
