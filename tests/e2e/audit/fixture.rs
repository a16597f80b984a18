//! What the tests of the audit share: replicas, objects, definitions.

use std::fs;

use serde_json::{Value, json};

use crate::certificates::kubeconfig;
use crate::control_plane::{ControlPlane, wait_for};
use crate::kubectl::Kubectl;
use crate::process::Watchdog;
use crate::program::{Program, command};

/// A replica that audits every second.
pub(crate) struct Replica {
    pub(crate) program: Program,
    _watchdog: Watchdog,
}

impl Replica {
    pub(crate) fn start(plane: &ControlPlane, options: &[&str]) -> Self {
        let base = ["--tls=self-signed", "--audit-interval=1s"];
        let quick = ["--audit-lease-duration=2s", "--shutdown-delay=0s"];
        let is_given = |name: &&&str| {
            let name = name.split('=').next().expect("a name");
            options.iter().any(|option| option.starts_with(name))
        };
        let defaults = base.iter().chain(&quick).filter(|one| !is_given(one));
        let arguments: Vec<_> = defaults.chain(options).copied().collect();
        let mut command = command(&arguments);
        command.env("KUBECONFIG", kubeconfig(plane));
        let program = Program::spawn(command);
        Self {
            _watchdog: Watchdog::over(program.child.id()),
            program,
        }
    }

    pub(crate) fn metrics(&self) -> String {
        self.program.get("/metrics")
    }

    pub(crate) fn leads(&self) -> bool {
        self.metrics().contains("meshcheck_audit_leader{} 1\n")
    }

    /// The value of the series that begins so.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let metrics = self.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        let value = line.and_then(|rest| rest.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
    }

    /// Waits until a pass has ended that began after this was called.
    pub(crate) fn await_pass(&self) {
        let ended = || {
            ["ok", "partial"]
                .map(|result| {
                    self.value(&format!(
                        "meshcheck_audit_passes_total{{result=\"{result}\"}}"
                    ))
                })
                .iter()
                .sum::<f64>()
        };
        let before = ended();
        // One may be on its way.
        wait_for("two passes", || (ended() >= before + 2.0).then_some(()));
    }
}

/// An istiod that has no Pods: there is no node.
pub(crate) fn istiod(namespace: &str, image: &str, age: &str) -> Value {
    let age = format!("--keepaliveMaxServerConnectionAge={age}");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": namespace, "labels": {"app": "istiod"}},
        "spec": {
            "selector": {"matchLabels": {"app": "istiod"}},
            "template": {
                "metadata": {"labels": {"app": "istiod", "istio.io/rev": namespace}},
                "spec": {"containers": [{
                    "name": "discovery", "image": image, "args": ["discovery", age],
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
                }]},
            },
        },
    })
}

pub(crate) fn finding(rule: &str, namespace: &str, count: u32) -> String {
    format!(
        "meshcheck_findings{{rule=\"{rule}\",severity=\"error\",namespace=\"{namespace}\"}} {count}\n"
    )
}

pub(crate) fn apply(plane: &ControlPlane, object: &Value) {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl.pipe(&apply, &object.to_string()).ok();
}

/// A namespace that goes with the test, and with it what is in it.
pub(crate) struct Namespace<'c> {
    kubectl: &'c Kubectl,
    name: &'static str,
}

impl<'c> Namespace<'c> {
    pub(crate) fn new(plane: &'c ControlPlane, name: &'static str) -> Self {
        plane.namespace(name, &json!({}));
        Self {
            kubectl: &plane.kubectl,
            name,
        }
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        let delete = ["delete", "namespace", self.name, "--wait=false"];
        self.kubectl.run(&delete);
    }
}

/// The definitions of a family of reports. They go with this, and with them the reports.
pub(crate) struct Definitions<'c> {
    kubectl: &'c Kubectl,
    folder: String,
}

impl<'c> Definitions<'c> {
    pub(crate) fn apply(plane: &'c ControlPlane, family: &str) -> Self {
        let root = env!("CARGO_MANIFEST_DIR");
        let folder = format!("{root}/../tests/fixtures/policy-reports/{family}");
        assert!(fs::exists(&folder).expect("a folder"), "{folder}");
        let kubectl = &plane.kubectl;
        kubectl.must(&["apply", "--server-side", "-f", &folder]);
        let wait = ["wait", "--for=condition=Established", "-f", &folder];
        kubectl.must(&wait);
        Self { kubectl, folder }
    }
}

impl Drop for Definitions<'_> {
    fn drop(&mut self) {
        // Not checked: a panic in a drop would hide the one that led here.
        self.kubectl
            .run(&["delete", "--ignore-not-found", "-f", &self.folder]);
    }
}

/// Our events in a namespace.
pub(crate) fn events(plane: &ControlPlane, namespace: &str) -> Vec<Value> {
    let get = ["get", "events.events.k8s.io", "-n", namespace, "-o", "json"];
    let list = plane.kubectl.json(&get);
    let items = list["items"].as_array().expect("a list").iter();
    let ours = items.filter(|event| event["reportingController"] == "meshcheck.dev/audit");
    ours.cloned().collect()
}
