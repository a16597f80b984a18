//! Files of installers: what is found in them, and what the fixer makes of them.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Sandbox, fixture};

/// The fixtures in a folder of one's own.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let root = fixture("installers");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below it");
                let name = name.to_str().expect("text");
                sandbox.write(name, fs::read(&path).expect("a file"));
            }
        }
    }
    sandbox
}

/// Compares with a file beside this one, or writes it with `MESHCHECK_UPDATE=1`.
fn expect(name: &str, actual: &str) {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/cli")
        .join(name);
    if env::var_os("MESHCHECK_UPDATE").is_some() {
        return fs::write(file, actual).expect("a file of the project");
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(expected, actual, "{name} (MESHCHECK_UPDATE=1 rewrites it)");
}

fn findings(report: &Value) -> String {
    let mut lines = String::new();
    for finding in report["findings"].as_array().expect("a list") {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        let (file, line, column) = (text("file"), &finding["line"], &finding["column"]);
        let (severity, rule, message) = (text("severity"), text("rule"), text("message"));
        let fix = finding["fix"]["applicability"].as_str().unwrap_or("no");
        writeln!(
            lines,
            "{file}:{line}:{column} {severity} {rule}, {fix} fix: {message}"
        )
        .expect("a string");
    }
    lines
}

#[test]
fn what_is_found_in_files_of_installers() {
    let (code, report) = sandbox().json(&["."]);
    assert_eq!(code, 1);
    assert_eq!(report["problems"], serde_json::json!([]));
    expect("installers.txt", &findings(&report));
    assert_eq!(report["summary"]["skipped"]["installers"], 4);
}

#[test]
fn what_the_fixer_makes_of_them() {
    let sandbox = sandbox();
    let diff = sandbox.check(&[".", "--diff"]);
    expect("installers.diff", &diff.stdout);
    let fixed = sandbox.check(&[".", "--fix"]);
    assert!(!fixed.stderr.contains("cannot"), "{}", fixed.stderr);
    let (_, report) = sandbox.json(&["."]);
    assert_eq!(report["summary"]["fixable"]["safe"], 0);
    let again = sandbox.check(&[".", "--diff"]);
    assert_eq!(again.stdout, "");
}

/// As a commit hook names it.
#[test]
fn a_values_file_named_alone_finds_its_chart() {
    let sandbox = sandbox();
    let (_, report) = sandbox.json(&["umbrella/values-prod.yaml"]);
    let found = findings(&report);
    assert!(found.contains("keepalive-age-too-long"), "{found}");
    let elsewhere = Sandbox::with(&[(
        "values-prod.yaml",
        "istiod:\n  keepaliveMaxServerConnectionAge: 1h\n",
    )]);
    let (_, report) = elsewhere.json(&["values-prod.yaml", "--allow-empty"]);
    // The key at the root of a chart's values is Istio's alone.
    assert!(findings(&report).contains("keepalive"), "{report}");
    let unknown = Sandbox::with(&[("values.yaml", "istiod:\n  autoscaleMin: 2\n")]);
    let (_, report) = unknown.json(&["values.yaml", "--allow-empty"]);
    assert_eq!(report["summary"]["checked"], 0);
}

#[test]
fn installers_that_are_not_judged_are_named() {
    let outcome = sandbox().check(&["others", "openshift", "--allow-empty"]);
    for name in [
        "Istio/istio-sample of Banzai Cloud's operator",
        "Istio/default of Kyma's operator",
        "ServiceMeshControlPlane/basic of OpenShift Service Mesh 2",
    ] {
        assert!(
            outcome.stderr.contains(name) || outcome.stdout.contains(name),
            "{outcome:?}"
        );
    }
}
