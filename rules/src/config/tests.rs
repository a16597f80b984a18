use jiff::civil::date;

use super::*;

const HEAD: &str = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";

fn read(text: &str) -> Policy {
    let text = format!("{HEAD}{text}");
    Policy::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// `line:column: message` of everything that is wrong, the two lines of the head counted.
fn wrong(text: &str) -> Vec<String> {
    problems(&format!("{HEAD}{text}"))
}

fn problems(text: &str) -> Vec<String> {
    let problems = Policy::parse(text.as_bytes()).expect_err("a policy that is wrong");
    let shown = problems.iter().map(|problem| match problem.at {
        Some(at) => format!("{}:{}: {}", at.line, at.column, problem.message),
        None => problem.message.clone(),
    });
    shown.collect()
}

#[test]
fn a_policy_that_says_nothing_is_the_default() {
    let policy = read("rules:\nkeepalive:\nversion: {}\nvendors:\nforbid_ignore:\nignores: []\n");
    assert_eq!(format!("{policy:?}"), format!("{:?}", Policy::default()));
}

#[test]
fn everything_is_read() {
    let policy = read(
        "\
rules:
  version-prerelease: off
  'version-unknown': 'off'
  keepalive-age-too-short: error
keepalive: {max: 15m, min: 1m30s, target: 12m}
version: {warn_days: 60, cvss_error: 7}
vendors:
  solo: {until: {'1.27': 2027-01-31, 1.26: '2026-10-31'}}
  aks: ignore
forbid_ignore: [version-unsupported]
ignores:
- rule: [keepalive-age-too-long, keepalive-age-unbounded]
  reason: 'load balancer test '
  until: 2027-01-31
  file: clusters/dev
  kind: Deployment
- {rule: version-unknown, reason: built at home, namespace: [a, b-*], name: istiod*, labels: {app: istiod}}
",
    );
    assert_eq!(policy.levels["version-prerelease"], Level::Off);
    assert_eq!(policy.levels["version-unknown"], Level::Off);
    assert_eq!(
        policy.levels["keepalive-age-too-short"],
        Level::At(Severity::Error)
    );
    assert_eq!(policy.keepalive.max, GoDuration::from_minutes(15));
    assert_eq!(policy.keepalive.min, GoDuration::from_seconds(90));
    assert_eq!(policy.keepalive.target, GoDuration::from_minutes(12));
    assert_eq!(policy.version.warn_days, 60);
    assert_eq!(policy.version.cvss_error.to_string(), "7");
    let until = [
        (Minor::one(27), date(2027, 1, 31)),
        (Minor::one(26), date(2026, 10, 31)),
    ];
    assert_eq!(
        policy.support_of(Vendor::Solo),
        &VendorSupport::Until(until.into())
    );
    assert_eq!(policy.support_of(Vendor::Aks), &VendorSupport::Ignore);
    assert_eq!(policy.support_of(Vendor::Asm), &VendorSupport::Info);
    assert!(policy.forbid_ignore.contains("version-unsupported"));
    let [first, second] = &policy.ignores[..] else {
        panic!("{:?}", policy.ignores);
    };
    assert_eq!(
        first.rules,
        ["keepalive-age-too-long", "keepalive-age-unbounded"]
    );
    assert_eq!(first.reason, "load balancer test");
    assert!(!first.is_over(date(2027, 1, 31)));
    assert!(first.is_over(date(2027, 2, 1)));
    assert!(!second.is_over(date(9999, 12, 31)));
}

#[test]
fn the_default_target_stays_within_the_others() {
    assert_eq!(
        read("keepalive: {max: 5m}").keepalive.target,
        GoDuration::from_minutes(5)
    );
    assert_eq!(
        read("keepalive: {min: 15m, max: 20m}").keepalive.target,
        GoDuration::from_minutes(15)
    );
}

/// Policies behind the head, and what is told of each.
const WRONG: &[(&str, &[&str])] = &[
    (
        "kepalive: {}\n",
        &["3:1: the policy has no key `kepalive`, did you mean `keepalive`?"],
    ),
    (
        "keepalive:\n  maxx: 10m\n",
        &["4:3: `keepalive` has no key `maxx`, did you mean `max`?"],
    ),
    (
        "version:\n  soon: 10\n",
        &[
            "4:3: `version` has no key `soon`: it has `warn_days`, `cvss_error`, `table_max_age_days`",
        ],
    ),
    (
        "rules:\n  keepalive-age-to-long: off\n",
        &["4:3: there is no rule `keepalive-age-to-long`, did you mean `keepalive-age-too-long`?"],
    ),
    (
        "rules:\n  everything: off\n",
        &["4:3: there is no rule `everything`: `kubectl meshcheck rules` lists them"],
    ),
    (
        "rules:\n  version-unknown: warn\n",
        &["4:3: `rules.version-unknown` is `warn`: expected `off`, `info`, `warning`, `error`"],
    ),
    (
        "rules:\n  version-unknown: on\n",
        &["4:3: `rules.version-unknown` is `true`: expected `off`, `info`, `warning`, `error`"],
    ),
    (
        "rules: [version-unknown]\n",
        &[
            "3:1: `rules` is a list: expected a mapping of rules to `off`, `info`, `warning`, `error`",
        ],
    ),
    (
        "keepalive: {max: 600}\n",
        &["3:13: `keepalive.max` is `600`: a duration needs its unit, such as 10m"],
    ),
    (
        "keepalive: {max: -5m}\n",
        &["3:13: `keepalive.max` is `-5m`: expected a duration above zero"],
    ),
    (
        "keepalive: {max: 1d}\n",
        &["3:13: `keepalive.max` is `1d`: expected a duration such as 10m"],
    ),
    (
        "keepalive: {max: 24h}\n",
        &[
            "3:13: `keepalive.max` is 24h: from 24h on an age is `keepalive-age-unbounded` in any case",
        ],
    ),
    (
        "keepalive: {min: 20m}\n",
        &["3:13: `keepalive.min` is 20m, above `keepalive.max`, which is 10m, the default"],
    ),
    (
        "keepalive: {max: 1m}\n",
        &["3:13: `keepalive.min` is 2m, the default, above `keepalive.max`, which is 1m"],
    ),
    (
        "keepalive: {target: 15m}\n",
        &["3:13: `keepalive.target` is 15m, above `keepalive.max`, which is 10m, the default"],
    ),
    (
        "keepalive: {min: 5m, target: 3m}\n",
        &["3:22: `keepalive.target` is 3m, below `keepalive.min`, which is 5m"],
    ),
    (
        "version: {warn_days: 1.5, cvss_error: 11}\n",
        &[
            "3:11: `version.warn_days` is `1.5`: expected a whole number from 0 to 3650",
            "3:27: `version.cvss_error` is `11`: expected a number from 0 to 10",
        ],
    ),
    (
        "version: {warn_days: '45'}\n",
        &["3:11: `version.warn_days` is `45`: expected a whole number from 0 to 3650"],
    ),
    (
        "vendors: {google: upstream}\n",
        &[
            "3:11: `vendors` has no key `google`: it has `asm`, `solo`, `tetrate`, `aks`, `openshift`",
        ],
    ),
    (
        "vendors: {solo: upstreem}\n",
        &["3:11: `vendors.solo` is `upstreem`, did you mean `upstream`?"],
    ),
    (
        "vendors:\n  solo:\n    until:\n      1.30: 2027-01-31\n",
        &["6:7: `1.30` is the number 1.3 in YAML: write \"1.30\" in quotes"],
    ),
    (
        "vendors:\n  solo:\n    until:\n      '1.27.1': 2027-02-30\n",
        &[
            "6:7: `1.27.1` is no minor version such as \"1.27\"",
            "6:7: `vendors.solo.until.1.27.1` is `2027-02-30`: expected a date such as 2027-01-31",
        ],
    ),
    (
        "vendors: {solo: {}}\n",
        &[
            "3:11: `vendors.solo` has no `until`: expected a mapping of versions to a date such as 2027-01-31",
        ],
    ),
    (
        "forbid_ignore: version-unknown\n",
        &[
            "3:1: `forbid_ignore` is `version-unknown`: expected a list, each item the name of a rule",
        ],
    ),
    (
        "ignores:\n- reason: x\n- rule: []\n  reason: ' '\n",
        &[
            "4:3: `ignores[0]` has no `rule`: expected the name of a rule, or a list",
            "5:3: `ignores[1].rule` is a list: expected the name of a rule, or a list",
            "6:3: `ignores[1].reason` is ` `: expected text",
        ],
    ),
    (
        "ignores:\n- {rule: version-unknown, reason: x, until: tomorrow}\n",
        &["4:38: `ignores[0].until` is `tomorrow`: expected a date such as 2027-01-31"],
    ),
    (
        "ignores:\n- {rule: version-unknown, reason: x, kind: deployment, name: 'a[', file: 7}\n",
        &[
            "4:38: `ignores[0].kind` is `deployment`, did you mean `Deployment`?",
            "4:56: `ignores[0].name` is `a[`: no pattern: unclosed character class; missing ']'",
            "4:68: `ignores[0].file` is `7`: expected a pattern, in quotes",
        ],
    ),
    (
        "ignores:\n- {rule: version-unknown, reason: x, labels: {a: true}}\n",
        &["4:47: `ignores[0].labels.a` is `true`: expected text, in quotes"],
    ),
    (
        "version: {}\nversion: {warn_days: 3}\n",
        &["4:1: the key `version` is there twice"],
    ),
    ("---\na: b\n", &["4:1: a second document: a policy is one"]),
];

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, expected) in WRONG {
        assert_eq!(wrong(text), *expected, "{text}");
    }
}

