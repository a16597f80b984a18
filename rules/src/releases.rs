//! The release table: support by date, Kubernetes ranges.

/// The release table.
#[derive(Clone, Debug)]
pub struct Releases {}

impl Releases {
    /// The table that this build carries.
    pub fn embedded() -> Self {
        Self {}
    }
}
