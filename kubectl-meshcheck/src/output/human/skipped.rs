//! What was read but could not be judged, by name.

use std::sync::Arc;

use meshcheck_rules::config::FILE_NAME;

use crate::judge::FileReport;
use crate::output::{Closing, counted};
use crate::problem::Problem;
use crate::source::for_people;

/// Names that a note lists unless all are asked for; more are counted.
const NAMED: usize = 3;

/// Inputs that were skipped, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    templates: Vec<(Arc<str>, String)>,
    foreign: Vec<String>,
    policies: Vec<Arc<str>>,
    installers: Vec<String>,
}

impl Skipped {
    /// A template; of a file with many the first is named.
    pub(super) fn template(&mut self, problem: &Problem) {
        if self
            .templates
            .last()
            .is_some_and(|(file, _)| *file == problem.file)
        {
            return;
        }
        let place = match problem.position() {
            Some(at) => format!("{}:{}:{}", for_people(&problem.file), at.line, at.column),
            None => for_people(&problem.file),
        };
        self.templates.push((Arc::clone(&problem.file), place));
    }

    /// A file with documents that are no Kubernetes objects.
    pub(super) fn foreign(&mut self, report: &FileReport) {
        let documents = counted(report.tally.foreign, "document");
        self.foreign
            .push(format!("{} ({documents})", for_people(&report.file)));
    }

    /// A file with a policy.
    pub(super) fn policy(&mut self, report: &FileReport) {
        self.policies.push(Arc::clone(&report.file));
    }

    /// A file with objects of installers whose settings are not judged.
    pub(super) fn installers(&mut self, report: &FileReport) {
        let file = for_people(&report.file);
        let named = report.installers.iter();
        self.installers
            .extend(named.map(|installer| format!("{file}: {installer}")));
    }

    /// What there is to say, each a note of its own.
    pub(super) fn notes(&self, closing: &Closing, all: bool) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(closing.nearly_policy.as_ref().map(|path| {
            let name = for_people(&path.to_string_lossy());
            format!("{name} is not read: a policy is called {FILE_NAME}")
        }));
        if all {
            notes.push(match &closing.policy {
                Some(policy) => format!("policy: {}", for_people(&policy.name)),
                None => "policy: none, the defaults hold".to_owned(),
            });
            let is_other = |file: &&Arc<str>| !closing.policy.as_ref().is_some_and(|p| p.is(file));
            let others: Vec<_> = self.policies.iter().filter(is_other).collect();
            if !others.is_empty() {
                let others = others
                    .into_iter()
                    .map(|file| for_people(file))
                    .collect::<Vec<_>>();
                let files = others.iter().map(String::as_str);
                notes.push(format!(
                    "policies that do not hold here: {}",
                    list(files, all)
                ));
            }
        }
        if !self.installers.is_empty() {
            let named = self.installers.iter().map(String::as_str);
            notes.push(format!(
                "recognised, but settings are not judged: {}",
                list(named, all)
            ));
        }
        if !self.templates.is_empty() {
            let places = self.templates.iter().map(|(_, place)| &**place);
            notes.push(format!(
                "templates cannot be judged, render them first: {}",
                list(places, all)
            ));
        }
        if all && !self.foreign.is_empty() {
            let files = self.foreign.iter().map(String::as_str);
            notes.push(format!("no Kubernetes objects: {}", list(files, all)));
        }
        if all && !closing.linked_folders.is_empty() {
            let folders = closing.linked_folders.iter().map(|folder| &**folder);
            notes.push(format!(
                "linked folders are not followed, name them to have them read: {}",
                list(folders, all)
            ));
        }
        notes
    }
}

fn list<'n>(all_names: impl ExactSizeIterator<Item = &'n str>, all: bool) -> String {
    let count = all_names.len();
    let (separator, most) = if all { ("\n", count) } else { (", ", NAMED) };
    let names: Vec<&str> = all_names.take(most).collect();
    let more = match count.saturating_sub(most) {
        0 => String::new(),
        more => format!(" and {more} more (--verbose names them)"),
    };
    let first = if all { separator } else { "" };
    format!("{first}{}{more}", names.join(separator))
}
