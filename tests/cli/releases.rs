//! `releases` and `--release-data`.

use serde_json::Value;

use crate::support::{Outcome, Sandbox, outcome};

const TABLE: &str = include_str!("../../rules/data/istio-releases.json");

fn run(arguments: &[&str]) -> Outcome {
    outcome(&mut Sandbox::new().command(arguments))
}

fn json(arguments: &[&str]) -> Value {
    let outcome = run(&[arguments, &["-o", "json"]].concat());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn releases_are_listed_as_they_stand_on_a_date() {
    let table = run(&["releases", "--as-of", "2026-11-22"]);
    assert_eq!((table.code, table.stderr.as_str()), (0, ""));
    let expected = "\
Istio's releases on 2026-11-22, by the release table of 2026-10-01, 52 days old

release  state        until       certainty  days left  Kubernetes    newest patch  of          bulletins
1.31     supported    2027-02-28  expected          98  1.32 to 1.36  1.31.1        2026-09-21  none
1.30     ending soon  2026-12-31  expected          39  1.32 to 1.36  1.30.5        2026-09-21  none
1.29     ended        2026-10-12  confirmed  -          1.31 to 1.35  1.29.8        2026-09-21  none
1.28     ended        2026-07-01  confirmed  -          1.30 to 1.34  1.28.10       2026-07-01  none
1.27     ended        2026-04-07  confirmed  -          1.29 to 1.33  1.27.9        2026-04-07  none
1.26     ended        2025-12-22  confirmed  -          1.29 to 1.33  1.26.8        2025-12-22  none

26 releases ended more than a year before: --all lists them
";
    assert_eq!(table.stdout, expected);
}

/// When a release ends soon is the policy's to say, as it is for `check`.
#[test]
fn soon_is_what_the_policy_says() {
    let policy = |days: u32| {
        format!(
            "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\nversion: {{warn_days: {days}}}\n"
        )
    };
    let sandbox = Sandbox::with(&[("meshcheck.yaml", &policy(7)), ("other.yaml", &policy(120))]);
    let soon = |arguments: &[&str]| {
        let all = [&["releases", "--as-of", "2026-11-22"], arguments].concat();
        let table = outcome(&mut sandbox.command(&all));
        assert_eq!((table.code, table.stderr.as_str()), (0, ""), "{table:?}");
        let ends = |line: &&str| line.contains("ending soon");
        table.stdout.lines().filter(ends).count()
    };
    assert_eq!(soon(&[]), 0);
    assert_eq!(soon(&["--no-policy"]), 1);
    assert_eq!(soon(&["--policy", "other.yaml"]), 2);
    let wrong = outcome(&mut sandbox.command(["releases", "--policy", "none.yaml"]));
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
}

/// What was not out yet is not there, and a patch counts from its day on.
#[test]
fn the_past_is_as_it_was() {
    let table = run(&["releases", "--as-of", "2026-08-27"]).stdout;
    assert!(
        table.contains("\n1.30 ") && !table.contains("\n1.31 "),
        "{table}"
    );
    assert!(table.contains("1.30.4        2026-08-27"), "{table}");
    let before = run(&["releases", "--as-of", "2026-06-04"]).stdout;
    assert!(before.contains("1.30.1        2026-06-04"), "{before}");
    let none = run(&["releases", "--as-of", "2017-01-01"]);
    assert_eq!(none.code, 0);
    assert!(none.stdout.contains("none was out yet"), "{none:?}");
}

/// A day on which a bulletin names the newest patch of a supported minor.
#[test]
fn the_bulletins_of_a_newest_patch_are_named() {
    let table = run(&["releases", "--as-of", "2026-06-30"]).stdout;
    assert!(
        table.contains("1.30.2 is named by ISTIO-SECURITY-2026-005"),
        "{table}"
    );
}

#[test]
fn all_lists_all() {
    let table = run(&["releases", "--as-of", "2026-11-22", "--all"]).stdout;
    assert_eq!(table.lines().count(), 3 + 32);
    assert!(
        table
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("1.0 ")),
        "{table}"
    );
    assert!(
        table.lines().all(|line| line.chars().count() <= 105),
        "{table}"
    );
}

#[test]
fn programs_get_the_same_and_more() {
    let report = json(&["releases", "--as-of", "2026-11-22"]);
    assert_eq!(report["version"], 1);
    assert_eq!(report["asOf"], "2026-11-22");
    assert_eq!(report["table"]["asOf"], "2026-10-01");
    assert_eq!(report["table"]["ageDays"], 52);
    assert!(report["table"]["file"].is_null());
    let releases = report["releases"].as_array().expect("a list");
    assert_eq!(releases.len(), 6);
    let soon = &releases[1];
    assert_eq!(soon["minor"], "1.30");
    assert_eq!(soon["state"], "endingSoon");
    assert_eq!(soon["endOfLife"]["date"], "2026-12-31");
    assert_eq!(soon["endOfLife"]["certainty"], "expected");
    assert_eq!(soon["endOfLife"]["daysLeft"], 39);
    assert_eq!(soon["kubernetes"]["tested"]["min"], "1.32");
    assert_eq!(soon["newestPatch"]["version"], "1.30.5");
    let past = json(&["releases", "--as-of", "2026-06-30"]);
    let bulletin = &past["releases"][0]["bulletins"][0];
    assert_eq!(bulletin["id"], "ISTIO-SECURITY-2026-005");
    assert_eq!(bulletin["cvss"], 7.5);
}

