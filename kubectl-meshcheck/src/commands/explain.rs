//! `explain`: shows the page of a rule.

use meshcheck_rules::rules::{find, names};
use meshcheck_rules::{Applicability, Check, Rule, words};

use super::CommandError;
use crate::args::ExplainArgs;
use crate::output::Stream;
use crate::report::Verdict;

mod page;

/// Prints the page. `program` is how the program is called.
pub fn run(arguments: &ExplainArgs, program: &str) -> Result<Verdict, CommandError> {
    let name = arguments.rule.trim();
    let Some(rule) = find(name) else {
        return Err(CommandError::NoSuchRule {
            name: name.to_owned(),
            hint: hint(name, program),
        });
    };
    let mut out = Stream::stdout();
    let colored = out.colored(arguments.color);
    out.put(header(rule));
    out.put(page::shown(rule.page, rule.summary, colored));
    out.finish().map_err(CommandError::Output)?;
    Ok(Verdict::Clean)
}

/// The kinds that a rule looks at, as people write them: `Deployment.apps`.
pub(super) fn kinds(rule: &Rule) -> Vec<String> {
    if let Check::Run(_) = rule.check {
        return vec!["the whole run".to_owned()];
    }
    let named = |kind: &meshcheck_rules::ObjectKind| match kind.group {
        "" => kind.name().to_owned(),
        group => format!("{}.{group}", kind.name()),
    };
    rule.kinds.iter().map(named).collect()
}

fn header(rule: &Rule) -> String {
    let fix = rule.fix.map_or("none", Applicability::as_str);
    format!(
        "{}: {}\n\nseverity: {}\nfix:      {fix}\nsince:    {}\nlooks at: {}\n\n",
        rule.id,
        rule.summary,
        rule.severity,
        rule.since,
        kinds(rule).join(", "),
    )
}

fn hint(name: &str, program: &str) -> String {
    match words::nearest(name, names()) {
        Some(id) => format!(", did you mean `{id}`?"),
        None => format!(", `{program} rules` lists them"),
    }
}
