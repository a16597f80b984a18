//! The book in `docs/`: that its summary names every page, that no link is dead, and that what stands
//! in it twice is included and not copied. mdbook itself is not needed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use meshcheck_rules::rules::ALL;

use crate::case::project;
use crate::generated::{compare, table};

/// Between these two lines of the summary stand the rules.
const RULES: [&str; 2] = ["- [Rules](rules/index.md)\n", "- [Benchmarks]"];

fn docs() -> PathBuf {
    clean(&project().join("docs"))
}

/// The summary and the pages of the rules are written from the rules themselves.
#[test]
fn the_rules_are_in_the_book() {
    let mut index = String::from("# Rules\n\n");
    index.push_str(&table(""));
    compare(&docs().join("rules/index.md"), &index);
    let mut list = String::new();
    for rule in ALL {
        let id = rule.id;
        writeln!(list, "  - [{id}](rules/{id}.md)").expect("a string");
        let page = format!("{{{{#include ../../rules/src/rules/{id}.md}}}}\n");
        compare(&docs().join(format!("rules/{id}.md")), &page);
    }
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).expect("a summary");
    let [before, after] = RULES;
    let start = summary.find(before).expect("the list of rules") + before.len();
    let end = summary.find(after).expect("what stands behind the rules");
    let wanted = format!("{}{list}{}", &summary[..start], &summary[end..]);
    compare(&docs().join("SUMMARY.md"), &wanted);
}

#[test]
fn the_summary_names_every_page_once() {
    let listed = listed();
    let unique: BTreeSet<PathBuf> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "a page is listed twice");
    let mut there = BTreeSet::new();
    pages_below(&docs(), &mut there);
    there.remove(&docs().join("SUMMARY.md"));
    let missing: Vec<_> = there.difference(&unique).collect();
    assert!(missing.is_empty(), "not in SUMMARY.md: {missing:#?}");
    let gone: Vec<_> = unique.difference(&there).collect();
    assert!(gone.is_empty(), "in SUMMARY.md, and no page: {gone:#?}");
}

#[test]
fn no_link_is_dead() {
    let pages: BTreeSet<PathBuf> = listed().into_iter().collect();
    let mut problems = Vec::new();
    for page in &pages {
        let text = fs::read_to_string(page).expect("a page");
        let text = match expand(page, &text) {
            Ok(text) => text,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for link in links(&text) {
            let target = clean(&page.with_file_name(link.split('#').next().unwrap_or_default()));
            let is_dead = leaves_the_book(page, link) || !pages.contains(&target);
            if !link.starts_with('#') && is_dead {
                problems.push(format!("{}: {link} is no page of the book", page.display()));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// `explain` prints the pages of the rules, which name other pages by their path: those must be there.
#[test]
fn every_page_that_a_rule_names_is_in_the_book() {
    let pages: BTreeSet<PathBuf> = listed().into_iter().collect();
    let mut named = 0;
    for rule in ALL {
        for path in rule.page.split('`').filter(|text| is_path(text)) {
            let page = clean(&project().join(path));
            assert!(pages.contains(&page), "{}: no page {path}", rule.id);
            named += 1;
        }
    }
    assert!(named > 0, "no rule names a page");
}

fn is_path(text: &str) -> bool {
    let path = text.strip_prefix("docs/");
    path.is_some_and(|path| path.strip_suffix(".md").is_some())
}

/// The pages that the summary names, in its order.
fn listed() -> Vec<PathBuf> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).expect("a summary");
    links(&summary).map(|link| docs().join(link)).collect()
}

fn pages_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the book") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages_below(&path, found);
        } else if path.extension().is_some_and(|name| name == "md") {
            found.insert(path);
        }
    }
}

/// Whether a link goes up and out of the book on its way: the site has nothing there.
fn leaves_the_book(page: &Path, link: &str) -> bool {
    let folder = page.strip_prefix(docs()).expect("a page is in the book");
    let mut depth = folder.components().count() - 1;
    Path::new(link).components().any(|part| match part {
        Component::ParentDir if depth == 0 => true,
        Component::ParentDir => {
            depth -= 1;
            false
        }
        _ => {
            depth += 1;
            false
        }
    })
}

/// Targets of the links in a text, those to other sites and those in fenced blocks left out.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    let lines = text.lines().filter(move |line| {
        fenced ^= line.starts_with("```");
        !fenced
    });
    lines
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://"))
}

/// The text with what mdbook would include, which may be a part between two anchors.
fn expand(page: &Path, text: &str) -> Result<String, String> {
    let mut expanded = String::new();
    for line in text.lines() {
        let Some(name) = line
            .strip_prefix("{{#include ")
            .and_then(|rest| rest.strip_suffix("}}"))
        else {
            expanded.push_str(line);
            expanded.push('\n');
            continue;
        };
        let (file, anchor) = name
            .split_once(':')
            .map_or((name, None), |(f, a)| (f, Some(a)));
        let dead = || format!("{}: nothing to include at {name}", page.display());
        let whole = fs::read_to_string(page.with_file_name(file)).map_err(|_| dead())?;
        let part = match anchor {
            Some(anchor) => between(&whole, anchor).ok_or_else(dead)?,
            None => &whole,
        };
        expanded.push_str(part);
    }
    Ok(expanded)
}

fn between<'t>(text: &'t str, anchor: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<!-- ANCHOR: {anchor} -->\n"))?;
    let (part, _) = rest.split_once(&format!("<!-- ANCHOR_END: {anchor} -->\n"))?;
    Some(part)
}

/// The path without `a/..`.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        let goes_up = part == Component::ParentDir
            && cleaned
                .components()
                .next_back()
                .is_some_and(|last| matches!(last, Component::Normal(_)));
        if goes_up {
            cleaned.pop();
        } else {
            cleaned.push(part);
        }
    }
    cleaned
}
