//! The webhook: what it answers (through its router) and how it behaves as a program (over TLS).

#[path = "webhook/client.rs"]
mod client;
#[path = "webhook/program.rs"]
mod program;
#[path = "webhook/reviews.rs"]
mod reviews;
#[path = "webhook/router.rs"]
mod router;
#[path = "webhook/wire.rs"]
mod wire;
