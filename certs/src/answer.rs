//! What may be told of an API server's answer.

use std::error::Error as _;
use std::fmt::Write as _;

/// Why it failed, with all causes. Never what an object holds: of an answer that cannot be read only that
/// it cannot.
pub fn told(error: &kube::Error) -> String {
    match error {
        // Any object can be taken for a status that says nothing, and is where a watch cannot read it.
        kube::Error::Api(status) if status.code == 0 && status.message.is_empty() => unreadable(),
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        kube::Error::SerdeError(_) => unreadable(),
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

fn unreadable() -> String {
    "the answer cannot be read".to_owned()
}
