//! `--fix`, `--unsafe-fixes`, `--diff`.

use std::fs;
use std::process::Command;

use crate::support::{ISTIOD, Outcome, SERVICE, Sandbox, good_istiod, invalid_istiod, outcome};

#[test]
fn a_safe_fix_changes_the_value_and_nothing_else() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
    let outcome = sandbox.check(&["a.yaml", "--fix"]);
    assert_eq!(sandbox.read("a.yaml"), good_istiod());
    assert_eq!(
        outcome.stdout,
        "fixed 1 finding in a.yaml: keepalive-age-too-long\n\
         checked 1 object in 1 document, 1 file: no findings; fixed 1\n"
    );
    assert_eq!(outcome.stderr, "");
    assert_eq!(sandbox.list(), ["a.yaml"]);
    let again = sandbox.check(&["a.yaml", "--fix"]);
    assert_eq!(
        again.stdout,
        "checked 1 object in 1 document, 1 file: no findings; fixed 0\n"
    );
}

#[test]
fn only_files_with_something_to_fix_are_written() {
    let sandbox = Sandbox::with(&[("a.yaml", SERVICE), ("b.yaml", &good_istiod())]);
    let times = || {
        ["a.yaml", "b.yaml"].map(|name| {
            fs::metadata(sandbox.path(name))
                .expect("it")
                .modified()
                .expect("a time")
        })
    };
    let before = times();
    assert_eq!(sandbox.check(&[".", "--fix", "--unsafe-fixes"]).code, 0);
    assert_eq!(times(), before);
}

#[test]
fn an_unsafe_fix_is_applied_on_request_only() {
    let sandbox = Sandbox::with(&[("a.yaml", &invalid_istiod())]);
    let outcome = sandbox.check(&["a.yaml", "--fix"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(sandbox.read("a.yaml"), invalid_istiod());
    assert!(
        outcome.stdout.contains("--unsafe-fixes does it"),
        "{outcome:?}"
    );
    assert_eq!(sandbox.check(&["a.yaml", "--unsafe-fixes"]).code, 0);
    assert_eq!(sandbox.read("a.yaml"), good_istiod());
}

#[test]
fn the_fixed_stream_of_standard_input_goes_to_standard_output() {
    let sandbox = Sandbox::new();
    let fixed = sandbox.pipe(&["-", "--fix"], ISTIOD.as_bytes());
    assert_eq!((fixed.code, fixed.stdout), (0, good_istiod()));
    assert!(
        fixed.stderr.contains("fixed 1 finding in <stdin>"),
        "{}",
        fixed.stderr
    );
    // What needs no fix, or can have none, is passed on as it came.
    for text in [&good_istiod(), SERVICE, "a: [\n", "# nothing\n", ""] {
        let passed = sandbox.pipe(&["-", "--fix", "-o", "json"], text.as_bytes());
        assert_eq!(passed.stdout, text);
        serde_json::from_str::<serde_json::Value>(&passed.stderr).expect("JSON");
    }
    let unsafe_too = sandbox.pipe(&["-", "--unsafe-fixes"], invalid_istiod().as_bytes());
    assert_eq!((unsafe_too.code, unsafe_too.stdout), (0, good_istiod()));
}

#[test]
fn a_diff_can_be_applied_by_git_and_changes_nothing_itself() {
    let two = format!("{ISTIOD}---\n{SERVICE}");
    let sandbox = Sandbox::with(&[
        ("d/a.yaml", &two),
        ("d/b.yaml", ISTIOD),
        ("d/c.yaml", SERVICE),
    ]);
    let diff = sandbox.check(&["d", "--diff"]);
    assert_eq!(diff.code, 1);
    assert!(
        diff.stdout.starts_with("--- a/d/a.yaml\n+++ b/d/a.yaml\n"),
        "{diff:?}"
    );
    assert!(diff.stdout.contains("\n-            - \"30m\"  # the chart's default\n+            - \"10m\"  # the chart's default\n"), "{diff:?}");
    assert!(!diff.stdout.contains("c.yaml"), "{diff:?}");
    assert!(diff.stderr.contains("2 errors"), "{diff:?}");
    assert_eq!(sandbox.read("d/a.yaml"), two);

    let patch = sandbox.write("fix.patch", &diff.stdout);
    let applied = git(
        &sandbox,
        &["apply", patch.to_str().expect("a path of text")],
    );
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(sandbox.read("d/a.yaml"), two.replace("30m", "10m"));
    assert_eq!(sandbox.check(&["d", "--diff"]).stdout, "");
}

#[test]
fn json_holds_the_diff() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
    let (code, report) = sandbox.json(&["a.yaml", "--diff"]);
    assert_eq!(code, 1);
    let diff = report["diff"].as_str().expect("text");
    assert_eq!(diff, sandbox.check(&["a.yaml", "--diff"]).stdout);
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn json_counts_what_was_fixed_and_holds_what_remains() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD), ("b.yaml", &invalid_istiod())]);
    let (code, report) = sandbox.json(&[".", "--fix"]);
    assert_eq!(code, 1);
    assert_eq!(report["summary"]["fixed"], 1);
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["findings"][0]["file"], "b.yaml");
}

