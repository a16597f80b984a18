//! What people and programs get to see.

use serde_json::json;

use crate::support::{ISTIOD, SERVICE, Sandbox, TEMPLATE, fixture, good_istiod};

#[test]
fn a_finding_looks_like_this() {
    let sandbox = Sandbox::with(&[("istiod.yaml", ISTIOD)]);
    let outcome = sandbox.check(&["istiod.yaml"]);
    let expected = r#"error[keepalive-age-too-long]: `--keepaliveMaxServerConnectionAge` is 30m, above 10m: a proxy whose configuration stream broke keeps it for up to 33m10s, and its services fail until then
  --> istiod.yaml:24:15
   |
24 |             - "30m"  # the chart's default
   |               ^^^^^
   |
   = object: Deployment/istiod in namespace istio-system
help: set the connection age to 10m (safe: --fix does it)

`kubectl meshcheck explain RULE` explains a rule
checked 1 object in 1 document, 1 file: 1 error; fixable 1 by --fix
"#;
    assert_eq!(outcome.stdout, expected);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_problem_and_what_was_skipped_look_like_this() {
    let sandbox = Sandbox::with(&[
        ("broken.yaml", "kind: Service\nmetadata: [\n"),
        ("service.yaml", SERVICE),
        ("template.yaml", TEMPLATE),
        ("values.yaml", "replicas: 3\n"),
    ]);
    let outcome = sandbox.check(&["."]);
    assert_eq!(
        outcome.stdout,
        "checked 0 objects in 4 documents, 4 files: no findings; 1 problem (see above); \
         skipped 1 object of other kinds, 1 template (render first), 1 document not of Kubernetes\n"
    );
    let problems = outcome.stderr;
    assert!(problems.starts_with("error[syntax]: "), "{problems}");
    assert!(problems.contains("--> broken.yaml:"), "{problems}");
    assert!(
        problems
            .ends_with("note: templates cannot be judged, render them first: template.yaml:4:9\n"),
        "{problems}"
    );
    let quiet = sandbox.check(&[".", "--quiet"]);
    assert_eq!(quiet.stdout, "");
    assert!(quiet.stderr.starts_with("error[syntax]: "), "{quiet:?}");
    assert!(!quiet.stderr.contains("note:"), "{quiet:?}");
    let verbose = sandbox.check(&[".", "--verbose"]);
    assert!(
        verbose.stderr.contains("values.yaml (1 document)"),
        "{verbose:?}"
    );
}

#[test]
fn the_json_report_has_the_documented_shape() {
    let two = format!("{SERVICE}---\n{ISTIOD}");
    let sandbox = Sandbox::with(&[("two.yaml", &two), ("template.yaml", TEMPLATE)]);
    let (code, report) = sandbox.json(&["."]);
    assert_eq!(code, 1);
    let finding = json!({
        "rule": "keepalive-age-too-long",
        "severity": "error",
        "message": "`--keepaliveMaxServerConnectionAge` is 30m, above 10m: a proxy whose configuration stream broke keeps it for up to 33m10s, and its services fail until then",
        "file": "two.yaml",
        "document": 1,
        "line": 29,
        "column": 15,
        "endLine": 29,
        "endColumn": 20,
        "pointer": "/spec/template/spec/containers/0/args/2",
        "object": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "istio-system",
            "name": "istiod",
        },
        "related": [],
        "fix": {
            "title": "set the connection age to 10m",
            "applicability": "safe",
            "patch": [{
                "op": "replace",
                "path": "/spec/template/spec/containers/0/args/2",
                "value": "10m",
            }],
        },
    });
    let problem = json!({
        "file": "template.yaml",
        "document": 0,
        "line": 4,
        "column": 9,
        "kind": "template",
        "message": report["problems"][0]["message"],
    });
    let expected = json!({
        "version": 1,
        "asOf": "2026-11-22",
        "policy": null,
        "summary": {
            "files": 2,
            "documents": 3,
            "objects": 2,
            "checked": 1,
            "findings": {"error": 1, "warning": 0, "info": 0},
            "suppressed": 0,
            "fixable": {"safe": 1, "unsafe": 0},
            "skipped": {"templates": 1, "notKubernetes": 0, "empty": 0, "linkedFolders": 0, "installers": 0},
            "problems": 0,
        },
        "findings": [finding],
        "suppressed": [],
        "problems": [problem],
    });
    assert_eq!(report, expected);
}

