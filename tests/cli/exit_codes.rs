//! The exit code is the same in every format.

use crate::support::{ISTIOD, SERVICE, Sandbox, TEMPLATE, good_istiod, invalid_istiod, outcome};

const BROKEN: &str = "apiVersion: v1\nkind: Service\nmetadata: [\n";
const VALUES: &str = "replicas: 3\n";

/// Runs with these arguments in every format and mode that must not change the verdict.
fn assert_code(files: &[(&str, &str)], arguments: &[&str], expected: i32) {
    let sandbox = Sandbox::with(files);
    let formats: [&[&str]; 6] = [
        &[],
        &["-o", "json"],
        &["--quiet"],
        &["--verbose"],
        &["--plain"],
        &["--color=always"],
    ];
    for format in formats {
        let outcome = sandbox.check(&[arguments, format].concat());
        assert_eq!(
            outcome.code, expected,
            "{arguments:?} {format:?}: {outcome:?}"
        );
    }
}

#[test]
fn nothing_found_is_0() {
    assert_code(&[("a.yaml", &good_istiod())], &["a.yaml"], 0);
    assert_code(&[("a.yaml", SERVICE)], &["a.yaml"], 0);
}

#[test]
fn findings_at_or_above_the_threshold_are_1() {
    let error = [("a.yaml", ISTIOD)];
    assert_code(&error, &["a.yaml"], 1);
    assert_code(&error, &["a.yaml", "--fail-on=warning"], 1);
    assert_code(&error, &["a.yaml", "--fail-on=info"], 1);
    assert_code(&error, &["a.yaml", "--fail-on=never"], 0);
    let short = ISTIOD.replace("30m", "1m30s");
    let warning = [("a.yaml", short.as_str())];
    assert_code(&warning, &["a.yaml"], 0);
    assert_code(&warning, &["a.yaml", "--fail-on=warning"], 1);
    assert_code(&warning, &["a.yaml", "--fail-on=info"], 1);
}

#[test]
fn input_that_cannot_be_read_is_3_and_wins() {
    assert_code(&[], &["missing.yaml"], 3);
    assert_code(&[("a.yaml", ISTIOD)], &["a.yaml", "missing.yaml"], 3);
    assert_code(&[("a.yaml", BROKEN)], &["a.yaml"], 3);
    assert_code(&[("a.yaml", ISTIOD), ("b.yaml", BROKEN)], &["."], 3);
    let both = format!("{ISTIOD}---\n{BROKEN}");
    assert_code(&[("a.yaml", &both)], &["a.yaml", "--fail-on=never"], 3);
}

#[test]
fn nothing_to_check_is_4() {
    assert_code(&[], &["."], 4);
    assert_code(&[("a.yaml", "")], &["a.yaml"], 4);
    assert_code(&[("a.yaml", "---\n# nothing\n---\n")], &["a.yaml"], 4);
    assert_code(&[("a.yaml", VALUES)], &["a.yaml"], 4);
    assert_code(&[("a.yaml", VALUES)], &["a.yaml", "--allow-empty"], 0);
    assert_code(&[("a.txt", ISTIOD)], &["."], 4);
}

#[test]
fn templates_are_told_and_fail_only_when_strict() {
    let files = [("a.yaml", good_istiod()), ("t.yaml", TEMPLATE.to_owned())];
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    assert_code(&files, &["."], 0);
    assert_code(&files, &[".", "--strict"], 3);
    assert_code(&files[1..], &["t.yaml"], 4);
    assert_code(&files[1..], &["t.yaml", "--strict"], 3);
}

#[test]
fn a_diff_leaves_the_code_as_it_was() {
    assert_code(&[("a.yaml", ISTIOD)], &["a.yaml", "--diff"], 1);
    assert_code(&[("a.yaml", &good_istiod())], &["a.yaml", "--diff"], 0);
    assert_code(&[("a.yaml", BROKEN)], &["a.yaml", "--diff"], 3);
    assert_code(&[], &[".", "--diff"], 4);
}

#[test]
fn after_a_fix_the_code_speaks_of_what_remains() {
    for format in [
        &["--fix"][..],
        &["--fix", "-o", "json"],
        &["--fix", "--quiet"],
    ] {
        let sandbox = Sandbox::with(&[("a.yaml", ISTIOD), ("b.yaml", &invalid_istiod())]);
        assert_eq!(
            sandbox.check(&[&["a.yaml"], format].concat()).code,
            0,
            "{format:?}"
        );
        assert_eq!(
            sandbox.check(&[&["b.yaml"], format].concat()).code,
            1,
            "{format:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_is_2() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
    let full = std::fs::File::create("/dev/full").expect("the full device");
    let mut command = sandbox.command(["a.yaml"]);
    let output = command.stdout(full).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
}

#[cfg(unix)]
#[test]
fn a_reader_who_leaves_early_changes_nothing() {
    let sandbox = Sandbox::new();
    let many = format!("{ISTIOD}---\n").repeat(2_000);
    sandbox.write("a.yaml", &many);
    let program = env!("CARGO_BIN_EXE_kubectl-meshcheck");
    let script =
        format!("'{program}' a.yaml --as-of=2026-11-22 | head -1; echo ${{PIPESTATUS[0]}}");
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &script]).current_dir(sandbox.path("."));
    let outcome = outcome(&mut shell);
    assert_eq!(outcome.stderr, "");
    assert!(
        outcome.stdout.starts_with("error[keepalive-age-too-long]"),
        "{outcome:?}"
    );
    assert!(outcome.stdout.ends_with("\n1\n"), "{outcome:?}");
}
