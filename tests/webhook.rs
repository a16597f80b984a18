//! The webhook: what it answers (through its router) and how it behaves as a program (over TLS).

#[path = "webhook/answers.rs"]
mod answers;
#[path = "apiserver.rs"]
#[expect(dead_code, reason = "the tests of certificates use the rest")]
mod apiserver;
#[path = "webhook/certificates.rs"]
mod certificates;
#[path = "webhook/client.rs"]
mod client;
#[path = "webhook/corpus.rs"]
mod corpus;
#[path = "webhook/gitops.rs"]
mod gitops;
#[path = "webhook/ignores.rs"]
mod ignores;
#[path = "webhook/limits.rs"]
mod limits;
#[path = "webhook/load.rs"]
mod load;
#[path = "webhook/managed.rs"]
mod managed;
#[path = "webhook/mesh.rs"]
mod mesh;
#[path = "webhook/modes.rs"]
mod modes;
#[path = "webhook/policy.rs"]
mod policy;
#[path = "webhook/program.rs"]
mod program;
#[path = "webhook/release_data.rs"]
mod release_data;
#[path = "webhook/reviews.rs"]
mod reviews;
#[path = "webhook/server.rs"]
mod server;
#[path = "webhook/startup.rs"]
mod startup;
#[path = "webhook/traces.rs"]
mod traces;
#[path = "webhook/updates.rs"]
mod updates;
#[path = "webhook/watches.rs"]
mod watches;
#[path = "webhook/wire.rs"]
mod wire;
