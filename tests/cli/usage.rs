//! Help, wrong usage, and the commands beside `check`.

use std::process::Command;

use crate::support::{ISTIOD, Outcome, Sandbox, good_istiod, outcome};

fn run(arguments: &[&str]) -> Outcome {
    outcome(&mut Sandbox::new().command(arguments))
}

#[test]
fn help_shows_the_name_that_people_type_and_the_exit_codes() {
    let help = run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(
        help.stdout.contains("Usage: kubectl meshcheck "),
        "{help:?}"
    );
    for line in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  "] {
        assert!(help.stdout.contains(line), "{line} in {help:?}");
    }
    assert!(!help.stdout.contains("--plain"), "{help:?}");
    let help = run(&["check", "--help"]);
    assert!(
        help.stdout.contains("Usage: kubectl meshcheck check "),
        "{help:?}"
    );
    assert!(help.stdout.contains("Exit codes"), "{help:?}");
}

#[cfg(unix)]
#[test]
fn under_another_name_help_shows_that_name() {
    let sandbox = Sandbox::new();
    let link = sandbox.path("meshcheck");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-meshcheck"), &link).expect("a link");
    let help = outcome(Command::new(link).arg("--help"));
    assert!(help.stdout.contains("Usage: meshcheck "), "{help:?}");
}

#[test]
fn wrong_usage_is_2_and_says_what_is_wrong() {
    let wrong: [(&[&str], &str); 10] = [
        (&[], "required"),
        (&["check"], "required"),
        (&["a.yaml", "--no-such-flag"], "--no-such-flag"),
        (&["a.yaml", "-o", "xml"], "xml"),
        (&["a.yaml", "--fail-on", "fatal"], "fatal"),
        (&["a.yaml", "--as-of", "yesterday"], "yesterday"),
        (&["a.yaml", "--as-of", "2026-13-01"], "2026-13-01"),
        (
            &["a.yaml", "--kubernetes-version", "latest"],
            "a version such as 1.33",
        ),
        (
            &["a.yaml", "--istio-version", "1"],
            "a version such as 1.30",
        ),
        (&["a.yaml", "--quiet", "--verbose"], "cannot be used with"),
    ];
    for (arguments, message) in wrong {
        let outcome = run(arguments);
        assert_eq!(outcome.code, 2, "{arguments:?}: {outcome:?}");
        assert!(
            outcome.stderr.contains(message),
            "{arguments:?}: {outcome:?}"
        );
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

#[test]
fn check_is_the_default_command() {
    let sandbox = Sandbox::with(&[("istiod.yaml", ISTIOD)]);
    let short = sandbox.check(&["istiod.yaml"]);
    let long = sandbox.check(&["check", "istiod.yaml"]);
    let kubectl = sandbox.check(&["-f", "istiod.yaml"]);
    assert_eq!((short.code, &short.stdout), (1, &long.stdout));
    assert_eq!(short.stdout, kubectl.stdout);
}

#[test]
fn the_mesh_can_be_told_by_options() {
    let sandbox = Sandbox::with(&[("istiod.yaml", &good_istiod())]);
    let (code, report) = sandbox.json(&["istiod.yaml", "--kubernetes-version", "1.22"]);
    assert_eq!(code, 1);
    assert_eq!(report["findings"][0]["rule"], "kubernetes-incompatible");
    let related = &report["findings"][0]["related"][0];
    assert_eq!(related["source"], "--kubernetes-version");
    let human = sandbox.check(&["istiod.yaml", "--kubernetes-version=1.22"]);
    assert!(
        human
            .stdout
            .contains("Kubernetes is 1.22 (--kubernetes-version)"),
        "{human:?}"
    );
}

#[test]
fn rules_lists_every_rule() {
    let table = run(&["rules"]);
    let json = run(&["rules", "-o", "json"]);
    assert_eq!((table.code, json.code), (0, 0));
    let rules: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let rules = rules.as_array().expect("a list");
    assert_eq!(table.stdout.lines().count(), rules.len());
    for rule in rules {
        let id = rule["id"].as_str().expect("a name");
        assert!(table.stdout.contains(id), "{id}");
        assert!(
            !rule["kinds"].as_array().expect("a list").is_empty(),
            "{id}"
        );
    }
}

#[test]
fn every_rule_is_explained() {
    let json = run(&["rules", "-o", "json"]);
    let rules: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    for rule in rules.as_array().expect("a list") {
        let id = rule["id"].as_str().expect("a name");
        let page = run(&["explain", id]);
        assert_eq!(page.code, 0, "{id}");
        assert!(page.stdout.starts_with(id), "{page:?}");
    }
}

#[test]
fn a_misspelt_rule_is_answered_with_the_one_that_was_meant() {
    let outcome = run(&["explain", "keepalive-age-to-long"]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome
            .stderr
            .contains("did you mean `keepalive-age-too-long`?"),
        "{outcome:?}"
    );
    let outcome = run(&["explain", "nothing-like-it-at-all"]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("kubectl meshcheck rules"),
        "{outcome:?}"
    );
}
