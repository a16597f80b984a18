//! Findings that somebody wants left out, and ignores that do nothing.

use serde_json::{Value, json};

use crate::support::{ISTIOD, Sandbox, good_istiod};

const POLICY: &str = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";

/// [`ISTIOD`] with this annotation.
fn annotated(ignore: &str) -> String {
    let labels = "  labels:\n    app: istiod\nspec:";
    let annotations = format!("  annotations:\n    meshcheck.dev/ignore: {ignore}\n{labels}");
    let text = ISTIOD.replace(labels, &annotations);
    assert_ne!(text, ISTIOD);
    text
}

/// `severity rule` of what was found, and of what was left out.
fn found(sandbox: &Sandbox, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let (_, report) = sandbox.json(arguments);
    let shown = |list: &str| {
        let found = report[list].as_array().expect("a list").iter();
        let text = |finding: &Value, key: &str| finding[key].as_str().expect("text").to_owned();
        found
            .map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "rule")))
            .collect()
    };
    (shown("findings"), shown("suppressed"))
}

#[test]
fn an_ignored_finding_fails_nothing_and_is_counted() {
    let text = annotated("'keepalive-age-too-long until 2027-01-31: load balancer test'");
    let sandbox = Sandbox::with(&[("a.yaml", &text)]);
    let plain = sandbox.check(&["a.yaml", "--fail-on=info"]);
    assert_eq!(plain.code, 0, "{plain:?}");
    assert_eq!(
        plain.stdout,
        "checked 1 object in 1 document, 1 file: no findings; 1 suppressed (--verbose shows them)\n"
    );
    let verbose = sandbox.check(&["a.yaml", "--verbose"]).stdout;
    let expected = r#"suppressed[keepalive-age-too-long]: `--keepaliveMaxServerConnectionAge` is 30m, above 10m: a proxy whose configuration stream broke keeps it for up to 33m10s, and its services fail until then
  --> a.yaml:26:15
   |
26 |             - "30m"  # the chart's default
   |               ^^^^^
   |
   = object: Deployment/istiod in namespace istio-system
note: suppressed: load balancer test (until 2027-01-31)
  --> a.yaml:8:5
   |
 8 |     meshcheck.dev/ignore: 'keepalive-age-too-long until 2027-01-31: load balancer test'
"#;
    assert!(verbose.starts_with(expected), "{verbose}");
    assert!(
        verbose.ends_with("no findings; 1 suppressed\n"),
        "{verbose}"
    );
}

#[test]
fn the_json_report_says_why() {
    let text = annotated("'keepalive-age-too-long until 2027-01-31: load balancer test'");
    let sandbox = Sandbox::with(&[("a.yaml", &text)]);
    let (code, report) = sandbox.json(&["a.yaml"]);
    assert_eq!(code, 0);
    assert_eq!(report["summary"]["suppressed"], 1);
    assert_eq!(report["summary"]["fixable"]["safe"], 0);
    let finding = &report["suppressed"][0];
    assert_eq!(finding["rule"], "keepalive-age-too-long");
    assert_eq!(
        finding["suppression"],
        json!({
            "reason": "load balancer test",
            "until": "2027-01-31",
            "by": "annotation",
            "file": "a.yaml",
            "document": 0,
            "line": 8,
            "column": 5,
            "endLine": 8,
            "endColumn": 88,
            "pointer": "/metadata/annotations/meshcheck.dev~1ignore",
        })
    );
}

#[test]
fn what_is_ignored_is_not_mended() {
    let text = annotated("'keepalive-age-too-long: load balancer test'");
    let sandbox = Sandbox::with(&[("a.yaml", &text)]);
    for mode in ["--fix", "--unsafe-fixes", "--diff"] {
        assert_eq!(sandbox.check(&["a.yaml", mode]).code, 0, "{mode}");
        assert_eq!(sandbox.read("a.yaml"), text, "{mode}");
    }
}

#[test]
fn several_entries_stand_on_lines_or_behind_semicolons() {
    let image = "docker.io/istio/pilot:1.20.1";
    for ignore in [
        "'keepalive-age-too-long: a; version-unsupported: b: c'",
        "|\n      keepalive-age-too-long: a\n\n      version-unsupported: b",
    ] {
        let text = annotated(ignore).replace("docker.io/istio/pilot:1.31.1", image);
        let sandbox = Sandbox::with(&[("a.yaml", &text)]);
        let (_, suppressed) = found(&sandbox, &["a.yaml"]);
        for rule in ["error keepalive-age-too-long", "error version-unsupported"] {
            assert!(suppressed.iter().any(|it| it == rule), "{suppressed:?}");
        }
    }
}

