//! The program, run as people run it.

#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/fixes.rs"]
mod fixes;
#[path = "cli/ignores.rs"]
mod ignores;
#[path = "cli/inputs.rs"]
mod inputs;
#[path = "cli/installers.rs"]
mod installers;
#[path = "cli/mesh.rs"]
mod mesh;
#[path = "cli/policy.rs"]
mod policy;
#[path = "cli/releases.rs"]
mod releases;
#[path = "cli/report.rs"]
mod report;
#[path = "cli/upgrade_path.rs"]
mod upgrade_path;
#[path = "cli/usage.rs"]
mod usage;

mod support;
