//! A Kubernetes control plane: etcd, the API server and the controllers, on free ports of the
//! loopback. There is no node: Pods are made, and stay pending.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::assets::Assets;
use crate::kubectl::Kubectl;
use crate::process::{Process, free_ports};
use crate::program::within;

/// Enough for a machine that is busy with other things.
const START: Duration = Duration::from_mins(1);
const TOKEN: &str = "admin-of-the-tests";
const AUDIT: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Request
    verbs: [create, update, patch]
    resources:
      - {group: '', resources: [pods]}
      - {group: apps}
  - level: None
";

/// A running control plane. It ends with this.
pub(crate) struct ControlPlane {
    pub(crate) kubectl: Kubectl,
    pub(crate) client: Client,
    runtime: Runtime,
    // In the order in which they end.
    _managers: Process,
    api_server: Option<Process>,
    etcd: Option<Process>,
    files: Files,
    ports: Ports,
}

/// Of the loopback.
struct Ports {
    etcd: u16,
    peer: u16,
    api: u16,
}

impl ControlPlane {
    /// Starts one whose files are in this folder, which is new.
    pub(crate) fn start(assets: &Assets, folder: &Path) -> Self {
        let files = Files::write(folder);
        let [etcd_port, peer, api, manager_port] = free_ports();
        let ports = Ports {
            etcd: etcd_port,
            peer,
            api,
        };
        let mut etcd = files.start(etcd(assets, &files, &ports));
        let mut api_server = files.start(api_server(assets, &files, &ports));
        let kubeconfig = files.kubeconfig(ports.api);
        let runtime = Runtime::new().expect("a runtime");
        let client = wait_for("the API server", || {
            etcd.must_run();
            api_server.must_run();
            runtime.block_on(ready(&kubeconfig))
        });
        let managers = files.start(controller_manager(
            assets,
            &files,
            &kubeconfig,
            manager_port,
        ));
        let kubectl = Kubectl {
            program: assets.path("kubectl"),
            kubeconfig,
            home: files.at("home"),
        };
        let plane = Self {
            kubectl,
            client,
            runtime,
            _managers: managers,
            api_server: Some(api_server),
            etcd: Some(etcd),
            files,
            ports,
        };
        plane.await_account("default");
        plane
    }

    /// Ends the API server as a lost machine does.
    pub(crate) fn stop(&mut self) {
        self.api_server = None;
    }

    /// Starts it again, with all that was stored.
    pub(crate) fn start_again(&mut self, assets: &Assets) {
        let command = api_server(assets, &self.files, &self.ports);
        self.api_server = Some(self.files.start(command));
        let kubeconfig = &self.kubectl.kubeconfig;
        wait_for("the API server", || self.block_on(ready(kubeconfig)));
    }

    /// Takes away all that was stored, versions included.
    pub(crate) fn forget(&mut self, assets: &Assets) {
        self.stop();
        self.etcd = None;
        fs::remove_dir_all(self.files.at("etcd")).expect("a folder");
        let command = etcd(assets, &self.files, &self.ports);
        self.etcd = Some(self.files.start(command));
        self.start_again(assets);
    }

    /// Waits for an answer of the client.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A namespace with these labels in which Pods can be made.
    pub(crate) fn namespace(&self, name: &str, labels: &Value) {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels},
        });
        let apply = ["apply", "--server-side", "-f", "-"];
        self.kubectl.pipe(&apply, &object.to_string()).ok();
        self.await_account(name);
    }

    fn await_account(&self, namespace: &str) {
        wait_for("the account of a namespace", || {
            let account = ["get", "serviceaccount", "default", "-n", namespace];
            (self.kubectl.run(&account).code == 0).then_some(())
        });
    }

    /// What the API server noted of requests for the object of this name, one value a request.
    pub(crate) fn audit(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.files.at("logs/audit.log"));
        let text = text.expect("an audit log");
        let events = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events
            .filter(|event| event["objectRef"]["name"] == name)
            .collect()
    }

    /// A folder of the test's own.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        let path = self.files.at(name);
        fs::create_dir_all(&path).expect("a folder");
        path
    }
}

