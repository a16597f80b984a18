//! The policy: where it is found, what it does, what is wrong with it.

use std::fs;

use serde_json::Value;

use crate::support::{ISTIOD, Outcome, SERVICE, Sandbox, good_istiod, outcome};

const HEAD: &str = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";

/// An istiod that lives for 30 minutes is an error by default; here it is not.
const LENIENT: &str = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\nkeepalive: {max: 40m}\n";

fn policy(text: &str) -> String {
    format!("{HEAD}{text}")
}

/// Runs in a folder below the sandbox.
fn check_in(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> Outcome {
    let mut command = sandbox.command(arguments);
    command
        .arg(crate::support::AS_OF)
        .current_dir(sandbox.path(folder));
    outcome(&mut command)
}

#[test]
fn it_is_found_above_up_to_the_root_of_the_repository() {
    let sandbox = Sandbox::with(&[
        ("meshcheck.yaml", LENIENT),
        ("inner/deep/istiod.yaml", ISTIOD),
        ("repository/.git/HEAD", ""),
        ("repository/deep/istiod.yaml", ISTIOD),
    ]);
    let found = check_in(&sandbox, "inner/deep", &["istiod.yaml", "--verbose"]);
    assert_eq!(found.code, 0, "{found:?}");
    assert!(
        found
            .stderr
            .contains("note: policy: ../../meshcheck.yaml\n"),
        "{found:?}"
    );
    let beyond = check_in(&sandbox, "repository/deep", &["istiod.yaml", "--verbose"]);
    assert_eq!(beyond.code, 1, "{beyond:?}");
    assert!(
        beyond.stderr.contains("policy: none, the defaults hold"),
        "{beyond:?}"
    );
    // It is looked for from where one stands, not beside the input.
    let outside = check_in(&sandbox, "repository", &["../inner/deep/istiod.yaml"]);
    assert_eq!(outside.code, 1, "{outside:?}");
}

#[test]
fn options_name_another_or_none() {
    let sandbox = Sandbox::with(&[
        ("istiod.yaml", ISTIOD),
        ("meshcheck.yaml", LENIENT),
        ("strict.yaml", HEAD),
    ]);
    let code = |arguments: &[&str]| sandbox.check(&[&["istiod.yaml"], arguments].concat()).code;
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--no-policy"]), 1);
    assert_eq!(code(&["--policy", "strict.yaml"]), 1);
    assert_eq!(code(&["--policy", "strict.yaml", "--no-policy"]), 2);
    let named = |arguments: &[&str]| {
        let (_, report) = sandbox.json(&[&["istiod.yaml"], arguments].concat());
        report["policy"].clone()
    };
    assert_eq!(named(&[]), "meshcheck.yaml");
    assert_eq!(named(&["--policy", "./strict.yaml"]), "./strict.yaml");
    assert_eq!(named(&["--no-policy"]), Value::Null);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_is_2() {
    let wrong = policy("kepalive: {}\nrules:\n  version-unknwon: off\n");
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD), ("meshcheck.yaml", &wrong)]);
    let expected = "\
error[policy]: the policy has no key `kepalive`, did you mean `keepalive`?
 --> meshcheck.yaml:3:1
  |
3 | kepalive: {}
  | ^

error[policy]: there is no rule `version-unknwon`, did you mean `version-unknown`?
 --> meshcheck.yaml:5:3
  |
5 |   version-unknwon: off
  |   ^

error: the policy meshcheck.yaml has 2 problems
";
    for arguments in [&[][..], &["-o", "json"], &["--quiet"], &["--fix"]] {
        let told = sandbox.check(&[&["a.yaml"], arguments].concat());
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{arguments:?}");
        assert_eq!(told.stderr, expected, "{arguments:?}");
    }
    assert_eq!(sandbox.read("a.yaml"), ISTIOD);
}