#[test]
fn json_goes_to_standard_output_alone() {
    let sandbox = Sandbox::with(&[
        ("a.yaml", ISTIOD),
        ("b.yaml", "a: [\n"),
        ("c.yaml", TEMPLATE),
    ]);
    let outcome = sandbox.check(&[".", "missing.yaml", "-o", "json"]);
    assert_eq!(outcome.stderr, "");
    serde_json::from_str::<serde_json::Value>(&outcome.stdout).expect("JSON");
}

#[test]
fn info_is_counted_and_shown_on_request() {
    // A version newer than the table is good to know, and no more.
    let newer = good_istiod().replace("1.31.1", "1.99.0");
    let sandbox = Sandbox::with(&[("a.yaml", &newer)]);
    let outcome = sandbox.check(&["a.yaml"]);
    assert_eq!(
        outcome.stdout,
        "checked 1 object in 1 document, 1 file: 1 info (--verbose shows them)\n"
    );
    let verbose = sandbox.check(&["a.yaml", "--verbose"]);
    assert!(
        verbose.stdout.starts_with("info[version-unknown]: "),
        "{verbose:?}"
    );
    let (_, report) = sandbox.json(&["a.yaml"]);
    assert_eq!(report["findings"][0]["severity"], "info");
    assert_eq!(sandbox.check(&["a.yaml", "--fail-on=info"]).code, 1);
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
    let colored = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = sandbox.command(arguments);
        command.envs(variables.iter().copied());
        let output = command.output().expect("the program runs");
        output.stdout.contains(&b'\x1b')
    };
    assert!(!colored(&["a.yaml"], &[]), "a pipe is no terminal");
    assert!(colored(&["a.yaml", "--color=always"], &[]));
    assert!(colored(&["a.yaml", "--color=always"], &[("NO_COLOR", "1")]));
    assert!(!colored(&["a.yaml", "--color=never"], &[]));
    assert!(!colored(&["a.yaml", "--color=always", "-o", "json"], &[]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colour_unless_no_color_is_set() {
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD)]);
    let on_terminal = |variable: &str| {
        // `script` gives the program a terminal.
        let program = env!("CARGO_BIN_EXE_kubectl-meshcheck");
        let mut command = std::process::Command::new("script");
        command
            .args([
                "-qec",
                &format!("{variable} '{program}' a.yaml"),
                "/dev/null",
            ])
            .env("TERM", "xterm")
            .current_dir(sandbox.path("."));
        command
            .output()
            .map(|output| output.stdout.contains(&b'\x1b'))
    };
    let Ok(colored) = on_terminal("") else {
        return; // not every machine has it
    };
    assert!(colored);
    assert!(!on_terminal("NO_COLOR=1").expect("script"));
    assert!(
        on_terminal("NO_COLOR=").expect("script"),
        "an empty one does not count"
    );
    assert!(!on_terminal("TERM=dumb").expect("script"));
}

#[test]
fn a_huge_line_is_cut_around_its_place() {
    let flow: serde_json::Value = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "istiod", "annotations": {"a": "x".repeat(100_000)}},
        "spec": {"template": {"spec": {"containers": [{
            "name": "discovery",
            "image": "pilot:1.31.1",
            "args": ["discovery", "--keepaliveMaxServerConnectionAge=30m"],
            "env": [{"name": "A", "value": "y".repeat(100_000)}],
        }]}}},
    });
    let line = flow.to_string();
    let sandbox = Sandbox::with(&[("a.json", &line)]);
    let outcome = sandbox.check(&["a.json"]);
    assert!(
        outcome.stdout.lines().all(|line| line.len() < 300),
        "{outcome:?}"
    );
    assert!(
        outcome
            .stdout
            .contains("keepaliveMaxServerConnectionAge=30m"),
        "{outcome:?}"
    );
    let at = line.find("\"--keepalive").expect("the argument") + 1;
    assert!(
        outcome.stdout.contains(&format!("a.json:1:{at}\n")),
        "{at} in {outcome:?}"
    );
}