#[test]
fn what_an_alias_brings_is_refused_with_the_patch() {
    let aliased = ISTIOD.replace("\"30m\"  #", "*age  #").replace(
        "  namespace: istio-system\n",
        "  namespace: istio-system\n  annotations: {a: &age 30m, b: *age}\n",
    );
    let sandbox = Sandbox::with(&[("a.yaml", &aliased)]);
    let outcome = sandbox.check(&["a.yaml", "--fix"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(sandbox.read("a.yaml"), aliased);
    assert_refused(&outcome, "the value comes from the anchor `&age` on line 7");
}

#[test]
fn what_cannot_be_fixed_does_not_keep_the_rest_from_it() {
    // One document, two istiods: the first one's age comes through an alias.
    let aliased = ISTIOD.replace("\"30m\"  #", "*age  #");
    let item = |text: &str| {
        let lines = text.lines().skip(1).map(|line| format!("    {line}\n"));
        format!("  -\n{}", lines.collect::<String>())
    };
    let list = |second: &str| {
        format!(
            "apiVersion: v1\nkind: List\nmetadata: {{annotations: {{a: &age 30m, b: *age}}}}\nitems:\n{}{}",
            item(&aliased),
            item(second),
        )
    };
    let sandbox = Sandbox::with(&[("a.yaml", &list(ISTIOD))]);
    let outcome = sandbox.check(&["a.yaml", "--fix"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(sandbox.read("a.yaml"), list(&good_istiod()));
    assert!(
        outcome.stdout.starts_with("fixed 1 finding in a.yaml: "),
        "{outcome:?}"
    );
    assert_refused(&outcome, "the value comes from the anchor `&age` on line 3");
}

#[test]
fn a_file_is_written_back_in_its_encoding() {
    let utf16 = |text: &str| -> Vec<u8> {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let sandbox = Sandbox::new();
    sandbox.write("utf16.yaml", utf16(ISTIOD));
    sandbox.write("windows.yaml", windows(ISTIOD));
    assert_eq!(sandbox.check(&[".", "--fix"]).code, 0);
    let after = |name: &str| fs::read(sandbox.path(name)).expect("the file");
    assert_eq!(after("utf16.yaml"), utf16(&good_istiod()));
    assert_eq!(after("windows.yaml"), windows(&good_istiod()).into_bytes());
}

fn assert_refused(outcome: &Outcome, reason: &str) {
    let told = &outcome.stderr;
    assert!(
        told.contains("warning[keepalive-age-too-long]: not fixed: "),
        "{told}"
    );
    assert!(told.contains(reason), "{told}");
    assert!(
        told.contains("= patch: [{\"op\":\"replace\",\"path\":"),
        "{told}"
    );
    assert!(told.contains("--> a.yaml:"), "{told}");
}

#[cfg(unix)]
mod unix {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_read_only_file_is_left_alone() {
        let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
        set_permissions(sandbox.path("a.yaml"), Permissions::from_mode(0o444)).expect("a mode");
        let outcome = sandbox.check(&["a.yaml", "--fix"]);
        assert_eq!(outcome.code, 1);
        assert_eq!(sandbox.read("a.yaml"), ISTIOD);
        assert_eq!(sandbox.list(), ["a.yaml"]);
        assert_refused(&outcome, "the file is read-only");
        assert!(
            outcome.stdout.ends_with("; fixed 0, fixable 1 by --fix\n"),
            "{outcome:?}"
        );
    }

    #[test]
    fn the_mode_is_kept() {
        let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
        for mode in [0o600, 0o640, 0o755] {
            sandbox.write("a.yaml", ISTIOD);
            set_permissions(sandbox.path("a.yaml"), Permissions::from_mode(mode)).expect("a mode");
            assert_eq!(sandbox.check(&["a.yaml", "--fix"]).code, 0);
            let after = metadata(sandbox.path("a.yaml")).expect("the file");
            assert_eq!(after.mode() & 0o7777, mode);
        }
    }

    #[test]
    fn a_link_stays_a_link() {
        let sandbox = Sandbox::with(&[("real/a.yaml", ISTIOD)]);
        symlink("real/a.yaml", sandbox.path("link.yaml")).expect("a link");
        assert_eq!(sandbox.check(&["link.yaml", "--fix"]).code, 0);
        assert!(sandbox.path("link.yaml").is_symlink());
        assert_eq!(sandbox.read("real/a.yaml"), good_istiod());
    }

    #[test]
    fn an_interrupt_leaves_every_file_whole_and_nothing_beside_it() {
        let sandbox = Sandbox::new();
        let names: Vec<String> = (0..3_000)
            .map(|number| format!("{number:04}.yaml"))
            .collect();
        for name in &names {
            sandbox.write(name, ISTIOD);
        }
        let mut command = sandbox.command([".", "--fix", "--quiet"]);
        let mut child = command.spawn().expect("the program runs");
        // In the midst of it: some file was written, and not yet all.
        while sandbox.read(&names[0]) == ISTIOD {
            assert!(
                child.try_wait().expect("its state").is_none(),
                "it ended too soon"
            );
        }
        let kill = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
        let code = child.wait().expect("it ends").code();
        assert_eq!(code, Some(130));
        assert_eq!(sandbox.list(), names);
        for name in &names {
            let text = sandbox.read(name);
            assert!(text == ISTIOD || text == good_istiod(), "{name}: {text}");
        }
        assert_eq!(sandbox.read(&names[2_999]), ISTIOD);
    }

    #[test]
    fn a_pipe_cannot_be_fixed() {
        let sandbox = Sandbox::new();
        let program = env!("CARGO_BIN_EXE_kubectl-meshcheck");
        let mut shell = Command::new("bash");
        let script = format!("'{program}' --fix --as-of=2026-11-22 <(cat)");
        shell.args(["-c", &script]).current_dir(sandbox.path("."));
        let outcome = crate::support::pipe(&mut shell, ISTIOD.as_bytes());
        assert_eq!(outcome.code, 1);
        assert!(
            outcome.stderr.contains("this is no regular file"),
            "{outcome:?}"
        );
    }
}

fn git(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    outcome(
        Command::new("git")
            .args(arguments)
            .current_dir(sandbox.path(".")),
    )
}
