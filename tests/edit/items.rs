//! Items of lists in block style.

use serde_json::json;

use crate::{add, check, remove, replace};

#[test]
fn appended_arguments() {
    check(
        r"
containers:
- name: a
  args:
  - discovery # first
  image: x
",
        &[
            add("/containers/0/args/-", "--keepaliveMaxServerConnectionAge"),
            add("/containers/0/args/-", "10m"),
        ],
        r"
containers:
- name: a
  args:
  - discovery # first
  - --keepaliveMaxServerConnectionAge
  - 10m
  image: x
",
    );
}

#[test]
fn comment_between_list_and_next_key() {
    let before = "a:\n- x\n# about b\nb: 1\n";
    check(
        before,
        &[add("/a/-", "z")],
        "a:\n- x\n- z\n# about b\nb: 1\n",
    );
    let before = "a:\n  - x\n  # - old\n# about b\nb: 1\n";
    let after = "a:\n  - x\n  # - old\n  - z\n# about b\nb: 1\n";
    check(before, &[add("/a/-", "z")], after);
}

#[test]
fn quotes_of_the_other_items() {
    check(
        "a:\n- \"x\"\n- \"y\"\nb:\n- 'x'\nc:\n- \"x\"\n- y\n",
        &[add("/a/-", "z"), add("/b/-", "z"), add("/c/-", "z")],
        "a:\n- \"x\"\n- \"y\"\n- \"z\"\nb:\n- 'x'\n- 'z'\nc:\n- \"x\"\n- y\n- z\n",
    );
}

#[test]
fn inserted_in_front_and_between() {
    check(
        "args:\n  # the command\n  - proxy\n\n  # its role\n  - sidecar\n",
        &[add("/args/0", "first"), add("/args/2", "between")],
        "args:\n  - first\n  # the command\n  - proxy\n  - between\n\n  # its role\n  - sidecar\n",
    );
}

#[test]
fn wide_dashes() {
    check(
        "a:\n-   k: 1\n    l: 2\n",
        &[add("/a/-", json!({"k": 3, "l": [4]})), add("/a/0/m", 5)],
        "a:\n-   k: 1\n    l: 2\n    m: 5\n-   k: 3\n    l:\n    - 4\n",
    );
}

#[test]
fn removed_items() {
    check(
        "args:\n- a # one\n# about b\n- b\n- c # three\n",
        &[remove("/args/0"), remove("/args/0")],
        "args:\n# about b\n- c # three\n",
    );
    check(
        "args: # these\n- a # one\nimage: x\n",
        &[remove("/args/0")],
        "args: [] # these\nimage: x\n",
    );
}

#[test]
fn replaced_by_remove_and_add_keeps_the_comment_above() {
    check(
        "args:\n- a\n# why b\n- b\n- c\n",
        &[remove("/args/1"), add("/args/1", "x")],
        "args:\n- a\n# why b\n- x\n- c\n",
    );
}

#[test]
fn moved_container_takes_its_comments_along() {
    let before = r"
containers:
# the application
- name: app
  image: app:1 # pinned
  ports:
  - containerPort: 80 # http

# the proxy
- name: istio-proxy # second
  image: auto
  # nothing else
volumes: []
";
    let after = r"
containers:
# the proxy
- name: istio-proxy # second
  image: auto
  # nothing else
# the application
- name: app
  image: app:1 # pinned
  ports:
  - containerPort: 80 # http
volumes: []
";
    let proxy = json!({"name": "istio-proxy", "image": "auto"});
    check(
        before,
        &[remove("/containers/1"), add("/containers/0", proxy)],
        after,
    );
    let operation = json!({"op": "move", "from": "/containers/1", "path": "/containers/0"});
    check(before, &[operation], after);
}

#[test]
fn moved_and_changed() {
    check(
        "c:\n- name: a # a\n- name: b # b\n  image: x # i\n",
        &[
            json!({"op": "move", "from": "/c/1", "path": "/c/0"}),
            replace("/c/0/image", "yy"),
            add("/c/0/args", json!(["1"])),
            add("/c/1/image", "z"),
        ],
        "c:\n- name: b # b\n  image: yy # i\n  args:\n  - \"1\"\n- name: a # a\n  image: z\n",
    );
}

#[test]
fn item_becomes_something_else() {
    check(
        "a:\n- 5 # x\n- k: 1\n  l: 2\n- - 7\n  - 8\n",
        &[
            replace("/a/0", json!({"m": {"k": 1}, "o": 2})),
            replace("/a/1", "text"),
            remove("/a/2/0"),
        ],
        "a:\n- m: # x\n    k: 1\n  o: 2\n- text\n- - 8\n",
    );
}

#[test]
fn replaced_list_keeps_what_is_equal() {
    check(
        "args:\n- a # one\n- b # two\n- c # three\n",
        &[replace("/args", json!(["a", "x", "z", "c"]))],
        "args:\n- a # one\n- x # two\n- z\n- c # three\n",
    );
}

#[test]
fn list_for_a_container_without_one() {
    check(
        "containers:\n  - name: a\n    image: x\n  - name: b\n",
        &[add("/containers/0/args", json!(["discovery", "0644"]))],
        "containers:\n  - name: a\n    image: x\n    args:\n      - discovery\n      - \"0644\"\n  - name: b\n",
    );
}