#[test]
fn control_characters_in_a_manifest_do_not_reach_the_terminal() {
    let escape = ISTIOD
        .replace("name: istiod\n", "name: \"istiod\\e[31m\"\n")
        .replace("\"30m\"", "\"30m\\e[2J\"");
    let sandbox = Sandbox::with(&[("a.yaml", &escape), ("\u{1b}[31mb.yaml", ISTIOD)]);
    let outcome = sandbox.check(&["."]);
    assert_eq!(outcome.code, 1);
    assert!(!outcome.stdout.contains('\x1b'), "{outcome:?}");
    assert!(!outcome.stderr.contains('\x1b'), "{outcome:?}");
}

#[test]
fn a_place_that_explains_a_finding_is_shown_with_it() {
    let pod = fixture("corpus/istio-1.30.3/inject/status_annotations_zeroport.yaml.injected");
    let sandbox = Sandbox::new();
    sandbox.write("pod.yaml", std::fs::read(pod).expect("the fixture"));
    let (_, report) = sandbox.json(&["pod.yaml"]);
    let findings = report["findings"].as_array().expect("a list");
    let missing = findings
        .iter()
        .find(|finding| finding["rule"] == "sidecar-readiness-missing")
        .expect("the finding");
    let expected = json!([{
        "message": "this took the probes away at injection",
        "file": "pod.yaml",
        "document": 0,
        "line": 25,
        "column": 9,
        "endLine": 25,
        "endColumn": 42,
        "pointer": "/spec/template/metadata/annotations/status.sidecar.istio.io~1port",
    }]);
    assert_eq!(missing["related"], expected);
    let human = sandbox.check(&["pod.yaml"]).stdout;
    let expected = "note: this took the probes away at injection\n   --> pod.yaml:25:9\n    |\n 25 |         status.sidecar.istio.io/port: \"0\"\n";
    assert!(human.contains(expected), "{human}");
}

#[test]
fn every_member_of_the_json_report_is_documented() {
    let page = include_str!("../../docs/json-output.md");
    let corpus = fixture("corpus");
    let sandbox = Sandbox::with(&[("broken.yaml", "a: [\n")]);
    let arguments = [
        corpus.to_str().expect("text"),
        ".",
        "--kubernetes-version=1.22",
    ];
    let (_, diff) = sandbox.json(&[&arguments[..], &["--diff"]].concat());
    let (_, fixed) = sandbox.json(&[".", "--fix"]);
    let mut names = std::collections::BTreeSet::new();
    for report in [diff, fixed] {
        collect_names(&report, &mut names);
    }
    names.insert("innerPointer".to_owned());
    for name in names {
        assert!(
            page.contains(&format!("`{name}`")),
            "{name} is not documented"
        );
    }
}

/// The members of the report, without those of the patches, which are RFC 6902's.
fn collect_names(value: &serde_json::Value, names: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                names.insert(name.clone());
                if name != "patch" {
                    collect_names(value, names);
                }
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                collect_names(item, names);
            }
        }
        _ => {}
    }
}

#[test]
fn the_output_is_the_same_from_run_to_run_and_without_shortcuts() {
    let sandbox = Sandbox::new();
    let corpus = fixture("corpus");
    let corpus = corpus.to_str().expect("a path of text");
    for arguments in [["--verbose", "--color=always"], ["-o", "json"]] {
        let run = |more: &[&str]| sandbox.check(&[&[corpus], &arguments[..], more].concat());
        let first = run(&[]);
        assert_ne!(first.code, 0);
        for again in [run(&[]), run(&["--plain"])] {
            assert_eq!(first.code, again.code);
            assert!(first.stdout == again.stdout, "{arguments:?}");
            assert!(first.stderr == again.stderr, "{arguments:?}");
        }
    }
}