#[test]
fn all_is_told_at_once_in_the_order_of_the_text() {
    let all = wrong("version: 7\nkeepalive: {target: 30m, mxa: 1}\nrules: {nothing: off}\n");
    let places: Vec<&str> = all.iter().map(|text| &text[..3]).collect();
    assert_eq!(places, ["3:1", "4:1", "4:2", "5:9"], "{all:#?}");
}

#[test]
fn what_is_no_policy_of_this_version_is_told_once() {
    for (text, expected) in [
        (
            "",
            "1:1: nothing is in it: a policy begins with `apiVersion: meshcheck.dev/v1alpha1` and `kind: Policy`",
        ),
        (
            "# nothing\n---\n",
            "1:1: nothing is in it: a policy begins with `apiVersion: meshcheck.dev/v1alpha1` and `kind: Policy`",
        ),
        (
            "apiVersion: meshcheck.dev/v2\nkind: Policy\nlevels: {}\n",
            "1:1: the policy is of version `meshcheck.dev/v2`: this meshcheck reads `meshcheck.dev/v1alpha1` only",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\ndata: {meshcheck.yaml: ''}\n",
            "1:1: this is a ConfigMap: a policy is what stands in it, under the key `meshcheck.yaml`",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text}");
    }
    assert_eq!(
        problems("rules: {}\n"),
        [
            "1:1: the policy has no `apiVersion`: expected `meshcheck.dev/v1alpha1`",
            "1:1: the policy has no `kind`: expected `Policy`"
        ]
    );
    assert_eq!(
        problems("- a\n"),
        [
            "1:1: the policy is a list: expected a mapping with `apiVersion`, `kind`, `rules`, `keepalive`, `version`, `vendors`, `forbid_ignore`, `ignores`, `webhook`"
        ]
    );
    assert!(problems("rules: [\n")[0].starts_with("1:"), "a place");
    assert_eq!(problems("a: \u{7}\n").len(), 1);
}

#[test]
fn a_key_that_is_there_twice_is_found_at_every_depth() {
    let wrong = wrong("ignores:\n- {rule: version-unknown, reason: a, reason: b}\n");
    assert_eq!(wrong, ["4:38: the key `reason` is there twice"]);
}
