//! The admission webhook of meshcheck: what the rules say of an object, before it is stored.
//!
//! A request goes through [`handlers`] (limits, deadline), [`review`] (the wire), [`scope`] (what is
//! left alone), [`judge`] (the rule engine) and [`decide`] (the answer, pure).

pub mod args;
pub mod audit;
pub mod body;
pub mod cluster;
mod deadline;
pub mod decide;
pub mod followed;
pub mod glass;
pub mod handlers;
pub mod health;
pub mod judge;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod policy;
pub mod recording;
pub mod release_data;
pub mod review;
pub mod run;
pub mod scope;
pub mod text;
pub mod tls;
pub mod trace;
pub mod watch;
