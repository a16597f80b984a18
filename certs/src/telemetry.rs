//! What is worth counting.

use jiff::Timestamp;

use crate::managed::{Standing, SyncError};
use crate::pair::Pair;

/// Told of what happens to certificates. The server's metrics are one.
pub trait Telemetry: Send + Sync {
    /// This pair is served from now on.
    fn serves(&self, pair: &Pair);

    /// Files have changed: their pair is served (`true`), or cannot be and the old one stays.
    fn reloaded(&self, swapped: bool);

    /// Secret and configurations were looked at at this time, and are as they should be.
    fn synced(&self, now: Timestamp, standing: &Standing);

    /// They could not be looked at, or not be brought in order.
    fn failed(&self, error: &SyncError);

    /// A `caBundle` was written.
    fn published(&self);
}