/// The same file for all three commands.
#[test]
fn another_table_can_take_the_place_of_the_built_in_one() {
    let sandbox = Sandbox::new();
    let ended = TABLE.replacen("2026-12-31", "2026-11-01", 1);
    sandbox.write("releases.json", ended);
    let data = ["--release-data", "releases.json"];
    let run = |arguments: &[&str]| outcome(&mut sandbox.command([arguments, &data].concat()));
    let table = run(&["releases", "--as-of", "2026-11-22"]);
    assert!(
        table.stdout.contains("1.30     ended      2026-11-01"),
        "{table:?}"
    );
    let path = run(&["upgrade-path", "1.29.8", "--as-of", "2026-11-22"]);
    assert!(path.stdout.contains("1.30.5  ended 2026-11-01"), "{path:?}");
    sandbox.write(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: shop}\nspec:\n  containers:\n  - name: istio-proxy\n    \
         image: docker.io/istio/proxyv2:1.30.5\n    args: [proxy, sidecar]\n",
    );
    let check = run(&["check", "pod.yaml", "--as-of", "2026-11-22"]);
    assert!(
        check.stdout.contains("error[version-unsupported]"),
        "{check:?}"
    );
    assert_eq!(check.code, 1);
    let report = run(&["releases", "-o", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
    assert_eq!(report["table"]["file"], "releases.json");
}

/// Exit code 2, with the file, the row and the reason, for every command that takes it.
#[test]
fn a_bad_table_is_refused_with_its_row() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.json", TABLE.replacen("2018-07-31", "July 2018", 1));
    sandbox.write("list.json", "[]");
    sandbox.write("binary.json", [0xff, 0xfe, 0x00]);
    let cases = [
        (
            "bad.json",
            "error: release data bad.json: line 9, column 38: release 1.0, patch 1.0.0, `released`: \
             expected a date such as 2026-12-31, found \"July 2018\"\n",
        ),
        (
            "list.json",
            "error: release data list.json: line 1, column 1: ",
        ),
        (
            "binary.json",
            "error: release data binary.json: stream did not contain valid UTF-8\n",
        ),
        (
            "missing.json",
            "error: release data missing.json: No such file or directory",
        ),
        (".", "error: release data .: Is a directory"),
    ];
    let commands: [&[&str]; 3] = [
        &["check", "bad.json"],
        &["releases"],
        &["upgrade-path", "1.30.5"],
    ];
    for (file, said) in cases {
        for command in commands {
            let arguments = [command, &["--release-data", file]].concat();
            let outcome = outcome(&mut sandbox.command(&arguments));
            assert_eq!(outcome.code, 2, "{arguments:?}: {outcome:?}");
            assert!(
                outcome.stderr.starts_with(said),
                "{arguments:?}: {outcome:?}"
            );
            assert_eq!(outcome.stdout, "", "{arguments:?}");
        }
    }
}

/// Told once for the run, without a place, and counted like any other finding.
#[test]
fn an_old_table_is_told_once_for_the_run() {
    let sandbox = Sandbox::with(&[
        ("a.yaml", "kind: A\napiVersion: v1\n"),
        ("b.yaml", "kind: B\napiVersion: v1\n"),
    ]);
    let run = |arguments: &[&str]| {
        let arguments = [
            &["check", "a.yaml", "b.yaml", "--as-of", "2027-01-30"],
            arguments,
        ]
        .concat();
        outcome(&mut sandbox.command(arguments))
    };
    let quiet = run(&[]);
    assert_eq!(quiet.code, 0, "{quiet:?}");
    assert!(!quiet.stdout.contains("release-data-stale"), "{quiet:?}");
    assert!(
        quiet.stdout.contains("1 info (--verbose shows them)"),
        "{quiet:?}"
    );
    let verbose = run(&["--verbose"]);
    let told =
        "info[release-data-stale]: the release table is of 2026-10-01, 121 days before 2027-01-30";
    assert_eq!(verbose.stdout.matches(told).count(), 1, "{verbose:?}");
    assert_eq!(run(&["--fail-on", "info"]).code, 1);
    let report: Value = serde_json::from_str(&run(&["-o", "json"]).stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), 1, "{report}");
    assert_eq!(findings[0]["rule"], "release-data-stale");
    assert_eq!(findings[0]["severity"], "info");
    for member in [
        "file",
        "document",
        "line",
        "column",
        "endLine",
        "endColumn",
        "pointer",
        "object",
    ] {
        assert_eq!(findings[0].get(member), Some(&Value::Null), "{member}");
    }
    assert_eq!(report["summary"]["findings"]["info"], 1);
}

#[test]
fn the_schema_of_the_table_is_printed() {
    let schema = run(&["schema", "releases"]);
    assert_eq!(schema.code, 0, "{schema:?}");
    let schema: Value = serde_json::from_str(&schema.stdout).expect("JSON");
    assert_eq!(schema["title"], "Release data of meshcheck");
    assert_eq!(schema["properties"]["version"]["const"], 1);
}
