//! Flow style, and JSON.

use serde_json::json;

use crate::{add, check, remove, replace};

const JSON: &str = r#"
{
    "metadata": {
        "annotations": {},
        "name": "x"
    },
    "args": [
        "a",
        "30m"
    ]
}
"#;

#[test]
fn json_stays_json() {
    check(
        JSON,
        &[
            add("/metadata/annotations/on", "1\n2\n"),
            add("/metadata/labels", json!({"a": ["b", {}], "c": null})),
            replace("/args/1", "10m"),
            add("/args/0", "on"),
        ],
        r#"
{
    "metadata": {
        "annotations": {
            "on": "1\n2\n"
        },
        "name": "x",
        "labels": {
            "a": [
                "b",
                {}
            ],
            "c": null
        }
    },
    "args": [
        "on",
        "a",
        "10m"
    ]
}
"#,
    );
}

#[test]
fn json_removals() {
    check(
        JSON,
        &[
            remove("/metadata/annotations"),
            remove("/args/0"),
            remove("/args/0"),
        ],
        "{\n    \"metadata\": {\n        \"name\": \"x\"\n    },\n    \"args\": []\n}\n",
    );
    check(
        JSON,
        &[remove("/args"), remove("/metadata/name")],
        "{\n    \"metadata\": {\n        \"annotations\": {}\n    }\n}\n",
    );
}

#[test]
fn json_move() {
    check(
        JSON,
        &[json!({"op": "move", "from": "/args/1", "path": "/args/0"})],
        &JSON.replace("\"a\",\n        \"30m\"", "\"30m\",\n        \"a\""),
    );
}

#[test]
fn json_with_tabs() {
    check(
        "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n",
        &[add("/a/c", json!({"d": [1]}))],
        "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"c\": {\n\t\t\t\"d\": [\n\t\t\t\t1\n\t\t\t]\n\t\t}\n\t}\n}\n",
    );
}

#[test]
fn json_on_one_line() {
    check(
        r#"{"a":{"b":["x"]},"c":1}"#,
        &[add("/a/b/-", "y"), add("/d", "on"), remove("/c")],
        r#"{"a":{"b":["x", "y"]},"d":"on"}"#,
    );
}

#[test]
fn flow_in_block() {
    check(
        "args: [\"discovery\", \"--x=30m\"] # these\nlabels: { app: x, v: \"1\" }\n",
        &[
            replace("/args/1", "--x=10m"),
            add("/args/-", "--y"),
            add("/labels/a,b", "c]"),
            add("/labels/d", "e f"),
            remove("/labels/app"),
        ],
        "args: [\"discovery\", \"--x=10m\", \"--y\"] # these\n\
         labels: { v: \"1\", \"a,b\": \"c]\", d: e f }\n",
    );
}

#[test]
fn flow_over_lines_with_comments() {
    check(
        "a: [\n  x, # one\n  y, # two\n  z  # three\n]\n",
        &[add("/a/-", "new"), replace("/a/0", "on")],
        "a: [\n  \"on\", # one\n  y, # two\n  z,  # three\n  new\n]\n",
    );
    check(
        "a: [\n  x, # one\n  y, # two\n  z  # three\n]\n",
        &[remove("/a/1")],
        "a: [\n  x, # one\n   # two\n  z  # three\n]\n",
    );
}

#[test]
fn trailing_comma() {
    check(
        "a: [\n  x,\n  y,\n]\nb: {c: 1,}\n",
        &[add("/a/-", "z"), remove("/b/c")],
        "a: [\n  x,\n  y,\n  z,\n]\nb: {}\n",
    );
}

#[test]
fn nothing_left_and_nothing_there() {
    check(
        "a: {b: [1], c: {}}\n",
        &[remove("/a/b/0"), add("/a/c/d", json!([{"e": "f"}]))],
        "a: {b: [], c: {d: [{e: f}]}}\n",
    );
    check("a: []\n", &[add("/a/-", 1)], "a:\n  - 1\n");
}

#[test]
fn flow_becomes_block_text() {
    check(
        "a: {b: 1}  # x\n",
        &[replace("/a", "one\ntwo\n")],
        "a: |  # x\n  one\n  two\n",
    );
}