#[test]
fn a_policy_that_cannot_be_read_is_2() {
    let other = "apiVersion: meshcheck.dev/v2\nkind: Policy\nanything: {}\n";
    let broken = policy("rules: [\n");
    let sandbox = Sandbox::with(&[
        ("a.yaml", &good_istiod()),
        ("empty.yaml", "# nothing yet\n"),
        ("other.yaml", other),
        ("broken.yaml", &broken),
        (
            "configmap.yaml",
            "apiVersion: v1\nkind: ConfigMap\ndata: {}\n",
        ),
    ]);
    for (file, message) in [
        (
            "missing.yaml",
            "error: the policy missing.yaml: no such file or folder\n",
        ),
        (
            "empty.yaml",
            "nothing is in it: a policy begins with `apiVersion: meshcheck.dev/v1alpha1`",
        ),
        (
            "other.yaml",
            "version `meshcheck.dev/v2`: this meshcheck reads `meshcheck.dev/v1alpha1`",
        ),
        ("broken.yaml", "--> broken.yaml:"),
        ("configmap.yaml", "under the key `meshcheck.yaml`"),
        (".", "error: the policy .: cannot be read"),
    ] {
        let told = sandbox.check(&["a.yaml", "--policy", file]);
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{file}");
        assert!(told.stderr.contains(message), "{file}: {told:?}");
    }
}

#[test]
fn levels_and_thresholds_hold() {
    let levels = policy("rules: {keepalive-age-too-long: warning}\nkeepalive: {max: 5m}\n");
    let sandbox = Sandbox::with(&[("a.yaml", ISTIOD), ("meshcheck.yaml", &levels)]);
    let (code, report) = sandbox.json(&["a.yaml"]);
    assert_eq!(code, 0, "{report}");
    let finding = &report["findings"][0];
    assert_eq!(finding["severity"], "warning");
    assert_eq!(finding["fix"]["title"], "set the connection age to 5m");
    sandbox.write(
        "meshcheck.yaml",
        policy("rules: {keepalive-age-too-long: off}\n"),
    );
    assert_eq!(
        sandbox.json(&["a.yaml"]).1["findings"],
        serde_json::json!([])
    );
}

#[test]
fn what_is_not_known_stays_an_info_at_every_level() {
    // Nothing says which mesh this is, so nobody can say whether it starts gated.
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  labels: \
               {sidecar.istio.io/inject: 'true'}\nspec:\n  containers:\n  - {name: web, image: 'web:1'}\n";
    let error = policy("rules: {sidecar-start-not-gated: error}\n");
    let sandbox = Sandbox::with(&[("pod.yaml", pod), ("meshcheck.yaml", &error)]);
    let severity = |arguments: &[&str]| {
        let (_, report) = sandbox.json(&[&["pod.yaml"], arguments].concat());
        report["findings"][0]["severity"].clone()
    };
    assert_eq!(severity(&[]), "info");
    assert_eq!(
        severity(&["--istio-version=1.26", "--kubernetes-version=1.32"]),
        "info"
    );
    sandbox.write(
        "istio.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: '{}'}\n",
    );
    let known = [
        "istio.yaml",
        "--istio-version=1.26",
        "--kubernetes-version=1.32",
    ];
    assert_eq!(severity(&known), "error");
}

#[test]
fn a_vendors_support_is_judged_as_the_policy_says() {
    let solo = good_istiod().replace("istio/pilot:1.31.1", "solo/pilot:1.24.3-solo");
    let sandbox = Sandbox::with(&[("a.yaml", &solo)]);
    let found = |text: &str| {
        sandbox.write("meshcheck.yaml", policy(text));
        let (_, report) = sandbox.json(&["a.yaml"]);
        let findings = report["findings"].as_array().expect("a list").iter();
        let shown = findings.map(|finding| format!("{} {}", finding["severity"], finding["rule"]));
        shown.collect::<Vec<_>>().join(", ").replace('"', "")
    };
    assert_eq!(found(""), "info version-unsupported");
    assert_eq!(found("vendors: {solo: ignore}"), "");
    assert_eq!(
        found("vendors: {solo: upstream}"),
        "error version-unsupported"
    );
    assert_eq!(
        found("vendors: {aks: upstream}"),
        "info version-unsupported"
    );
    let until = |day: &str| format!("vendors: {{solo: {{until: {{'1.24': {day}}}}}}}");
    assert_eq!(found(&until("2027-06-30")), "");
    assert_eq!(found(&until("2026-11-22")), "warning version-ending-soon");
    assert_eq!(found(&until("2026-11-21")), "error version-unsupported");
    let other = found("vendors: {solo: {until: {'1.27': 2027-06-30}}}");
    assert_eq!(
        other, "error version-unsupported",
        "a minor that is not listed"
    );
}

