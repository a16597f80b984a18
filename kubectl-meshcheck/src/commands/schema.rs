//! `schema`: prints a JSON schema.

use meshcheck_rules::{config, releases};

use super::CommandError;
use crate::args::{SchemaArgs, SchemaOf};
use crate::output::Stream;
use crate::report::Verdict;

/// Prints the schema.
pub fn run(arguments: &SchemaArgs) -> Result<Verdict, CommandError> {
    let mut out = Stream::stdout();
    match arguments.of {
        SchemaOf::Policy => out.put(format!("{:#}\n", config::schema())),
        SchemaOf::Releases => out.put(releases::SCHEMA),
    }
    out.finish().map_err(CommandError::Output)?;
    Ok(Verdict::Clean)
}
