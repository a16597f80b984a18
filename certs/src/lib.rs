//! The certificates of the webhook, from three sources:
//!
//! - [`managed`]: an authority and a serving certificate of its own, kept in a Secret, renewed and
//!   rotated by whichever replica comes first, and announced as `caBundle`;
//! - [`files`]: a directory that somebody else keeps, such as a Secret volume of cert-manager;
//! - [`self_signed`]: made in memory, to try the server without a cluster.
//!
//! All of them put a [`Pair`] into [`Serving`], from where each new connection takes it. Keys are
//! never written to a disk and never logged: no type that holds one can be printed.

pub mod answer;
pub mod authority;
pub mod certificate;
pub mod clock;
pub mod files;
pub mod managed;
pub mod owner;
pub mod pair;
pub mod self_signed;
pub mod serving;
pub mod telemetry;

pub use authority::{Authority, Issued};
pub use certificate::Certificate;
pub use pair::Pair;
pub use serving::Serving;
pub use telemetry::Telemetry;
