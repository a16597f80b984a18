//! `mesh` and `--mesh`.

use crate::support::{ISTIOD, Outcome, Sandbox, TEMPLATE, fixture, outcome};

const NAMESPACE: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {istio-injection: enabled, owner: somebody}
";

const NODE: &str = "\
apiVersion: v1
kind: Node
metadata: {name: old}
status: {nodeInfo: {kubeletVersion: v1.32.9}}
";

const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio}
data: {mesh: \"enableTracing: true\"}
";

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: cacerts}
stringData: {ca-key.pem: hunter2}
";

const WORKLOAD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers: [{name: cart, image: \"cart:7\"}]
";

fn cluster() -> Sandbox {
    Sandbox::with(&[
        ("cluster/namespace.yaml", NAMESPACE),
        ("cluster/node.yaml", NODE),
        ("cluster/istio.yaml", CONFIG),
        ("cluster/istiod.yaml", ISTIOD),
        ("cluster/secret.yaml", SECRET),
        ("apps/cart.yaml", WORKLOAD),
    ])
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    outcome(&mut sandbox.command(arguments))
}

#[test]
fn what_was_recorded_is_known_elsewhere() {
    let sandbox = cluster();
    let recorded = run(&sandbox, &["mesh", "cluster"]);
    assert_eq!(recorded.code, 0, "{recorded:?}");
    for told in [
        "control planes\n  default: 1.31.1, native sidecars where all nodes run Kubernetes 1.33 or newer \
         (Deployment/istiod in cluster/istiod.yaml)",
        "1 node, the oldest kubelet is 1.32 (Node/old in cluster/node.yaml)",
        "shop: istio-injection: enabled",
        "not known\n",
    ] {
        assert!(recorded.stderr.contains(told), "{told}: {recorded:?}");
    }
    for secret in ["hunter2", "owner", "somebody"] {
        assert!(!recorded.stdout.contains(secret), "{recorded:?}");
    }
    sandbox.write("mesh.json", &recorded.stdout);
    std::fs::remove_dir_all(sandbox.path("cluster")).expect("the folder");

    let alone = sandbox.check(&["apps", "--fail-on", "warning"]);
    assert_eq!(alone.code, 0, "{alone:?}");
    let known = sandbox.check(&["apps", "--mesh", "mesh.json", "--fail-on", "warning"]);
    assert_eq!(known.code, 1, "{known:?}");
    let note = "Node/old in mesh.json (recorded from cluster/node.yaml)";
    assert!(known.stdout.contains(note), "{known:?}");
    // A document decides against the recording.
    sandbox.write("apps/node.yaml", NODE.replace("1.32.9", "1.34.0"));
    let read = sandbox.check(&["apps", "--mesh", "mesh.json", "--fail-on", "warning"]);
    assert_eq!(read.code, 0, "{read:?}");
}

#[test]
fn a_recording_can_be_gone_on_from_and_told() {
    let sandbox = cluster();
    let first = run(&sandbox, &["mesh", "cluster/node.yaml", "-q"]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    sandbox.write("first.json", &first.stdout);
    let second = run(
        &sandbox,
        &[
            "mesh",
            "cluster/istiod.yaml",
            "--mesh",
            "first.json",
            "--kubernetes-version",
            "1.34",
        ],
    );
    sandbox.write("second.json", &second.stdout);
    let told = run(&sandbox, &["mesh", "--mesh", "second.json", "-o", "human"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    assert!(told.stdout.contains("1 node"), "{told:?}");
    assert!(told.stdout.contains("default: 1.31.1"), "{told:?}");
    assert!(!told.stdout.contains("API server"), "{told:?}");
    let again = run(&sandbox, &["mesh", "--mesh", "second.json"]);
    assert_eq!(again.stdout, second.stdout);
}

#[test]
fn what_disagrees_is_told() {
    let sandbox = cluster();
    sandbox.write(
        "cluster/again.yaml",
        NAMESPACE.replace("enabled", "disabled"),
    );
    let told = run(&sandbox, &["mesh", "cluster", "-o", "human"]);
    let line = "disputed, and so not known\n  namespace shop: Namespace/shop in cluster/again.yaml, \
                Namespace/shop in cluster/namespace.yaml\n";
    assert!(told.stdout.contains(line), "{told:?}");
}

#[test]
fn recording_ends_with_its_own_codes() {
    let sandbox = cluster();
    sandbox.write("broken.yaml", "a: [\n");
    sandbox.write("template.yaml", TEMPLATE);
    let broken = run(&sandbox, &["mesh", "cluster", "broken.yaml"]);
    assert_eq!(broken.code, 3, "{broken:?}");
    assert!(broken.stderr.contains("broken.yaml:"), "{broken:?}");
    assert!(broken.stdout.contains("\"controlPlanes\""), "{broken:?}");
    let template = run(&sandbox, &["mesh", "cluster", "template.yaml"]);
    assert_eq!(template.code, 0, "{template:?}");
    assert!(template.stderr.contains("render first"), "{template:?}");
    let nothing = run(&sandbox, &["mesh", "apps"]);
    assert_eq!(nothing.code, 4, "{nothing:?}");
    assert!(
        nothing.stderr.contains("no input holds a fact"),
        "{nothing:?}"
    );
    assert_eq!(run(&sandbox, &["mesh", "apps", "--allow-empty"]).code, 0);
    assert_eq!(run(&sandbox, &["mesh", "nowhere"]).code, 3);
    assert_eq!(run(&sandbox, &["mesh"]).code, 2);
}

#[test]
fn a_recording_that_cannot_be_used_is_2_and_says_where() {
    let sandbox = cluster();
    let newer = "{\"format\": \"meshcheck-mesh\", \"version\": 9}";
    let misspelt = "{\"format\": \"meshcheck-mesh\", \"version\": 1,\n  \"node\": []}";
    let cases = [
        (
            "missing.json",
            None,
            "--mesh missing.json: no such file or folder",
        ),
        (
            "text.json",
            Some("apiVersion: v1"),
            "--mesh text.json:1:1: it is no JSON",
        ),
        (
            "foreign.json",
            Some("{\"kind\": \"List\"}"),
            "it has no `format`",
        ),
        ("newer.json", Some(newer), "a newer one wrote it"),
        (
            "misspelt.json",
            Some(misspelt),
            "--mesh misspelt.json:2:8: it cannot be read: unknown field `node`",
        ),
    ];
    for (name, text, message) in cases {
        if let Some(text) = text {
            sandbox.write(name, text);
        }
        for command in ["check", "mesh"] {
            let outcome = run(&sandbox, &[command, "apps", "--mesh", name]);
            assert_eq!(outcome.code, 2, "{outcome:?}");
            assert!(outcome.stderr.contains(message), "{outcome:?}");
            assert_eq!(outcome.stdout, "", "{outcome:?}");
        }
    }
    sandbox.write("bytes.json", [0xff, 0xfe, 0x00]);
    let bytes = run(&sandbox, &["apps", "--mesh", "bytes.json"]);
    assert_eq!((bytes.code, bytes.stdout.as_str()), (2, ""));
}

/// The real meshes that were recorded from Istio: a mesh of a file, and the same by recording.
#[test]
fn a_real_mesh_by_recording_gives_the_same_report() {
    let sandbox = Sandbox::new();
    for mesh in [
        "stock-old-node",
        "native-no-startup-probe",
        "status-port-zero",
    ] {
        let folder = fixture("oracle/inject");
        let file = folder.join("meshes").join(mesh).join("mesh.yaml");
        let workload = folder.join("plain/workload.yaml");
        let (file, workload) = (
            file.to_str().expect("text"),
            workload.to_str().expect("text"),
        );
        sandbox.write("mesh.json", run(&sandbox, &["mesh", file, "-q"]).stdout);
        let (read_code, read) = sandbox.json(&[file, workload]);
        let (code, recorded) = sandbox.json(&[workload, "--mesh", "mesh.json"]);
        let of_workload = |report: &serde_json::Value| -> Vec<(String, String)> {
            let findings = report["findings"].as_array().expect("a list").iter();
            let own = findings.filter(|f| f["file"] == workload);
            own.map(|f| (f["rule"].to_string(), f["message"].to_string()))
                .collect()
        };
        assert!(read_code <= 1 && code <= 1, "{mesh}");
        assert_eq!(of_workload(&read), of_workload(&recorded), "{mesh}");
        assert!(!of_workload(&read).is_empty(), "{mesh}");
    }
}
