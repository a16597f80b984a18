//! What may be told of an API server's answer.

use std::error::Error as _;
use std::fmt::Write as _;

/// Why it failed, with all causes. Never what an object holds: of an answer that cannot be read only that
/// it cannot.
pub fn told(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        kube::Error::SerdeError(_) => "the answer cannot be read".to_owned(),
        other => {
            let mut text = other.to_string();
            let mut source = other.source();
            while let Some(error) = source {
                let _ = write!(text, ": {error}");
                source = error.source();
            }
            text
        }
    }
}