/// Asks until there is an answer. Fails where none comes.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(START, ask).unwrap_or_else(|| panic!("{what} is still missing after {START:?}"))
}

/// A client, once the API server takes requests.
async fn ready(kubeconfig: &Path) -> Option<Client> {
    // Its certificate, which is named in the file, comes first.
    let file = Kubeconfig::read_from(kubeconfig).ok()?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(file, &options).await.ok()?;
    let client = Client::try_from(config).ok()?;
    let readyz = Request::get("/readyz").body(Vec::new());
    let text = client.request_text(readyz.expect("a path")).await.ok()?;
    (text == "ok").then_some(client)
}

/// What the programs read and write.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn write(folder: &Path) -> Self {
        let files = Self {
            folder: folder.to_owned(),
        };
        for name in ["logs", "home", "api", "managers"] {
            fs::create_dir_all(files.at(name)).expect("a folder");
        }
        let key = KeyPair::generate().expect("a key");
        let token = format!("{TOKEN},admin,admin,\"system:masters\"\n");
        for (name, text) in [
            ("accounts.key", key.serialize_pem()),
            ("accounts.pub", key.public_key_pem()),
            ("tokens.csv", token),
            ("audit.yaml", AUDIT.to_owned()),
        ] {
            fs::write(files.at(name), text).expect("a file");
        }
        files
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `--flag=PATH` of a file.
    fn flag(&self, flag: &str, name: &str) -> String {
        format!("--{flag}={}", self.at(name).display())
    }

    fn start(&self, command: Command) -> Process {
        Process::start(&self.at("logs"), command)
    }

    fn kubeconfig(&self, port: u16) -> PathBuf {
        let file = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {
                "server": format!("https://127.0.0.1:{port}"),
                "certificate-authority": self.at("api/apiserver.crt"),
            }}],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
            "current-context": "tests",
        });
        let path = self.at("kubeconfig");
        fs::write(&path, file.to_string()).expect("a file");
        path
    }
}

fn etcd(assets: &Assets, files: &Files, ports: &Ports) -> Command {
    let [url, peer_url] = [ports.etcd, ports.peer].map(|port| format!("http://127.0.0.1:{port}"));
    let mut command = Command::new(assets.path("etcd"));
    command
        .arg(files.flag("data-dir", "etcd"))
        .arg(format!("--listen-client-urls={url}"))
        .arg(format!("--advertise-client-urls={url}"))
        .arg(format!("--listen-peer-urls={peer_url}"))
        .arg("--unsafe-no-fsync");
    command
}

fn api_server(assets: &Assets, files: &Files, ports: &Ports) -> Command {
    let Ports { etcd, api, .. } = ports;
    let mut command = Command::new(assets.path("kube-apiserver"));
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
        .arg(format!("--secure-port={api}"))
        .arg(files.flag("cert-dir", "api"))
        .arg(files.flag("service-account-key-file", "accounts.pub"))
        .arg(files.flag("service-account-signing-key-file", "accounts.key"))
        .arg(files.flag("token-auth-file", "tokens.csv"))
        .arg(files.flag("audit-policy-file", "audit.yaml"))
        .arg(files.flag("audit-log-path", "logs/audit.log"))
        .args([
            "--bind-address=127.0.0.1",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
        ]);
    command
}

fn controller_manager(assets: &Assets, files: &Files, config: &Path, port: u16) -> Command {
    let mut command = Command::new(assets.path("kube-controller-manager"));
    command
        .arg(format!("--kubeconfig={}", config.display()))
        .arg(format!("--secure-port={port}"))
        .arg(files.flag("service-account-private-key-file", "accounts.key"))
        .arg(files.flag("root-ca-file", "api/apiserver.crt"))
        .arg(files.flag("cert-dir", "managers"))
        .args(["--bind-address=127.0.0.1", "--leader-elect=false"]);
    command
}
