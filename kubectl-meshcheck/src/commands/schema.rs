//! `schema`: prints a JSON schema.

use meshcheck_rules::config;

use super::CommandError;
use crate::args::{SchemaArgs, SchemaOf};
use crate::output::Stream;
use crate::report::Verdict;

/// Prints the schema.
pub fn run(arguments: &SchemaArgs) -> Result<Verdict, CommandError> {
    let schema = match arguments.of {
        SchemaOf::Policy => config::schema(),
    };
    let mut out = Stream::stdout();
    out.put(format!("{schema:#}\n"));
    out.finish().map_err(CommandError::Output)?;
    Ok(Verdict::Clean)
}