#[test]
fn the_pod_template_counts_too() {
    let labels = "    metadata:\n      labels:";
    let text = ISTIOD.replace(
        labels,
        "    metadata:\n      annotations:\n        meshcheck.dev/ignore: 'keepalive-age-too-long: a'\n      labels:",
    );
    assert_ne!(text, ISTIOD);
    let sandbox = Sandbox::with(&[("a.yaml", &text)]);
    assert_eq!(sandbox.check(&["a.yaml"]).code, 0);
}

#[test]
fn an_ignore_that_does_nothing_is_told_and_hides_nothing() {
    for (ignore, rule, message) in [
        (
            "keepalive-age-too-long",
            "ignore-without-reason",
            "write `keepalive-age-too-long: REASON`",
        ),
        (
            "keepalive-age-too-long load balancer",
            "ignore-without-reason",
            "gives no reason",
        ),
        (
            "'keepalive-age-too-long until 2027-01-31'",
            "ignore-without-reason",
            "gives no reason",
        ),
        (
            "'keepalive-age-too-long until 2026-11-21: a'",
            "ignore-expired",
            "ended on 2026-11-21, 1 day ago",
        ),
        (
            "'keepalive-age-too-long until 2027-02-30: a'",
            "ignore-unused",
            "`2027-02-30` is no date",
        ),
        (
            "'keepalive-age-too-long till 2027-01-31: a'",
            "ignore-unused",
            "there can be `until DATE` and nothing else",
        ),
        (
            "'keepalive-age-to-long: a'",
            "ignore-unused",
            "did you mean `keepalive-age-too-long`?",
        ),
        ("'*: a'", "ignore-unused", "there is no rule `*`"),
        ("''", "ignore-unused", "it names no rule"),
        ("true", "ignore-unused", "it names no rule"),
        (
            "'ignore-unused: a'",
            "ignore-unused",
            "`ignore-unused` cannot be ignored",
        ),
        (
            "'version-unknown: a'",
            "ignore-unused",
            "`version-unknown` finds nothing here",
        ),
    ] {
        let sandbox = Sandbox::with(&[("a.yaml", &annotated(ignore))]);
        let (code, report) = sandbox.json(&["a.yaml"]);
        assert_eq!(code, 1, "{ignore}: {report}");
        assert_eq!(report["suppressed"], json!([]), "{ignore}");
        let told = &report["findings"][0];
        assert_eq!(told["rule"], rule, "{ignore}");
        assert_eq!(told["severity"], "warning", "{ignore}");
        let text = told["message"].as_str().expect("text");
        assert!(text.contains(message), "{ignore}: {text}");
        assert_eq!(report["findings"][1]["rule"], "keepalive-age-too-long");
    }
}

#[test]
fn the_last_day_still_counts() {
    let sandbox = Sandbox::with(&[(
        "a.yaml",
        &annotated("'keepalive-age-too-long until 2026-11-22: a'"),
    )]);
    assert_eq!(sandbox.check(&["a.yaml"]).code, 0);
}

#[test]
fn the_policy_can_forbid_to_ignore_a_rule_and_still_ignore_it_itself() {
    let forbids = format!("{POLICY}forbid_ignore: [keepalive-age-too-long]\n");
    let text = annotated("'keepalive-age-too-long: a'");
    let sandbox = Sandbox::with(&[("a.yaml", &text), ("meshcheck.yaml", &forbids)]);
    let expected = ["warning ignore-unused", "error keepalive-age-too-long"].map(str::to_owned);
    assert_eq!(found(&sandbox, &["a.yaml"]), (expected.into(), vec![]));
    let itself = format!("{forbids}ignores: [{{rule: keepalive-age-too-long, reason: b}}]\n");
    sandbox.write("meshcheck.yaml", itself);
    let (_, suppressed) = found(&sandbox, &["a.yaml"]);
    assert_eq!(suppressed, ["error keepalive-age-too-long"]);
}

