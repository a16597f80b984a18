//! scratch
use json_patch::Patch;
use kubectl_meshcheck::edit::{DocumentEdit, apply};
use meshcheck_rules::yaml::{Options, Stream};
use serde_json::{Value, json};

fn run(name: &str, text: &str, patch: Value) {
    let options = Options::default();
    let stream = Stream::read(text.as_bytes(), &options);
    let patch: Patch = serde_json::from_value(patch).unwrap();
    let edited = apply(
        &stream,
        &[DocumentEdit {
            document: &stream.documents[0],
            patch: &patch,
        }],
        &options,
    );
    println!("== {name}\n{}<<<", edited.text);
    for r in edited.refused {
        println!("REFUSED {}", r.reason);
    }
}
fn a(p: &str, v: Value) -> Value {
    json!({"op":"add","path":p,"value":v})
}
fn r(p: &str, v: Value) -> Value {
    json!({"op":"replace","path":p,"value":v})
}
fn d(p: &str) -> Value {
    json!({"op":"remove","path":p})
}

#[test]
fn explore() {
    let probe = json!({"httpGet":{"path":"/ready","port":15021},"initialDelaySeconds":1,"l":["a","b: c","on",{"x":1,"y":[]}]});
    let t = "# head\nspec:\n  containers:\n  # first\n  - name: a   # c1\n    image: x # c2\n    # about args\n    args:\n    - discovery\n    # why\n    - --x=30m   # odd\n    - z         # even\n  # second\n  - name: b\n    image: y\n  # trailing about spec\n  volumes: []\n# tail\n";
    run(
        "probe a",
        t,
        json!([a("/spec/containers/0/readinessProbe", probe.clone())]),
    );
    run(
        "probe b",
        t,
        json!([a("/spec/containers/1/readinessProbe", probe.clone())]),
    );
    run(
        "args push",
        t,
        json!([
            a("/spec/containers/0/args/-", json!("--y=on")),
            a("/spec/containers/0/args/-", json!("1"))
        ]),
    );
    run(
        "args insert0",
        t,
        json!([a("/spec/containers/0/args/0", json!("--y=on"))]),
    );
    run(
        "args set1",
        t,
        json!([r("/spec/containers/0/args/1", json!("--y=onnnnnn"))]),
    );
    run("args remove1", t, json!([d("/spec/containers/0/args/1")]));
    run(
        "args remove all",
        t,
        json!([
            d("/spec/containers/0/args/0"),
            d("/spec/containers/0/args/0"),
            d("/spec/containers/0/args/0")
        ]),
    );
    run("remove image", t, json!([d("/spec/containers/0/image")]));
    run("remove name", t, json!([d("/spec/containers/0/name")]));
    run("remove container", t, json!([d("/spec/containers/0")]));
    run(
        "args to b",
        t,
        json!([a(
            "/spec/containers/1/args",
            json!([
                "a", "1", "0644", "1e3", "y", "10m", "1_000", "1:30", "=", "<<", "# x", "a: b",
                "1.2.3"
            ])
        )]),
    );
    run(
        "move",
        t,
        json!([
            d("/spec/containers/1"),
            a("/spec/containers/0", json!({"name":"b","image":"y"}))
        ]),
    );
    run(
        "move op + edit",
        t,
        json!([{"op":"move","from":"/spec/containers/1","path":"/spec/containers/0"},r("/spec/containers/0/image",json!("z"))]),
    );
    run(
        "root add",
        t,
        json!([a(
            "/metadata",
            json!({"annotations":{"proxy.istio.io/config":"holdApplicationUntilProxyStarts: true\n"}})
        )]),
    );
    let t4 = "spec:\n    template:\n        metadata:\n            labels:\n                app: x\n        spec:\n            containers:\n                - name: a\n                  args:\n                      - x\n";
    run(
        "4 anno",
        t4,
        json!([a(
            "/spec/template/metadata/annotations",
            json!({"proxy.istio.io/config":"holdApplicationUntilProxyStarts: true\nb: 1\n"})
        )]),
    );
    run(
        "4 probe",
        t4,
        json!([a(
            "/spec/template/spec/containers/0/readinessProbe",
            probe.clone()
        )]),
    );
    let js = "{\n    \"a\": {\n        \"b\": [\n            \"x\",\n            \"y\"\n        ],\n        \"c\": {}\n    }\n}\n";
    run("json push", js, json!([a("/a/b/-", json!("z"))]));
    run("json probe", js, json!([a("/a/p", probe.clone())]));
    run("json probe c", js, json!([a("/a/c/p", probe.clone())]));
    run("json rm b0", js, json!([d("/a/b/0")]));
    run("json rm b", js, json!([d("/a/b")]));
    run(
        "json mv",
        js,
        json!([{"op":"move","from":"/a/b/1","path":"/a/b/0"}]),
    );
    run(
        "json compact",
        r#"{"a":{"b":["x"]},"c":1}"#,
        json!([a("/a/b/-", json!("z")), a("/d", json!("on")), d("/c")]),
    );
    run(
        "empty anno",
        "a:\n  annotations: {}\n  b: 1\n",
        json!([a("/a/annotations/p", json!("v: 1\n"))]),
    );
    run(
        "empty anno comment",
        "a:\n  annotations: {}   # hm\n  b: 1\n",
        json!([a("/a/annotations/p", json!("v: 1\nw: 2\n"))]),
    );
    run(
        "null anno set",
        "a:\n  annotations:   # hm\n  b: 1\n",
        json!([a("/a/annotations", json!({"p":"v: 1\nw: 2\n"}))]),
    );
    run(
        "lit",
        "a:\n  cfg: |   # hm\n    x: 1\n    # c\n    y: 2\n\n  b: 1\n",
        json!([r("/a/cfg", json!("x: 1\n# c\ny: 3\nz: 1\n"))]),
    );
    run(
        "lit strip",
        "a:\n  cfg: |-\n    x: 1\n",
        json!([r("/a/cfg", json!("x: 1\ny: 3\n"))]),
    );
    run(
        "folded",
        "a:\n  cfg: >-\n    x: 1\n    z\n  # c\n",
        json!([r("/a/cfg", json!("x: 1\ny: 3\n"))]),
    );
    run(
        "dq",
        "a:\n  cfg: \"x: 1\\n\" # c\n",
        json!([r("/a/cfg", json!("x: 1\ny: 3\n"))]),
    );
    run(
        "sq",
        "a:\n  cfg: '{ \"holdApplicationUntilProxyStarts\": false }' # c\n",
        json!([r(
            "/a/cfg",
            json!("{ \"holdApplicationUntilProxyStarts\": true }")
        )]),
    );
    run(
        "plain to lit",
        "a:\n  cfg: x=1 # c\n",
        json!([r("/a/cfg", json!("x: 1\ny: 3\n"))]),
    );
    run(
        "crlf",
        "a:\r\n  b: 1\r\n  c:\r\n  - x\r\n",
        json!([a("/a/p", probe.clone())]),
    );
    run(
        "nonl",
        "a:\n  b: 1\n  c:\n  - x",
        json!([a("/a/c/-", json!("y"))]),
    );
    run("nonl2", "a:\n  b: 1\n  c:\n  - x", json!([d("/a/c/0")]));
    run("nonl3", "a:\n  b: 1\n  c:\n  - x", json!([d("/a/c")]));
    run("nonl4", "a:\n  b: 1", json!([a("/a/c", json!("x\ny\n"))]));
    run(
        "anchor",
        "a: &common\n  x: 1\nb: *common\nc:\n  <<: *common\n  y: 1\n",
        json!([r("/a/x", json!(2))]),
    );
    run(
        "alias",
        "a: &common\n  x: 1\nb: *common\nc:\n  <<: *common\n  y: 1\n",
        json!([r("/b/x", json!(2))]),
    );
    run(
        "merge",
        "a: &common\n  x: 1\nb: *common\nc:\n  <<: *common\n  y: 1\n",
        json!([r("/c/x", json!(2))]),
    );
    run(
        "merge rm",
        "a: &common\n  x: 1\nb: *common\nc:\n  <<: *common\n  y: 1\n",
        json!([d("/c/x")]),
    );
    run(
        "merge add",
        "a: &common\n  x: 1\nb: *common\nc:\n  <<: *common\n  y: 1\n",
        json!([a("/c/z", json!(1)), d("/b"), r("/c/y", json!([1]))]),
    );
    run(
        "flow",
        "a: {x: 1, y: [a, b]} # c\n",
        json!([a("/a/z", json!("on")), a("/a/y/0", json!("0")), d("/a/x")]),
    );
    run(
        "flow q",
        "a: [\"x\", \"y\"] # c\n",
        json!([a("/a/-", json!("foo"))]),
    );
    run(
        "flow comment",
        "a: [\n  x, # c1\n  y, # c2\n  z  # c3\n]\n",
        json!([a("/a/-", json!("foo")), d("/a/1")]),
    );
    run(
        "scalar to map",
        "a: 5 # c\nb: [1]  # d\n",
        json!([r("/a", json!({"x":{"y":1}})), r("/b", json!("x"))]),
    );
    run(
        "map to scalar",
        "a: # c\n  x: 1\n  y: 2 # z\nb: 1\n",
        json!([r("/a", json!(7))]),
    );
    run(
        "item to map",
        "a:\n- 5 # c\n- - 7\n  - 8\n",
        json!([r("/a/0", json!({"x":{"y":1},"z":1})), d("/a/1/0")]),
    );
}