#[test]
fn policies_among_the_inputs_are_no_objects() {
    let sandbox = Sandbox::with(&[
        ("a.yaml", &good_istiod()),
        ("meshcheck.yaml", HEAD),
        ("below/meshcheck.yaml", LENIENT),
    ]);
    let checked = sandbox.check(&["."]);
    assert_eq!(
        checked.stdout,
        "checked 1 object in 3 documents, 3 files: no findings\n"
    );
    assert_eq!(checked.stderr, "");
    let verbose = sandbox.check(&[".", "--verbose"]);
    let others = "note: policies that do not hold here: \n      below/meshcheck.yaml\n";
    assert!(verbose.stderr.contains(others), "{verbose:?}");
    assert_eq!(sandbox.check(&["meshcheck.yaml"]).code, 4);
}

#[test]
fn a_name_that_is_nearly_right_is_told() {
    for name in ["meshcheck.yml", ".meshcheck.yaml"] {
        let sandbox = Sandbox::with(&[("deep/a.yaml", &good_istiod()), (name, HEAD)]);
        let told = check_in(&sandbox, "deep", &["a.yaml"]);
        let expected = format!("note: ../{name} is not read: a policy is called meshcheck.yaml\n");
        assert_eq!((told.code, told.stderr), (0, expected));
        sandbox.write("deep/meshcheck.yaml", HEAD);
        assert_eq!(check_in(&sandbox, "deep", &["a.yaml"]).stderr, "");
    }
}

#[test]
fn files_are_seen_from_the_policys_folder() {
    let ignores = policy(
        "ignores:\n- {rule: keepalive-age-too-long, reason: a test, file: 'clusters/dev/'}\n",
    );
    let sandbox = Sandbox::with(&[
        ("meshcheck.yaml", &ignores),
        ("clusters/dev/istiod.yaml", ISTIOD),
        ("clusters/prod/istiod.yaml", ISTIOD),
    ]);
    let code = |folder: &str, path: &str| check_in(&sandbox, folder, &[path]).code;
    assert_eq!(code(".", "clusters/dev"), 0);
    assert_eq!(code(".", "clusters/prod"), 1);
    assert_eq!(code("clusters/dev", "istiod.yaml"), 0);
    assert_eq!(code("clusters/prod", "../dev/istiod.yaml"), 0);
    assert_eq!(code("clusters/dev", "../prod/istiod.yaml"), 1);
    let whole = fs::canonicalize(sandbox.path("clusters/dev")).expect("a folder");
    assert_eq!(code("clusters/prod", whole.to_str().expect("text")), 0);
    // What is piped has no place.
    assert_eq!(sandbox.pipe(&["-"], ISTIOD.as_bytes()).code, 1);
    // With `--policy` paths begin where one stands.
    let elsewhere = ["istiod.yaml", "--policy", "../../meshcheck.yaml"];
    assert_eq!(check_in(&sandbox, "clusters/dev", &elsewhere).code, 1);
}

#[test]
fn schemas_are_printed_and_are_json() {
    let sandbox = Sandbox::with(&[("a.yaml", SERVICE)]);
    let by_name = outcome(&mut sandbox.command(["schema", "policy"]));
    assert_eq!(by_name.code, 0, "{by_name:?}");
    let schema: Value = serde_json::from_str(&by_name.stdout).expect("JSON");
    assert_eq!(schema["properties"]["kind"]["const"], "Policy");
    let releases = outcome(&mut sandbox.command(["schema", "releases"]));
    let releases: Value = serde_json::from_str(&releases.stdout).expect("JSON");
    assert!(releases["properties"]["releases"].is_object(), "{releases}");
    let bare = outcome(&mut sandbox.command(["schema"]));
    assert_eq!(bare.stdout, by_name.stdout);
    assert_eq!(
        outcome(&mut sandbox.command(["schema", "everything"])).code,
        2
    );
}

/// What is not enforced in a cluster is unsafe there all the same, and whoever asks is told.
#[test]
fn what_the_webhook_does_changes_no_answer() {
    let webhook = "webhook:\n  mode: off\n  modes: [{mode: warn, rule: keepalive-age-too-long}]\n";
    let sandbox = Sandbox::with(&[
        ("istiod.yaml", ISTIOD),
        ("none.yaml", HEAD),
        ("meshcheck.yaml", &policy(webhook)),
    ]);
    let found = check_in(&sandbox, ".", &["istiod.yaml"]);
    let without = check_in(&sandbox, ".", &["istiod.yaml", "--policy", "none.yaml"]);
    assert_eq!(found.code, 1, "{found:?}");
    assert_eq!(found.stdout, without.stdout);
}