#[test]
fn the_levels_of_the_rules_about_ignores_can_be_set() {
    let text = annotated("'version-unknown: a'");
    let sandbox = Sandbox::with(&[("a.yaml", &text)]);
    for (level, expected) in [("off", 1), ("error", 2)] {
        let policy = format!("{POLICY}rules: {{ignore-unused: {level}}}\n");
        sandbox.write("meshcheck.yaml", policy);
        let (_, report) = sandbox.json(&["a.yaml"]);
        assert_eq!(report["summary"]["findings"]["error"], expected, "{level}");
        assert_eq!(report["summary"]["findings"]["warning"], 0, "{level}");
    }
    // Nobody knows whether an ignore of a rule that did not run is needed.
    let policy = format!("{POLICY}rules: {{version-unknown: off}}\n");
    sandbox.write("meshcheck.yaml", policy);
    assert_eq!(
        found(&sandbox, &["a.yaml"]).0,
        ["error keepalive-age-too-long"]
    );
}

#[test]
fn the_policy_ignores_what_its_selectors_fit() {
    let sandbox = Sandbox::with(&[("deploy/a.yaml", ISTIOD)]);
    for (selector, fits) in [
        ("", true),
        ("file: deploy", true),
        ("file: deploy/", true),
        ("file: '/deploy/*.yaml'", true),
        ("file: a.yaml", true),
        ("file: ['x/**', '**/a.yaml']", true),
        ("file: '*/b.yaml'", false),
        ("file: '/a.yaml'", false),
        ("namespace: istio-system", true),
        ("namespace: [default, istio-*]", true),
        ("namespace: istio", false),
        ("kind: Deployment", true),
        ("kind: [Pod, DaemonSet]", false),
        ("name: 'istio?'", true),
        ("name: '{istiod,pilot}'", true),
        ("name: istio", false),
        ("labels: {app: istiod}", true),
        ("labels: {app: istiod, tier: a}", false),
        ("kind: Deployment\n  namespace: other", false),
    ] {
        let policy = format!(
            "{POLICY}ignores:\n- rule: [version-unknown, keepalive-age-too-long]\n  reason: a test\n  {selector}\n"
        );
        sandbox.write("meshcheck.yaml", policy);
        let (findings, suppressed) = found(&sandbox, &["deploy"]);
        let expected = ["error keepalive-age-too-long"];
        if fits {
            assert_eq!(
                (findings.len(), &suppressed[..]),
                (0, &expected.map(str::to_owned)[..]),
                "{selector}"
            );
        } else {
            // What left nothing out is an info: there may be more than was read.
            assert_eq!(
                findings,
                ["error keepalive-age-too-long", "info ignore-unused"],
                "{selector}"
            );
            assert!(suppressed.is_empty(), "{selector}");
        }
    }
}

#[test]
fn entries_of_the_policy_that_do_nothing_are_told_at_their_place() {
    let policy = format!(
        "{POLICY}ignores:\n- rule: keepalive-age-too-long\n  reason: a\n  until: 2026-11-21\n- {{rule: version-unknown, reason: b}}\n"
    );
    let sandbox = Sandbox::with(&[("a.yaml", &good_istiod()), ("meshcheck.yaml", &policy)]);
    let told = sandbox.check(&["a.yaml", "--verbose", "--fail-on=warning"]);
    assert_eq!(told.code, 1, "{told:?}");
    let expected = "\
warning[ignore-expired]: this entry ended on 2026-11-21, 1 day ago, and ignores nothing any more
 --> meshcheck.yaml:6:3
  |
6 |   until: 2026-11-21
  |   ^^^^^^^^^^^^^^^^^
  |
  = object: Policy

info[ignore-unused]: this entry left nothing out: nothing that was read has such a finding
 --> meshcheck.yaml:7:4
";
    assert!(told.stdout.starts_with(expected), "{}", told.stdout);
    let off = policy.replace(
        "ignores:",
        "rules: {ignore-expired: off, version-unknown: off}\nignores:",
    );
    sandbox.write("meshcheck.yaml", off);
    assert_eq!(found(&sandbox, &["a.yaml"]), (vec![], vec![]));
}

#[test]
fn helm_values_are_ignored_by_the_policy() {
    let values = "pilot:\n  env: {PILOT_TRACE_SAMPLING: '1'}\n  autoscaleMin: 2\n  keepaliveMaxServerConnectionAge: 45m\nmeshConfig: {}\nglobal: {}\n";
    let policy = format!(
        "{POLICY}ignores:\n- {{rule: keepalive-age-too-long, reason: a test, kind: Helm values, file: values.yaml}}\n"
    );
    let sandbox = Sandbox::with(&[("values.yaml", values)]);
    assert_eq!(
        found(&sandbox, &["values.yaml"]).0,
        ["error keepalive-age-too-long"]
    );
    sandbox.write("meshcheck.yaml", policy);
    assert_eq!(
        found(&sandbox, &["values.yaml"]).1,
        ["error keepalive-age-too-long"]
    );
}
