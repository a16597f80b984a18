//! Executes the blocks of a page.

use std::collections::BTreeMap;

use meshcheck_rules::yaml::Options;
use meshcheck_rules::yaml::edit::{DocumentEdit, Edited, apply};
use meshcheck_rules::{
    Applicability, Engine, Finding, Location, Object, Part, Pointer, Rule, Severity,
};

use crate::case::{Case, Config};
use crate::page::{Block, Kind, Page};

/// Ends a line on which the rule finds one thing.
const MARK: &str = "# error";

/// What came of a page.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Where the page and the rule differ.
    pub(crate) problems: Vec<String>,
    /// All findings: where, and what.
    pub(crate) findings: Vec<(String, Finding)>,
}

/// Executes all blocks of a page.
pub(crate) fn run(rule: &'static Rule, page: &Page) -> Outcome {
    let mut outcome = Outcome::default();
    let mut config = Config::default();
    let mut last_error = None;
    let mut old = None;
    for block in &page.blocks {
        let at = format!("{}:{}", page.file, block.line);
        let problems = match block.kind {
            Kind::Config => match Config::read(&block.text) {
                Ok(read) => {
                    config = read;
                    Vec::new()
                }
                Err(why) => vec![why],
            },
            Kind::Error(severity) => {
                let case = case_of(block, &at, &config, old.take());
                last_error = Some(case);
                let case = last_error.as_ref().expect("set just now");
                let severity = severity.unwrap_or(rule.severity);
                check(rule, case, Some(severity), &mut outcome.findings)
            }
            Kind::Ok => {
                let case = case_of(block, &at, &config, old.take());
                check(rule, &case, None, &mut outcome.findings)
            }
            Kind::Old => {
                old = Some(block.text.as_str());
                Vec::new()
            }
            Kind::Fixed { needs_review } => match &last_error {
                Some(case) => fixed(rule, case, block, needs_review),
                None => vec!["no error block stands before it".to_owned()],
            },
            Kind::RunError => of_run(rule, block, true, &at, &mut outcome.findings),
            Kind::RunOk => of_run(rule, block, false, &at, &mut outcome.findings),
            Kind::Shown => Vec::new(),
        };
        outcome.problems.extend(
            problems
                .into_iter()
                .map(|problem| format!("{at}: {problem}")),
        );
    }
    outcome
}

fn case_of(block: &Block, at: &str, config: &Config, old: Option<&str>) -> Case {
    let case = Case::new(at, block.text.as_bytes(), config.clone());
    match old {
        Some(text) => case.since(text),
        None => case,
    }
}

/// The findings of one rule in a case, by the line of the block, from 1.
fn found(rule: &'static Rule, case: &Case) -> BTreeMap<usize, Vec<Finding>> {
    let mut found = findings(&case.config.engine_with(rule), case);
    for here in found.values_mut() {
        here.retain(|finding| finding.rule == rule.id);
    }
    found
}

/// The findings in a case, by the line of the block, from 1.
pub(crate) fn findings(engine: &Engine, case: &Case) -> BTreeMap<usize, Vec<Finding>> {
    let mesh = case.mesh();
    let mut found: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    for document in &case.stream.documents {
        let spans = document.spans(&case.stream.text, &Options::default());
        for object in mesh.objects(&document.value, case.place()) {
            for finding in case.check(engine, &mesh, &object).findings {
                let line = spans.locate(&finding.at).span.start.line;
                found.entry(line).or_default().push(finding);
            }
        }
    }
    found
}

