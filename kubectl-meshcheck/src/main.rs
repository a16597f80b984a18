//! `kubectl meshcheck`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubectl_meshcheck::run(std::env::args_os())
}
