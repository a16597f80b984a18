use std::path::PathBuf;

use meshcheck_rules::config::Policy;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::rule::Findings;
use meshcheck_rules::{Check, Context, Engine, Mesh, ObjectKind, Pointer, Rule, Severity, yaml};

use super::*;
use crate::output::json::Json;
use crate::source::Inputs;

const KINDS: &[ObjectKind] = &[ObjectKind {
    group: "",
    kind: "ConfigMap",
    resource: "configmaps",
}];

/// Reports the member `b` inside the text of `data.a`.
static INSIDE: Rule = rule("inside", |cx, out| {
    let text = cx.object.root.at(&["data", "a"]).expect("the test has it");
    let mut at = text.as_value();
    at.inner = Pointer::parse("/b");
    out.report(at, "b is wrong");
});

static CRASHING: Rule = rule("crashing", |_, _| panic!("as a defect of ours would"));

const fn rule(id: &'static str, check: fn(&Context<'_>, &mut Findings)) -> Rule {
    Rule {
        id,
        summary: "a rule of the tests",
        page: "",
        severity: Severity::Error,
        since: "0.1.0",
        kinds: KINDS,
        fix: None,
        aliases: &[],
        check: Check::Object(check),
    }
}

fn judge(rule: &'static Rule, text: &str) -> FileReport {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("a.yaml");
    std::fs::write(&path, text).expect("a file");
    let inputs = Inputs::find([&path]);
    let date = jiff::civil::date(2026, 11, 22);
    let engine = Engine::new(date, Policy::default(), Releases::embedded()).with_rules(vec![rule]);
    let session = Session::new(&inputs.found, engine, yaml::Options::default());
    let mesh = session.learn(Mesh::default());
    let mut reports = Vec::new();
    Judge::new(&session, &mesh, &Json).run(|report| reports.push(report));
    reports.pop().expect("one file, one report")
}

#[test]
fn a_place_inside_a_text_has_its_inner_pointer() {
    let report = judge(
        &INSIDE,
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    c: 1\n    b: 2\n",
    );
    let finding: serde_json::Value = serde_json::from_str(&report.findings[0]).expect("JSON");
    assert_eq!(finding["pointer"], "/data/a");
    assert_eq!(finding["innerPointer"], "/b");
    assert_eq!(
        (&finding["line"], &finding["column"]),
        (&6.into(), &8.into())
    );
}

#[test]
fn a_rule_that_breaks_down_is_told_and_hides_nothing_else() {
    let report = judge(
        &CRASHING,
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: Service\n",
    );
    assert_eq!(report.tally.objects, 2);
    assert_eq!(report.tally.unread, 1);
    let (problem, _) = &report.problems[0];
    assert_eq!((problem.kind, problem.document), (Kind::Internal, Some(0)));
    assert!(
        problem
            .message
            .starts_with("rule crashing broke down on ConfigMap: "),
        "{problem:?}"
    );
}
