//! Istio's control plane as a process, with the injector that its chart configures.

use std::process::Command;

use serde_json::{Value, json};

use crate::assets::Assets;
use crate::control_plane::{ControlPlane, wait_for};
use crate::process::{Process, free_ports};
use crate::program::plain_get;
use crate::webhook::{documents, redirect};

/// Where istiod and its objects are.
pub(crate) const NAMESPACE: &str = "istio-system";

/// A running istiod. It ends with this; what it stored stays.
pub(crate) struct Istio {
    _istiod: Process,
}

impl Istio {
    pub(crate) fn start(assets: &Assets, plane: &ControlPlane) -> Self {
        let [https, http, others @ ..] = free_ports::<6>();
        install(assets, plane, https);
        let mut istiod = Process::start(
            &plane.scratch("logs"),
            istiod(assets, plane, https, http, others),
        );
        wait_for("istiod", || {
            istiod.must_run();
            let answer = plain_get(([127, 0, 0, 1], http).into(), "/ready").ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        });
        plane.namespace("probe", &json!({"istio-injection": "enabled"}));
        wait_for("an injected Pod", || {
            istiod.must_run();
            proxy_of(&injected(plane, &pod("probe", "probe"))?).map(|_| ())
        });
        Self { _istiod: istiod }
    }
}

/// The objects of the stock chart, as helm renders them.
pub(crate) fn chart(assets: &Assets) -> String {
    let output = Command::new(assets.path("helm"))
        .args(["template", "istiod"])
        .arg(assets.path("charts").join("istiod"))
        .args(["--namespace", NAMESPACE, "--kube-version", "1.36.0"])
        .env_clear()
        .output()
        .expect("helm");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// The definitions of Istio's kinds.
pub(crate) fn definitions(assets: &Assets, plane: &ControlPlane) {
    let file = assets.path("charts").join("base/files/crd-all.gen.yaml");
    let apply = ["apply", "--server-side", "-f", file.to_str().expect("text")];
    plane.kubectl.run(&apply).silently();
}

/// The chart, with its webhooks led to this machine.
fn install(assets: &Assets, plane: &ControlPlane, https: u16) {
    plane.namespace(NAMESPACE, &json!({}));
    definitions(assets, plane);
    let mut objects = documents(&chart(assets));
    for object in &mut objects {
        if object["webhooks"].is_array() {
            redirect(object, &format!("https://localhost:{https}"), None);
        }
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let apply = ["apply", "--server-side", "-f", "-"];
    plane.kubectl.pipe(&apply, &list.to_string()).ok();
}

fn istiod(
    assets: &Assets,
    plane: &ControlPlane,
    https: u16,
    http: u16,
    others: [u16; 4],
) -> Command {
    let [grpc, secure, monitoring, control] = others;
    let address = |flag: &str, port: u16| format!("--{flag}=127.0.0.1:{port}");
    let mut command = Command::new(assets.path("pilot-discovery"));
    command
        .arg("discovery")
        .arg("--kubeconfig")
        .arg(&plane.kubectl.kubeconfig)
        .arg(address("httpsAddr", https))
        .arg(address("httpAddr", http))
        .arg(address("grpcAddr", grpc))
        .arg(address("secureGRPCAddr", secure))
        .arg(address("monitoringAddr", monitoring))
        .arg(format!("--ctrlz_port={control}"))
        .args(["--domain", "cluster.local"])
        .args(["--keepaliveMaxServerConnectionAge", "10m"])
        .current_dir(plane.scratch("istiod"))
        .env_clear()
        .envs([
            ("POD_NAME", "istiod"),
            ("POD_NAMESPACE", NAMESPACE),
            ("REVISION", "default"),
            ("PILOT_CERT_PROVIDER", "istiod"),
            ("CLUSTER_ID", "Kubernetes"),
            ("INJECTION_WEBHOOK_CONFIG_NAME", "istio-sidecar-injector"),
            ("ISTIOD_CUSTOM_HOST", "localhost"),
        ]);
    command
}

/// A Pod with nothing but an application.
pub(crate) fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]},
    })
}

/// What a Pod would be stored as, if it is let in.
pub(crate) fn injected(plane: &ControlPlane, pod: &Value) -> Option<Value> {
    let create = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    let said = plane.kubectl.pipe(&create, &pod.to_string());
    (said.code == 0).then(|| serde_json::from_str(&said.stdout).expect("JSON"))
}

/// Where the proxy is: the list, and the index in it.
pub(crate) fn proxy_of(pod: &Value) -> Option<(&'static str, usize)> {
    ["containers", "initContainers"]
        .into_iter()
        .find_map(|list| {
            let containers = pod["spec"][list].as_array()?;
            let mut names = containers.iter().map(|container| &container["name"]);
            Some((list, names.position(|name| name == "istio-proxy")?))
        })
}
