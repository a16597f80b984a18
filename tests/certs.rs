//! The certificates that the webhook keeps for itself, against an API server that can be told to
//! fail, in a time that passes as fast as the test wants.

mod apiserver;
#[path = "certs/clocks.rs"]
mod clocks;
#[path = "certs/configurations.rs"]
mod configurations;
#[path = "certs/handshake.rs"]
mod handshake;
#[path = "certs/lives.rs"]
mod lives;
#[path = "certs/plans.rs"]
mod plans;
#[path = "certs/replica.rs"]
mod replica;
#[path = "certs/stories.rs"]
mod stories;
#[path = "certs/troubles.rs"]
mod troubles;
#[path = "certs/watching.rs"]
mod watching;
