//! All rules at once: their pages are executed, and the laws hold for every rule on every object.
//!
//! `MESHCHECK_UPDATE=1 cargo test -p kubectl-meshcheck --test rules` rewrites what is generated.

#[path = "rules/book.rs"]
mod book;
#[path = "rules/case.rs"]
mod case;
#[path = "rules/fixes.rs"]
mod fixes;
#[path = "rules/generated.rs"]
mod generated;
#[path = "rules/gitops.rs"]
mod gitops;
#[path = "rules/harness.rs"]
mod harness;
#[path = "rules/hostile.rs"]
mod hostile;
#[path = "rules/installers.rs"]
mod installers;
#[path = "rules/laws.rs"]
mod laws;
#[path = "rules/page.rs"]
mod page;
#[path = "rules/pages.rs"]
mod pages;
#[path = "rules/run.rs"]
mod run;
#[path = "rules/versions.rs"]
mod versions;
