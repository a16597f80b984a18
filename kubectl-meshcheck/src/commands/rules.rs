//! `rules`: lists what is looked for.

use meshcheck_rules::rules::ALL;
use meshcheck_rules::{Applicability, Rule};
use serde::Serialize;

use super::CommandError;
use crate::args::{Format, RulesArgs};
use crate::output::Stream;
use crate::report::Verdict;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOut<'a> {
    id: &'a str,
    summary: &'a str,
    severity: &'a str,
    fix: Option<&'a str>,
    since: &'a str,
    kinds: Vec<String>,
    aliases: &'a [&'a str],
}

/// Prints the list.
pub fn run(arguments: &RulesArgs) -> Result<Verdict, CommandError> {
    let mut out = Stream::stdout();
    match arguments.output {
        Format::Human => table(&mut out),
        Format::Json => json(&mut out),
    }
    out.finish().map_err(CommandError::Output)?;
    Ok(Verdict::Clean)
}

fn table(out: &mut Stream) {
    let width = ALL.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in ALL {
        out.put(format!(
            "{:width$}  {:7}  {:10}  {}\n",
            rule.id,
            rule.severity.as_str(),
            fix(rule).map_or_else(String::new, |grade| format!("{grade} fix")),
            rule.summary,
        ));
    }
}

fn json(out: &mut Stream) {
    let rules: Vec<RuleOut<'_>> = ALL.iter().map(|rule| RuleOut::from(*rule)).collect();
    let text = serde_json::to_string_pretty(&rules).expect("strings and lists of them");
    out.put(text);
    out.put("\n");
}

fn fix(rule: &Rule) -> Option<&'static str> {
    rule.fix.map(Applicability::as_str)
}

impl From<&'static Rule> for RuleOut<'static> {
    fn from(rule: &'static Rule) -> Self {
        Self {
            id: rule.id,
            summary: rule.summary,
            severity: rule.severity.as_str(),
            fix: fix(rule),
            since: rule.since,
            kinds: super::explain::kinds(rule),
            aliases: rule.aliases,
        }
    }
}
