//! What is derived from the rules and checked in: rewritten with `MESHCHECK_UPDATE=1`, compared
//! otherwise, so that a change is seen in review.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use meshcheck_rules::rules::ALL;
use meshcheck_rules::{Applicability, Rule};

use crate::case::{pages_of, project};
use crate::run::run;

/// Compares a file of the project with what it ought to be, or writes it.
pub(crate) fn compare(path: &Path, wanted: &str) {
    if env::var_os("MESHCHECK_UPDATE").is_some() {
        fs::write(path, wanted).expect("a file of the project");
        return;
    }
    let there = fs::read_to_string(path).unwrap_or_default();
    let differs = there.lines().zip(wanted.lines()).find(|(a, b)| a != b);
    assert!(
        there == wanted,
        "{} is out of date (MESHCHECK_UPDATE=1 rewrites it): {differs:?}",
        path.display()
    );
}

fn fix_of(rule: &Rule) -> &'static str {
    rule.fix.map_or("none", Applicability::as_str)
}

/// The table of all rules, with links to the pages in `folder`, and what its words mean.
pub(crate) fn table(folder: &str) -> String {
    let mut text = String::from(
        "An `error` is refused, a `warning` is told, an `info` is shown on request. A rule may give \
         single findings another severity; its page says when. A `safe` fix may be applied without \
         asking, an `unsafe` one wants a look first.\n\n\
         | Rule | Severity | Fix | What it finds |\n\
         | --- | --- | --- | --- |\n",
    );
    for rule in ALL {
        let (id, severity, fix) = (rule.id, rule.severity, fix_of(rule));
        writeln!(
            text,
            "| [{id}]({folder}{id}.md) | {severity} | {fix} | {} |",
            rule.summary
        )
        .expect("a string");
    }
    text
}

/// `rules/README.md`: the table of all rules.
#[test]
fn the_index_is_up_to_date() {
    let mut text = String::from(
        "# The rules\n\n\
         This file is generated: `MESHCHECK_UPDATE=1 cargo test -p kubectl-meshcheck --test rules` \
         writes it.\n\n",
    );
    text.push_str(&table("src/rules/"));
    compare(&project().join("rules/README.md"), &text);
}

/// What each rule declares.
#[test]
fn declarations_change_in_sight() {
    let mut text = String::new();
    for rule in ALL {
        let (id, severity, since) = (rule.id, rule.severity, rule.since);
        writeln!(text, "{id} {severity} fix={} since={since}", fix_of(rule)).expect("a string");
        for kind in rule.kinds {
            let name = match kind.group {
                "" => kind.name().to_owned(),
                group => format!("{}.{group}", kind.name()),
            };
            writeln!(text, "    {name}").expect("a string");
        }
    }
    compare(&project().join("tests/rules/declarations.txt"), &text);
}

/// What a person reads: every finding of the pages, with its fix.
#[test]
fn messages_change_in_sight() {
    let mut text = String::new();
    for rule in ALL {
        for page in pages_of(rule) {
            writeln!(text, "{}", page.file).expect("a string");
            for (at, finding) in run(rule, &page).findings {
                let line = at.rsplit_once(':').map_or("", |(_, line)| line);
                let line: usize = line
                    .split('+')
                    .filter_map(|n| n.parse::<usize>().ok())
                    .sum();
                let (severity, message) = (finding.severity, &finding.message);
                writeln!(text, "    {line}: {severity}: {message}").expect("a string");
                for related in &finding.related {
                    writeln!(text, "        see: {}", related.message).expect("a string");
                }
                if let Some(fix) = &finding.fix {
                    let (grade, title) = (fix.applicability.as_str(), &fix.title);
                    writeln!(text, "        {grade} fix: {title}").expect("a string");
                }
            }
        }
    }
    compare(&project().join("tests/rules/messages.txt"), &text);
}
