//! Strings that hold documents: ConfigMap data and annotations.

use crate::{add, check, remove, replace};

#[test]
fn only_the_changed_line_of_a_literal_block() {
    check(
        r"
data:
  mesh: |-  # the mesh
    # comment of the inner document
    defaultConfig:

      holdApplicationUntilProxyStarts: false
      discoveryAddress: istiod:15012

  other: x
",
        &[replace(
            "/data/mesh",
            "# comment of the inner document\ndefaultConfig:\n\n  holdApplicationUntilProxyStarts: \
             true\n  discoveryAddress: istiod:15012",
        )],
        r"
data:
  mesh: |-  # the mesh
    # comment of the inner document
    defaultConfig:

      holdApplicationUntilProxyStarts: true
      discoveryAddress: istiod:15012

  other: x
",
    );
}

#[test]
fn lines_added_and_removed() {
    let before = "a:\n  b: |\n    one: 1\n    two: 2\n  c: 1\n";
    check(
        before,
        &[replace("/a/b", "one: 1\ntwo: 2\nthree: 3\n")],
        "a:\n  b: |\n    one: 1\n    two: 2\n    three: 3\n  c: 1\n",
    );
    check(
        before,
        &[replace("/a/b", "zero: 0\none: 1\ntwo: 2\n")],
        "a:\n  b: |\n    zero: 0\n    one: 1\n    two: 2\n  c: 1\n",
    );
    check(
        before,
        &[replace("/a/b", "two: 2\n")],
        "a:\n  b: |\n    two: 2\n  c: 1\n",
    );
    check(
        before,
        &[replace("/a/b", "one: 1\n")],
        "a:\n  b: |\n    one: 1\n  c: 1\n",
    );
}

#[test]
fn final_line_break_comes_and_goes() {
    check(
        "a: |\n  x\nb: 1\n",
        &[replace("/a", "x\ny")],
        "a: |-\n  x\n  y\nb: 1\n",
    );
    check(
        "a: |2-\n    x\nb: 1\n",
        &[replace("/a", "  x\n y\n")],
        "a: |2\n    x\n   y\nb: 1\n",
    );
    check(
        "a: |+\n  x\n\nb: 1\n",
        &[replace("/a", "z\n\n")],
        "a: |+\n  z\n\nb: 1\n",
    );
}

#[test]
fn blanks_in_front_need_a_digit() {
    check(
        "a:\n  b: |\n    x\n",
        &[replace("/a/b", " x\ny\n")],
        "a:\n  b: |2\n     x\n    y\n",
    );
}

#[test]
fn folded_blocks_become_literal() {
    check(
        "a: >-  # x\n   one\n   two\nb: 1\n",
        &[replace("/a", "three: 3\nfour: 4\n")],
        "a: |  # x\n   three: 3\n   four: 4\nb: 1\n",
    );
}

#[test]
fn text_that_no_block_can_hold() {
    check(
        "a: |  # x\n  one\nb: 1\n",
        &[replace("/a", "bell\u{7}\n")],
        "a: \"bell\\u0007\\n\"  # x\nb: 1\n",
    );
}

#[test]
fn annotation_that_is_not_there_yet() {
    check(
        "metadata:\n  annotations:\n    # about a\n    a: b\n  name: x\n",
        &[add(
            "/metadata/annotations/proxy.istio.io~1config",
            "holdApplicationUntilProxyStarts: true\n",
        )],
        "metadata:\n  annotations:\n    # about a\n    a: b\n    proxy.istio.io/config: |\n      \
         holdApplicationUntilProxyStarts: true\n  name: x\n",
    );
}

#[test]
fn annotation_in_each_kind_of_quotes() {
    let path = "/proxy.istio.io~1config";
    let json = r#"{ "holdApplicationUntilProxyStarts": true }"#;
    check(
        "proxy.istio.io/config: '{ \"holdApplicationUntilProxyStarts\": false }' # x\n",
        &[replace(path, json)],
        "proxy.istio.io/config: '{ \"holdApplicationUntilProxyStarts\": true }' # x\n",
    );
    check(
        "proxy.istio.io/config: \"concurrency: 2\\n\" # x\n",
        &[replace(path, "concurrency: 2\nhold: true\n")],
        "proxy.istio.io/config: \"concurrency: 2\\nhold: true\\n\" # x\n",
    );
    check(
        "proxy.istio.io/config: 'concurrency: 2' # x\nb: 1\n",
        &[replace(path, "concurrency: 2\nhold: true\n")],
        "proxy.istio.io/config: | # x\n  concurrency: 2\n  hold: true\nb: 1\n",
    );
}

#[test]
fn argument_in_a_block() {
    check(
        "command:\n- sh\n- -c\n- |\n  echo a\n  echo b\n- last\n",
        &[
            replace("/command/2", "echo a\necho c\n"),
            remove("/command/3"),
        ],
        "command:\n- sh\n- -c\n- |\n  echo a\n  echo c\n",
    );
}

#[test]
fn block_at_the_end_of_a_file_without_line_break() {
    check(
        "a: |-\n  x\n  y",
        &[replace("/a", "x\nz")],
        "a: |-\n  x\n  z",
    );
    check("a: |\n  x\n  y", &[replace("/a", "x\nz")], "a: |\n  x\n  z");
    check(
        "a: |\n  x\n  y",
        &[replace("/a", "x\nz\n")],
        "a: |\n  x\n  z\n",
    );
    check("a: |\n  x", &[replace("/a", "y")], "a: |\n  y");
    check(
        "a: |\n  x",
        &[add("/b", 1), add("/c", 2)],
        "a: |-\n  x\nb: 1\nc: 2",
    );
}
