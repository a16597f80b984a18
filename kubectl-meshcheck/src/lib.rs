//! The parts of `kubectl meshcheck` that its program and its tests share.

pub mod edit;
