//! What is read, and in which order.

use crate::support::{AS_OF, ISTIOD, SERVICE, Sandbox, TEMPLATE, files_of, good_istiod, pipe};

#[test]
fn folders_are_walked_for_yaml_and_json_in_path_order() {
    let json = r#"{"apiVersion": "v1", "kind": "Service"}"#;
    let sandbox = Sandbox::with(&[
        ("b/z.yml", ISTIOD),
        ("b/a/deep.yaml", ISTIOD),
        ("a-b.yaml", ISTIOD),
        ("a/x.yaml", ISTIOD),
        ("b.json", json),
        ("notes.txt", ISTIOD),
        ("b/.hidden/h.yaml", ISTIOD),
        (".git/config.yaml", ISTIOD),
        ("b/.git/other.yaml", ISTIOD),
    ]);
    let (_, report) = sandbox.json(&["."]);
    let expected = [
        "a-b.yaml",
        "a/x.yaml",
        "b/.hidden/h.yaml",
        "b/a/deep.yaml",
        "b/z.yml",
    ];
    assert_eq!(files_of(&report), expected);
    assert_eq!(report["summary"]["files"], 6);
    let (_, report) = sandbox.json(&["b", "a"]);
    let expected = ["a/x.yaml", "b/.hidden/h.yaml", "b/a/deep.yaml", "b/z.yml"];
    assert_eq!(files_of(&report), expected);
}

#[test]
fn a_file_that_is_named_is_read_whatever_its_name() {
    let sandbox = Sandbox::with(&[("manifest.tmpl", ISTIOD), (".git/x", ISTIOD)]);
    let (code, report) = sandbox.json(&["manifest.tmpl", ".git/x"]);
    assert_eq!(code, 1);
    assert_eq!(files_of(&report), [".git/x", "manifest.tmpl"]);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let sandbox = Sandbox::with(&[("d/a.yaml", ISTIOD)]);
    let (_, report) = sandbox.json(&["d/a.yaml", "d", "./d/../d/a.yaml", "d/a.yaml"]);
    assert_eq!(files_of(&report), ["d/a.yaml"]);
    assert_eq!(report["summary"]["files"], 1);
}

#[test]
fn standard_input_is_a_file_called_dash() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
    let outcome = sandbox.pipe(&["-", "a.yaml", "-", "-o", "json"], ISTIOD.as_bytes());
    let report = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(files_of(&report), ["-", "a.yaml"]);
    let human = sandbox.pipe(&["-"], ISTIOD.as_bytes());
    assert!(human.stdout.contains("--> <stdin>:24:15"), "{human:?}");
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_links_to_folders_are_told() {
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::with(&[("d/a.yaml", ISTIOD), ("e/b.yaml", ISTIOD)]);
    symlink("../d", sandbox.path("d/loop")).expect("a link");
    symlink("../e", sandbox.path("d/e")).expect("a link");
    symlink("a.yaml", sandbox.path("d/0-same.yaml")).expect("a link");
    symlink("../e/b.yaml", sandbox.path("d/other.yaml")).expect("a link");
    let (_, report) = sandbox.json(&["d"]);
    assert_eq!(files_of(&report), ["d/a.yaml", "d/other.yaml"]);
    assert_eq!(report["summary"]["skipped"]["linkedFolders"], 2);
    assert!(
        sandbox
            .check(&["d"])
            .stdout
            .contains("2 linked folders (not followed)")
    );
    let verbose = sandbox.check(&["d", "-v"]);
    assert!(verbose.stderr.contains("d/e\n"), "{verbose:?}");
    // A link that is named is followed.
    let (_, report) = sandbox.json(&["d/e"]);
    assert_eq!(files_of(&report), ["d/e/b.yaml"]);
    // One that leads nowhere cannot be read.
    symlink("nowhere", sandbox.path("e/broken.yaml")).expect("a link");
    let (code, report) = sandbox.json(&["e"]);
    assert_eq!(
        (code, &report["problems"][0]["file"]),
        (3, &"e/broken.yaml".into())
    );
}

