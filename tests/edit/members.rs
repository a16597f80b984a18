//! Members of mappings in block style.

use serde_json::{Value, json};

use crate::{add, check, remove, replace};

fn probe() -> Value {
    json!({
        "httpGet": {"path": "/ready", "port": 8080},
        "initialDelaySeconds": 1,
        "periodSeconds": 3,
    })
}

#[test]
fn probe_for_a_container() {
    check(
        r"
spec:
  containers:
  - name: discovery
    args:
    - discovery
    # - --log=debug
  # the next one
  - name: other
    image: x   # pinned

  volumes: []
",
        &[
            add("/spec/containers/0/readinessProbe", probe()),
            add("/spec/containers/1/readinessProbe", probe()),
        ],
        r"
spec:
  containers:
  - name: discovery
    args:
    - discovery
    # - --log=debug
    readinessProbe:
      httpGet:
        path: /ready
        port: 8080
      initialDelaySeconds: 1
      periodSeconds: 3
  # the next one
  - name: other
    image: x   # pinned
    readinessProbe:
      httpGet:
        path: /ready
        port: 8080
      initialDelaySeconds: 1
      periodSeconds: 3

  volumes: []
",
    );
}

#[test]
fn four_blanks_stay_four() {
    check(
        r"
spec:
    template:
        metadata:
            labels:
                app: x
        spec:
            containers:
                - name: a
                  image: b
",
        &[
            add(
                "/spec/template/metadata/annotations",
                json!({"a": {"b": "c\nd\n"}}),
            ),
            add(
                "/spec/template/spec/containers/0/args",
                json!(["x", "y: z"]),
            ),
        ],
        r#"
spec:
    template:
        metadata:
            labels:
                app: x
            annotations:
                a:
                    b: |
                        c
                        d
        spec:
            containers:
                - name: a
                  image: b
                  args:
                      - x
                      - "y: z"
"#,
    );
}

#[test]
fn new_lists_are_indented_like_the_others() {
    check(
        "a:\n- x\nb:\n  c: 1\n",
        &[add("/b/d", json!(["x", {"k": 1, "l": [2]}]))],
        "a:\n- x\nb:\n  c: 1\n  d:\n  - x\n  - k: 1\n    l:\n    - 2\n",
    );
    check(
        "a:\n  - x\nb:\n  c: 1\n",
        &[add("/b/d", json!(["x", [1, [2]]]))],
        "a:\n  - x\nb:\n  c: 1\n  d:\n    - x\n    - - 1\n      - - 2\n",
    );
}

#[test]
fn first_member_where_there_was_nothing() {
    let annotations = json!({"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true\n"});
    let after = r"
metadata:
  annotations:  # none yet
    proxy.istio.io/config: |
      holdApplicationUntilProxyStarts: true
  name: x
";
    for nothing in ["", " {}", " null", " ~"] {
        let before = format!("metadata:\n  annotations:{nothing}  # none yet\n  name: x\n");
        check(
            &before,
            &[add("/metadata/annotations", annotations.clone())],
            after,
        );
    }
    check(
        "metadata:\n  annotations: {}  # none yet\n  name: x\n",
        &[add(
            "/metadata/annotations/proxy.istio.io~1config",
            "holdApplicationUntilProxyStarts: true\n",
        )],
        after,
    );
}

#[test]
fn what_was_added_can_be_added_to() {
    check(
        "metadata:\n  name: x\nspec: {}\n",
        &[
            add("/metadata/annotations", json!({})),
            add("/metadata/annotations/a", "on"),
            add("/metadata/annotations/b", "1"),
            remove("/metadata/annotations/a"),
        ],
        "metadata:\n  name: x\n  annotations:\n    b: \"1\"\nspec: {}\n",
    );
}

#[test]
fn names_come_first() {
    check(
        "containers: []\n",
        &[add(
            "/containers/-",
            json!({"args": ["a"], "image": "i", "name": "app"}),
        )],
        "containers:\n  - name: app\n    args:\n      - a\n    image: i\n",
    );
}

#[test]
fn removed_annotation() {
    check(
        r#"
metadata:
  annotations:
    # about a
    a: "1" # one
    # about the port
    status.sidecar.istio.io/port: "0" # off
    # about b
    b: "2" # two
"#,
        &[remove(
            "/metadata/annotations/status.sidecar.istio.io~1port",
        )],
        r#"
metadata:
  annotations:
    # about a
    a: "1" # one
    # about the port
    # about b
    b: "2" # two
"#,
    );
}