/// Compares the marks of a block with what the rule finds; without a severity there are no marks.
fn check(
    rule: &'static Rule,
    case: &Case,
    severity: Option<Severity>,
    shown: &mut Vec<(String, Finding)>,
) -> Vec<String> {
    let mut problems = unreadable(rule, case);
    let mut found = found(rule, case);
    for (index, line) in case.stream.text.lines().enumerate() {
        let here = found.remove(&(index + 1)).unwrap_or_default();
        let messages: Vec<&str> = here.iter().map(|f| f.message.as_str()).collect();
        let is_marked = severity.is_some() && line.ends_with(MARK);
        if here.len() != usize::from(is_marked) {
            problems.push(format!(
                "line {} has {} findings: {line}\n    {messages:?}",
                index + 1,
                here.len()
            ));
        }
        for finding in &here {
            if severity.is_some_and(|severity| severity != finding.severity) {
                problems.push(format!("line {} is {}", index + 1, finding.severity));
            }
        }
        let place = format!("{}+{index}", case.name);
        shown.extend(here.into_iter().map(|finding| (place.clone(), finding)));
    }
    if severity.is_some() && !case.stream.text.lines().any(|line| line.ends_with(MARK)) {
        problems.push("no line is marked".to_owned());
    }
    problems
}

/// Runs a command of a page as far as a rule that looks at the whole run goes: by its `--as-of`.
fn of_run(
    rule: &'static Rule,
    block: &Block,
    finds: bool,
    at: &str,
    shown: &mut Vec<(String, Finding)>,
) -> Vec<String> {
    let words: Vec<&str> = block.text.split_whitespace().collect();
    let date = words.windows(2).find(|pair| pair[0] == "--as-of");
    let Some(as_of) = date.and_then(|pair| pair[1].parse().ok()) else {
        return vec!["it has no `--as-of DATE`".to_owned()];
    };
    let config = Config {
        as_of,
        ..Config::default()
    };
    let found = config.engine_with(rule).check_run();
    let problem = (found.is_empty() == finds).then(|| format!("it finds {found:?}"));
    let place = Location {
        pointer: Pointer::root(),
        part: Part::Whole,
        inner: None,
    };
    shown.extend(found.into_iter().map(|finding| {
        let finding = Finding {
            rule: finding.rule,
            severity: finding.severity,
            message: finding.message,
            at: place.clone(),
            related: Vec::new(),
            fix: None,
            extent: None,
        };
        (at.to_owned(), finding)
    }));
    problem.into_iter().collect()
}

/// A block that cannot be read, or holds nothing that the rule looks at, shows nothing.
fn unreadable(rule: &Rule, case: &Case) -> Vec<String> {
    let problems = case.stream.problems.iter();
    let mut problems: Vec<String> = problems.map(|problem| problem.message.clone()).collect();
    let looks_at_one = case.stream.documents.iter().any(|document| {
        Object::all(&document.value)
            .iter()
            .any(|object| rule.looks_at(object))
    });
    if !looks_at_one {
        problems.push(format!("{} looks at nothing in it", rule.id));
    }
    problems
}

/// Compares a block with what the fixer makes of the error block before it.
fn fixed(rule: &'static Rule, case: &Case, block: &Block, needs_review: bool) -> Vec<String> {
    let Some(declared) = rule.fix else {
        return vec![format!("{} has no fix", rule.id)];
    };
    let grade = if needs_review {
        Applicability::Unsafe
    } else {
        declared
    };
    let edited = mended(&case.config.engine_with(rule), case, grade);
    let refused = edited.refused.iter();
    let mut problems: Vec<String> = refused
        .map(|refusal| format!("refused: {}", refusal.reason))
        .collect();
    if edited.text != block.text {
        problems.push(format!("is not what comes out:\n{}", edited.text));
    }
    let after = Case::new(
        case.name.clone(),
        edited.text.as_bytes(),
        case.config.clone(),
    );
    let left = found(rule, &after);
    problems.extend(
        left.values()
            .flatten()
            .map(|f| format!("left: {}", f.message)),
    );
    problems
}

/// The text of a case with all fixes up to a grade.
pub(crate) fn mended(engine: &Engine, case: &Case, grade: Applicability) -> Edited {
    let mesh = case.mesh();
    let patches: Vec<_> = case
        .stream
        .documents
        .iter()
        .map(|document| {
            let mended = engine.mend(&document.value, &mesh, case.place(), grade);
            (document, mended.patch)
        })
        .filter(|(_, patch)| !patch.0.is_empty())
        .collect();
    let edits: Vec<_> = patches
        .iter()
        .map(|(document, patch)| DocumentEdit { document, patch })
        .collect();
    apply(&case.stream, &edits, &Options::default())
}
