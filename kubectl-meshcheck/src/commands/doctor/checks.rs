//! What is looked at, in the order in which it is told.

use super::diagnosis::Check;

mod installed;

/// All of it.
pub(super) const CHECKS: &[Check] = &[Check {
    id: "installed",
    run: installed::check,
}];