#[test]
fn removed_last_member_leaves_an_empty_mapping() {
    check(
        "metadata:\n  annotations: # these\n    # why\n    a: b # gone\n  name: x\n",
        &[remove("/metadata/annotations/a")],
        "metadata:\n  annotations: {} # these\n    # why\n  name: x\n",
    );
}

#[test]
fn removed_block_goes_with_what_is_in_it() {
    check(
        r"
a: |
  text
b: # of b
  c:
    - 1
    # inside
  # inside
# about d
d: 1
",
        &[remove("/b")],
        "a: |\n  text\n# about d\nd: 1\n",
    );
}

#[test]
fn first_member_of_an_item() {
    check(
        "- name: a # x\n  # about b\n  b: 1\n-   c: 1\n    d: 2\n- e: 1\n",
        &[remove("/0/name"), remove("/1/c"), remove("/2/e")],
        "- # about b\n  b: 1\n-   d: 2\n- {}\n",
    );
}

#[test]
fn removed_and_added_again_stays_in_its_place() {
    check(
        "a: 1 # one\nb: 2 # two\n",
        &[remove("/a"), add("/a", 3)],
        "a: 3 # one\nb: 2 # two\n",
    );
}

#[test]
fn replaced_mapping_changes_only_where_it_differs() {
    check(
        r"
readinessProbe:
  # where
  httpGet:
    path: /healthz  # old
    port: 8080      # same
  timeoutSeconds: 5
image: x
",
        &[replace("/readinessProbe", probe())],
        r"
readinessProbe:
  # where
  httpGet:
    path: /ready    # old
    port: 8080      # same
  initialDelaySeconds: 1
  periodSeconds: 3
image: x
",
    );
}

#[test]
fn scalar_becomes_mapping_and_back() {
    check(
        "a: 5 # x\nb: 1\n",
        &[replace("/a", json!({"k": {"l": 1}}))],
        "a: # x\n  k:\n    l: 1\nb: 1\n",
    );
    check(
        "a: # x\n  k:\n    l: 1 # gone\nb: 1\n",
        &[replace("/a", "v")],
        "a: v # x\nb: 1\n",
    );
}

#[test]
fn comments_at_the_end_of_the_file_stay_there() {
    check(
        "metadata:\n  name: x\n# end\n",
        &[add("/spec", json!({"a": 1}))],
        "metadata:\n  name: x\nspec:\n  a: 1\n# end\n",
    );
}

#[test]
fn member_with_a_key_that_needs_quotes() {
    check(
        "a:\n  b: 1\n",
        &[add("/a/on", 1), add("/a/8080", 2), add("/a/x: y", 3)],
        "a:\n  b: 1\n  \"on\": 1\n  \"8080\": 2\n  \"x: y\": 3\n",
    );
}

#[test]
fn beside_a_merge() {
    check(
        r"
base: &base
  a: 1
use:
  <<: *base # shared
  b: 2
  # last
",
        &[add("/use/c", 3), remove("/use/b")],
        r"
base: &base
  a: 1
use:
  <<: *base # shared
  # last
  c: 3
",
    );
}

#[test]
fn in_a_list_object_and_in_a_cron_job() {
    check(
        r"
kind: List
items:
- kind: ConfigMap
- kind: CronJob
  spec:
    jobTemplate:
      spec:
        template:
          metadata:
            # none
          spec:
            containers:
            - name: a
",
        &[add(
            "/items/1/spec/jobTemplate/spec/template/metadata",
            json!({"annotations": {"a": "b"}}),
        )],
        r"
kind: List
items:
- kind: ConfigMap
- kind: CronJob
  spec:
    jobTemplate:
      spec:
        template:
          metadata:
            annotations:
              a: b
            # none
          spec:
            containers:
            - name: a
",
    );
}

#[test]
fn explicit_keys() {
    check(
        "? a\n: b: 1\n? c # why\n: 2\n",
        &[add("/d", 1), remove("/c"), replace("/a/b", "x\ny\n")],
        "? a\n: b: |\n    x\n    y\nd: 1\n",
    );
}
