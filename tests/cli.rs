//! The program, run as people run it.

#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/fixes.rs"]
mod fixes;
#[path = "cli/inputs.rs"]
mod inputs;
#[path = "cli/mesh.rs"]
mod mesh;
#[path = "cli/report.rs"]
mod report;
#[path = "cli/usage.rs"]
mod usage;

mod support;
