//! The pages of the installers: every block is judged by all rules, and mended.

use meshcheck_rules::{Applicability, Finding, Severity, rules};

use crate::case::{Case, Config, installer_pages};
use crate::page::{Block, Kind, Page};
use crate::run::{findings, mended};

#[test]
fn pages_of_installers_do_what_they_show() {
    let problems: Vec<String> = installer_pages().iter().flat_map(problems).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_page_shows_what_is_wrong_and_what_to_write() {
    for page in installer_pages() {
        if page.file.ends_with("/index.md") {
            continue;
        }
        let errors = page.count(|kind| matches!(kind, Kind::Error(_)));
        let good = page.count(|kind| matches!(kind, Kind::Ok | Kind::Fixed { .. }));
        assert!(errors > 0 && good > 0, "{}", page.file);
    }
}

fn problems(page: &Page) -> Vec<String> {
    let (mut config, mut before, mut problems) = (Config::default(), None, Vec::new());
    for block in &page.blocks {
        let at = format!("{}:{}", page.file, block.line);
        let case = || Case::new(&at, block.text.as_bytes(), config.clone());
        let found = match block.kind {
            Kind::Config => {
                config = Config::read(&block.text).unwrap_or_else(|why| panic!("{at}: {why}"));
                Vec::new()
            }
            Kind::Error(_) => {
                let case = before.insert(case());
                judged(case, block, true)
            }
            Kind::Ok => judged(&case(), block, false),
            Kind::Fixed { needs_review } => match &before {
                Some(case) => fixed(case, block, needs_review),
                None => vec!["no error block stands before it".to_owned()],
            },
            Kind::RunError | Kind::RunOk | Kind::Shown => Vec::new(),
            Kind::Old => vec!["an installer's page shows no updates".to_owned()],
        };
        problems.extend(found.into_iter().map(|problem| format!("{at}: {problem}")));
    }
    problems
}

/// What is found and what is marked; what is only good to know need not be marked.
fn judged(case: &Case, block: &Block, is_bad: bool) -> Vec<String> {
    let mut problems: Vec<String> = case
        .stream
        .problems
        .iter()
        .map(|p| p.message.clone())
        .collect();
    let found = findings(&case.config.engine(), case);
    let mut marks = 0;
    for (index, line) in block.text.lines().enumerate() {
        let here = found
            .get(&(index + 1))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mark = mark(line);
        marks += usize::from(mark.is_some());
        let matches = |finding: &&Finding| mark == Some((finding.severity.as_str(), finding.rule));
        let unmarked = here
            .iter()
            .filter(|finding| finding.severity > Severity::Info && !matches(finding));
        problems.extend(unmarked.map(|finding| {
            format!(
                "line {}: {} {}: {}",
                index + 1,
                finding.severity,
                finding.rule,
                finding.message
            )
        }));
        if mark.is_some() && !here.iter().any(|finding| matches(&finding)) {
            problems.push(format!(
                "line {} has no such finding: {line}\n    {here:?}",
                index + 1
            ));
        }
    }
    if is_bad != (marks > 0) {
        problems.push(format!("{marks} lines are marked"));
    }
    problems
}

/// `# error: keepalive-age-too-long` at the end of a line.
fn mark(line: &str) -> Option<(&str, &str)> {
    let (_, mark) = line.rsplit_once("# ")?;
    let (severity, rule) = mark.split_once(": ")?;
    let is_severity = ["error", "warning", "info"].contains(&severity);
    (is_severity && rules::find(rule).is_some()).then_some((severity, rule))
}

fn fixed(case: &Case, block: &Block, needs_review: bool) -> Vec<String> {
    let grade = if needs_review {
        Applicability::Unsafe
    } else {
        Applicability::Safe
    };
    let edited = mended(&case.config.engine(), case, grade);
    let mut problems: Vec<String> = edited
        .refused
        .iter()
        .map(|refusal| format!("refused: {}", refusal.reason))
        .collect();
    if edited.text != block.text {
        problems.push(format!("is not what comes out:\n{}", edited.text));
    }
    problems
}
