//! One scalar in the place of another.

use crate::{check, replace};

#[test]
fn argument_behind_its_flag() {
    check(
        r"
spec:
  containers:
  - name: discovery # the control plane
    args:
    - discovery
    # Kept short on purpose
    - --keepaliveMaxServerConnectionAge
    - 30m  # was infinite
    - --log_output_level=default:info
",
        &[replace("/spec/containers/0/args/2", "10m")],
        r"
spec:
  containers:
  - name: discovery # the control plane
    args:
    - discovery
    # Kept short on purpose
    - --keepaliveMaxServerConnectionAge
    - 10m  # was infinite
    - --log_output_level=default:info
",
    );
}

#[test]
fn argument_in_quotes_keeps_them() {
    check(
        "args:\n- \"--keepaliveMaxServerConnectionAge=30m\"\n- '--x=30m'\n",
        &[
            replace("/args/0", "--keepaliveMaxServerConnectionAge=10m"),
            replace("/args/1", "--x=it's 10m"),
        ],
        "args:\n- \"--keepaliveMaxServerConnectionAge=10m\"\n- '--x=it''s 10m'\n",
    );
}

#[test]
fn aligned_comments_stay_aligned() {
    check(
        r"
timeout: 30m      # how long
retries: 3        # how often
path: /healthz    # where
",
        &[
            replace("/timeout", "1h30m"),
            replace("/path", "/healthz/ready/and/more"),
        ],
        r"
timeout: 1h30m    # how long
retries: 3        # how often
path: /healthz/ready/and/more # where
",
    );
}

#[test]
fn comment_with_one_blank_is_aligned_only_with_a_neighbour() {
    check("a: 30m # x\n", &[replace("/a", "5m")], "a: 5m # x\n");
    check(
        "a: 30m # x\nb: 4   # z\n",
        &[replace("/a", "5m")],
        "a: 5m  # x\nb: 4   # z\n",
    );
}

#[test]
fn strings_that_mean_something_else_are_quoted() {
    for text in [
        "on",
        "off",
        "yes",
        "n",
        "true",
        "null",
        "~",
        "1",
        "0644",
        "1e3",
        "1_000",
        "0x1F",
        "1:30",
        ".5",
        "-1",
        "2020-01-01",
        "",
        " a",
        "a ",
        "# x",
        "a # b",
        "a: b",
        "a:",
        "- a",
        "-",
        "? a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
        "|",
        ">",
        "=",
        "<<",
        "---",
        "...",
        ".inf",
    ] {
        let after = format!("a: \"{text}\"\n");
        check("a: old\n", &[replace("/a", text)], &after);
    }
    check("a: old\n", &[replace("/a", "\"q\"")], "a: '\"q\"'\n");
}

#[test]
fn strings_that_mean_themselves_are_not() {
    for text in [
        "10m",
        "1h30m",
        "30s",
        "a b",
        "--x=30m",
        "/ready",
        "1.31.1",
        "10.0.0.1",
        "a:b",
        "a#b",
        "it's",
        "docker.io/istio/pilot:1.31.1",
        "e3",
        "ünïcode",
        "500Mi",
        "100m",
        "nope",
        "-x",
    ] {
        let after = format!("a: {text}\n");
        check("a: old\n", &[replace("/a", text)], &after);
    }
}

#[test]
fn strings_with_odd_characters_are_escaped() {
    check(
        "a: old\n",
        &[replace(
            "/a",
            "bell\u{7} tab\t return\r sep\u{2028} \u{1F600}",
        )],
        "a: \"bell\\u0007 tab\\t return\\r sep\\u2028 \u{1F600}\"\n",
    );
}

#[test]
fn other_types() {
    check("a: \"1\" # x\n", &[replace("/a", 2)], "a: 2 # x\n");
    check("a: yes\n", &[replace("/a", false)], "a: false\n");
    check("a: # x\nb: 1\n", &[replace("/a", "v")], "a: v # x\nb: 1\n");
    check("a:\nb: 1\n", &[replace("/a", 5)], "a: 5\nb: 1\n");
    check("- 1\n-\n", &[replace("/1", 5)], "- 1\n- 5\n");
    check(
        "a: x\n",
        &[replace("/a", serde_json::Value::Null)],
        "a: null\n",
    );
}

#[test]
fn scalar_over_several_lines() {
    check(
        r#"
a: some words
  that go on
b: "more words
  that go on" # x
"#,
        &[replace("/a", "one"), replace("/b", "two")],
        "a: one\nb: \"two\" # x\n",
    );
}

#[test]
fn scalar_on_the_line_below_its_key() {
    check(
        "args:\n  -\n    30m\nkey:\n  # why\n  value\n",
        &[replace("/args/0", "10m"), replace("/key", "other")],
        "args:\n  -\n    10m\nkey:\n  # why\n  other\n",
    );
}

#[test]
fn tag_goes_with_its_value() {
    check("a: !!str 5 # x\n", &[replace("/a", 6)], "a: 6 # x\n");
}

#[test]
fn unused_anchor_stays() {
    check("a: &x 5 # x\n", &[replace("/a", 6)], "a: &x 6 # x\n");
}

#[test]
fn integer_keys() {
    check(
        "portLevelMtls:\n  8080:\n    mode: DISABLE # why\n",
        &[replace("/portLevelMtls/8080/mode", "STRICT")],
        "portLevelMtls:\n  8080:\n    mode: STRICT # why\n",
    );
}
