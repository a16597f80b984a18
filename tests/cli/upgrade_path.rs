//! `upgrade-path`: what people and programs get to see of it. The rules of the way are tested beside it.

use std::{env, fs};

use serde_json::Value;

use crate::support::{AS_OF, Outcome, Sandbox, outcome};

fn run(arguments: &[&str]) -> Outcome {
    let arguments = [&["upgrade-path"], arguments].concat();
    outcome(&mut Sandbox::new().command(arguments))
}

fn json(arguments: &[&str]) -> Value {
    let outcome = run(&[arguments, &["-o", "json"]].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

const OUTAGE: &[&str] = &[
    "1.7.4",
    "--kubernetes-version",
    "1.24",
    "--as-of",
    "2023-05-15",
];

/// The second outage's question, word for word: rewritten with `MESHCHECK_UPDATE=1`.
#[test]
fn the_second_outage_gets_the_reviewed_answer() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/fixtures/outages/standing-still/expected/upgrade-path.txt"
    );
    let answer = run(OUTAGE);
    assert_eq!(answer.code, 0, "{answer:?}");
    if env::var_os("MESHCHECK_UPDATE").is_some() {
        fs::write(path, &answer.stdout).expect("a file of the project");
    }
    let reviewed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        answer.stdout == reviewed,
        "MESHCHECK_UPDATE=1 rewrites it:\n{}",
        answer.stdout
    );
}

#[test]
fn the_second_outage_is_answered_for_programs_too() {
    let plan = json(OUTAGE);
    assert_eq!(plan["way"], "closed");
    assert_eq!(plan["from"]["fit"], "missingApis");
    assert_eq!(plan["from"]["supported"], false);
    let apis = plan["from"]["missingApis"].as_array().expect("a list");
    assert!(
        apis[0]["log"]
            .as_str()
            .is_some_and(|log| log.contains("*v1beta1.Ingress"))
    );
    let rescue = &plan["rescue"];
    assert_eq!(rescue["firstRunning"], "1.10");
    assert_eq!(rescue["firstTested"], "1.14");
    assert_eq!(rescue["supported"], serde_json::json!(["1.16", "1.17"]));
    assert_eq!(rescue["landing"]["to"]["version"], "1.17.2");
    assert_eq!(rescue["landing"]["supportedByIstio"], false);
    assert!(rescue["landing"]["onward"].is_null());
}

#[test]
fn hops_are_listed_with_the_moves_of_kubernetes() {
    let answer = run(&["1.24.3", "--kubernetes-version", "1.29", AS_OF]);
    assert_eq!(answer.code, 0);
    for part in [
        "In place, one minor at a time: 7 hops",
        "    3  1.27.9   ended 2026-04-07           1.29 to 1.33  1.29           none\n       Kubernetes \
         from 1.29 up to at least 1.32, at most 1.33, one minor at a time: Istio 1.30\n       does not install on less than 1.32\n    4  1.28.10",
        "    7  1.31.1   until 2027-02-28, 98 days  1.32 to 1.36  1.32 or 1.33   none\n",
        "By revision, up to two minors at a time: 4 hops\n  1.24.3, 1.26.8, (Kubernetes 1.32 or 1.33), \
         1.28.10, 1.30.5, 1.31.1\n",
    ] {
        assert!(answer.stdout.contains(part), "{part}\n{}", answer.stdout);
    }
    assert!(
        answer
            .stdout
            .lines()
            .all(|line| line.chars().count() <= 100),
        "{}",
        answer.stdout
    );
    let plan = json(&["1.24.3", "--kubernetes-version", "1.29", AS_OF]);
    let steps = plan["inPlace"]["steps"].as_array().expect("a list");
    assert_eq!(steps.len(), 8);
    assert_eq!(steps[3]["move"], "kubernetes");
    assert_eq!(steps[3]["to"]["max"], "1.33");
    assert_eq!(steps[3]["because"]["floor"], true);
    assert_eq!(steps[7]["move"], "istio");
    assert_eq!(steps[7]["to"]["endOfLife"]["daysLeft"], 98);
    assert!(plan["rescue"].is_null());
}

#[test]
fn builds_of_vendors_get_the_way_of_upstream_with_a_note() {
    let answer = run(&["1.28.5-asm.9", AS_OF]);
    assert_eq!(answer.code, 0);
    assert!(
        answer
            .stdout
            .contains("note: 1.28.5-asm.9 is a build of vendor `asm`"),
        "{answer:?}"
    );
    let plan = json(&["v1.28.5-distroless", AS_OF]);
    assert_eq!(plan["from"]["version"], "1.28.5");
    assert_eq!(plan["notes"], serde_json::json!([]));
    let plan = json(&["1.18.7-r4", "1.19", AS_OF]);
    assert!(
        plan["notes"][0]
            .as_str()
            .is_some_and(|note| note.contains("somebody's own build"))
    );
}

#[test]
fn questions_without_an_answer_are_wrong_usage() {
    let wrong: [(&[&str], &str); 9] = [
        (&[], "required"),
        (&["latest"], "expected a version such as 1.30"),
        (
            &["1.31.0-rc.0"],
            "a pre-release or development build of 1.31.0",
        ),
        (&["1.30.5", "master"], "expected a version such as 1.30"),
        (
            &["1.99.0", AS_OF],
            "1.99.0 is newer than the release table, which is of 2026-10-01",
        ),
        (
            &["0.8.0", AS_OF],
            "0.8.0 is no release of Istio that the release table lists",
        ),
        (
            &["1.30.5", "1.29", AS_OF],
            "one minor down is allowed in place",
        ),
        (
            &["1.31.1", "--as-of", "2023-05-15"],
            "1.31.1 was not out on 2023-05-15",
        ),
        (
            &["1.30.5", "--kubernetes-version", "new", AS_OF],
            "a version such as 1.33",
        ),
    ];
    for (arguments, said) in wrong {
        let outcome = run(arguments);
        assert_eq!(outcome.code, 2, "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains(said), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
}

#[test]
fn who_is_there_is_told_so() {
    let answer = run(&["1.31.1", AS_OF]);
    assert!(
        answer.stdout.contains("This is where you want to be"),
        "{answer:?}"
    );
    assert_eq!(json(&["1.31.1", AS_OF])["way"], "there");
    let patch = run(&["1.31.0", AS_OF]);
    assert!(
        patch.stdout.contains("install 1.31.1 over 1.31.0"),
        "{patch:?}"
    );
    assert!(
        patch
            .stdout
            .contains("It lacks a fix that came without a bulletin"),
        "{patch:?}"
    );
}