#[test]
fn what_cannot_be_opened_is_an_io_problem_with_its_file() {
    let sandbox = Sandbox::with(&[("b.yaml", "a: [\n"), ("c.yaml", SERVICE)]);
    let (code, report) = sandbox.json(&["z.yaml", "b.yaml", "c.yaml", "a.yaml", "z.yaml"]);
    assert_eq!(code, 3);
    let problems = report["problems"].as_array().expect("a list");
    let told: Vec<_> = problems.iter().map(|p| (&p["file"], &p["kind"])).collect();
    let (io, syntax) = ("io".into(), "syntax".into());
    let names = ["a.yaml", "b.yaml", "z.yaml"].map(serde_json::Value::from);
    assert_eq!(
        told,
        [(&names[0], &io), (&names[1], &syntax), (&names[2], &io)]
    );
    assert_eq!(problems[0]["message"], "no such file or folder");
    assert!(problems[0]["line"].is_null() && problems[0]["document"].is_null());
    let human = sandbox.check(&["a.yaml"]);
    assert!(
        human.stderr.contains("error[io]: no such file or folder"),
        "{human:?}"
    );
    assert!(human.stderr.contains("--> a.yaml"), "{human:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_listed_is_an_io_problem() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::with(&[("d/closed/a.yaml", ISTIOD), ("d/b.yaml", SERVICE)]);
    let closed = sandbox.path("d/closed");
    set_permissions(&closed, Permissions::from_mode(0o000)).expect("a mode");
    let listable = std::fs::read_dir(&closed).is_ok(); // root may read everything
    let (code, report) = sandbox.json(&["d"]);
    set_permissions(&closed, Permissions::from_mode(0o755)).expect("a mode");
    if !listable {
        assert_eq!(code, 3);
        assert_eq!(report["problems"][0]["file"], "d/closed");
        assert_eq!(report["problems"][0]["message"], "permission denied");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_though_it_can_be_read_only_once() {
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_kubectl-meshcheck");
    let script = format!("'{program}' <(cat) {AS_OF} -o json");
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &script]).current_dir(sandbox.path("."));
    let outcome = pipe(&mut shell, ISTIOD.as_bytes());
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(
        outcome.stdout.contains("keepalive-age-too-long"),
        "{outcome:?}"
    );
}

#[test]
fn every_document_and_every_item_counts() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service}\n- {apiVersion: v1, kind: Service}\n";
    let good = good_istiod();
    let many = format!("{good}---\n---\n{list}---\nreplicas: 3\n---\na: [\n---\n{TEMPLATE}");
    let sandbox = Sandbox::with(&[("a.yaml", &many)]);
    let (_, report) = sandbox.json(&["a.yaml"]);
    let summary = &report["summary"];
    assert_eq!(summary["files"], 1);
    assert_eq!(summary["documents"], 6);
    assert_eq!(
        (&summary["objects"], &summary["checked"]),
        (&3.into(), &1.into())
    );
    assert_eq!(summary["problems"], 1);
    let skipped = serde_json::json!({"templates": 1, "notKubernetes": 1, "empty": 1, "linkedFolders": 0, "installers": 0});
    assert_eq!(summary["skipped"], skipped);
    let documents: Vec<_> = report["problems"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| p["document"].as_u64())
        .collect();
    assert_eq!(documents, [Some(4), Some(5)]);
}

#[test]
fn a_file_that_is_too_large_is_a_limit_and_is_not_passed_on_by_half() {
    let sandbox = Sandbox::new();
    let file = std::fs::File::create(sandbox.path("a.yaml")).expect("a file");
    file.set_len(65 << 20).expect("a hole");
    let (code, report) = sandbox.json(&["a.yaml"]);
    assert_eq!((code, &report["problems"][0]["kind"]), (3, &"limit".into()));
    let large = vec![b'\n'; 65 << 20];
    let passed = sandbox.pipe(&["-", "--fix"], &large);
    assert_eq!((passed.code, passed.stdout.len()), (3, 0));
    assert!(passed.stderr.contains("error[limit]"), "{}", passed.stderr);
}
