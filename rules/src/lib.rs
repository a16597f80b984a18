//! The rule engine of meshcheck: Kubernetes objects in, findings and patches out.
//!
//! Pure: no network, no clock, no file system, no environment. The admission webhook and the kubectl
//! plugin are two faces of it and cannot disagree.

pub mod config;
pub mod engine;
pub mod finding;
pub mod istio;
pub mod mesh;
pub mod object;
pub mod plane;
pub mod releases;
pub mod rule;
pub mod rules;
pub mod suppress;
pub mod update;
pub mod upgrade;
pub mod words;
pub mod yaml;

pub use engine::{Context, Engine, Mended, Report, Wanted};
pub use finding::{Applicability, Finding, Fix, Location, Part, Pointer, RunFinding, Severity};
pub use mesh::{Mesh, Place, Source};
pub use object::{Node, Object, Strings};
pub use rule::{Check, ObjectKind, Rule};
