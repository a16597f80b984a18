//! What is left alone, and what is said about it.

use serde_json::Value;

use crate::{add, edit, remove, replace};

const SHARED: &str = "\
defaults:
  probe: &common
    path: /ready
    port: 8080
one:
  probe: *common
two:
  probe:
    <<: *common
    port: 9090
three:
  <<: [*common]
";

#[track_caller]
fn refused(text: &str, operations: &[Value], reason: &str) {
    let edited = edit(text, 0, operations);
    assert_eq!(edited.text, text);
    let reasons: Vec<String> = edited
        .refused
        .iter()
        .map(|refusal| refusal.reason.to_string())
        .collect();
    assert_eq!(reasons, [reason]);
}

#[test]
fn values_behind_anchors() {
    let reason = "the value comes from the anchor `&common` on line 2, which is used in 3 places";
    // Where it is written, through an alias, through a merge.
    refused(SHARED, &[replace("/defaults/probe/path", "/x")], reason);
    refused(SHARED, &[add("/defaults/probe/new", 1)], reason);
    refused(SHARED, &[replace("/defaults/probe", "x")], reason);
    refused(SHARED, &[replace("/one/probe/path", "/x")], reason);
    refused(SHARED, &[add("/one/probe/new", 1)], reason);
    refused(SHARED, &[remove("/two/probe/path")], reason);
    refused(SHARED, &[replace("/two/probe/path", "/x")], reason);
    refused(SHARED, &[replace("/three/path", "/x")], reason);
}

#[test]
fn anchor_that_is_used_once() {
    refused(
        "a: &x 30m\nb: *x\n",
        &[replace("/b", "10m")],
        "the value comes from the anchor `&x` on line 1, which is used in 1 place",
    );
}

#[test]
fn around_anchors_edits_go_on() {
    let edited = edit(
        SHARED,
        0,
        &[
            replace("/two/probe/port", 1),
            add("/one/new", 1),
            remove("/three"),
            add("/defaults/new", 1),
        ],
    );
    assert!(edited.refused.is_empty(), "{:?}", edited.refused);
    let start = SHARED.replace("port: 9090", "port: 1");
    let start = start.replace(
        "one:\n  probe: *common\n",
        "one:\n  probe: *common\n  new: 1\n",
    );
    let start = start.replace("port: 8080\n", "port: 8080\n  new: 1\n");
    assert_eq!(edited.text, start.replace("three:\n  <<: [*common]\n", ""));
}

#[test]
fn alias_can_be_taken_out() {
    let edited = edit(SHARED, 0, &[remove("/one/probe")]);
    assert!(edited.refused.is_empty(), "{:?}", edited.refused);
    assert_eq!(
        edited.text,
        SHARED.replace("one:\n  probe: *common\n", "one: {}\n"),
    );
}

#[test]
fn patch_for_another_document() {
    refused(
        SHARED,
        &[replace("/nowhere", 1)],
        "the patch does not fit the document",
    );
}

#[test]
fn layout_that_is_not_covered() {
    refused(
        "a: 1\nb: {\n  c,\n  d: 1\n}\n",
        &[add("/b/e", 1)],
        "the layout around line 3 is one that edits do not cover",
    );
    refused(
        // Cut off by the end of the file, the block holds another text than above a new member.
        "a:\n  b: |\n    x",
        &[add("/d", 1)],
        "the edited text would not read back as the patched document",
    );
}
