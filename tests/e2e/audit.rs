//! The background audit, with the account and the permissions of the manifests.

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::certificates::kubeconfig;
use crate::control_plane::{ControlPlane, wait_for};
use crate::install::Applied;
use crate::process::Watchdog;
use crate::program::{Program, command};
use crate::world::World;

tests! {
    KUBERNETES =>
        findings_are_metrics_until_they_are_mended;
}

/// A replica that audits every second.
struct Replica {
    program: Program,
    _watchdog: Watchdog,
}

impl Replica {
    fn start(plane: &ControlPlane, options: &[&str]) -> Self {
        let base = ["--tls=self-signed", "--audit-interval=1s"];
        let quick = ["--audit-lease-duration=3s", "--shutdown-delay=0s"];
        let arguments: Vec<_> = base.iter().chain(&quick).chain(options).copied().collect();
        let mut command = command(&arguments);
        command.env("KUBECONFIG", kubeconfig(plane));
        let program = Program::spawn(command);
        Self {
            _watchdog: Watchdog::over(program.child.id()),
            program,
        }
    }
}

/// An istiod that has no Pods: there is no node.
fn istiod(namespace: &str, image: &str, age: &str) -> Value {
    let age = format!("--keepaliveMaxServerConnectionAge={age}");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "istiod", "namespace": namespace, "labels": {"app": "istiod"}},
        "spec": {
            "selector": {"matchLabels": {"app": "istiod"}},
            "template": {
                "metadata": {"labels": {"app": "istiod", "istio.io/rev": namespace}},
                "spec": {"containers": [
                    {"name": "discovery", "image": image, "args": ["discovery", age]},
                ]},
            },
        },
    })
}

fn apply(plane: &ControlPlane, object: &Value) {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl.pipe(&apply, &object.to_string()).ok();
}

fn findings_are_metrics_until_they_are_mended(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    plane.namespace("audit-mend", &json!({}));
    apply(plane, &istiod("audit-mend", "istio/pilot:1.7.4", "30m"));
    let replica = Replica::start(plane, &[]);
    let of = |rule: &str| {
        format!(
            "meshcheck_findings{{rule=\"{rule}\",severity=\"error\",namespace=\"audit-mend\"}} 1\n"
        )
    };
    let support =
        "meshcheck_istio_support_days_left{revision=\"audit-mend\",version=\"1.7.4\"} -2096";
    for line in [
        &*of("version-unsupported"),
        &of("keepalive-age-too-long"),
        support,
    ] {
        replica.program.awaits(line);
    }
    apply(plane, &istiod("audit-mend", "istio/pilot:1.31.1", "10m"));
    wait_for("a pass", || {
        let metrics = replica.program.get("/metrics");
        let is_mended =
            !metrics.contains("version-unsupported\",severity=\"error\",namespace=\"audit-mend\"");
        is_mended.then_some(())
    });
}
