//! Our webhook as it is installed: the program with the arguments of the manifests, and the
//! configurations of the manifests, led to this machine instead of to a Service.

use std::path::Path;
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use meshcheck_rules::yaml::{Options, Stream};
use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, wait_for};
use crate::kubectl::Kubectl;
use crate::process::Watchdog;
use crate::program::{Folder, Made, Program, command};

/// The kind of configuration that lets the webhook change objects.
pub(crate) const MUTATING: &str = "MutatingWebhookConfiguration";
/// The kind that lets it refuse them.
pub(crate) const VALIDATING: &str = "ValidatingWebhookConfiguration";

/// Both webhooks are asked about it.
pub(crate) const PROBE: &str = r#"{
  "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "default"},
  "spec": {"containers": [{"name": "discovery", "image": "istio/pilot:1.0.0"}]}
}"#;

/// An installed webhook. It is taken out with this.
pub(crate) struct Webhook<'c> {
    kubectl: &'c Kubectl,
    pub(crate) program: Program,
    configurations: Vec<String>,
    _watchdog: Watchdog,
    pub(crate) certificate: Folder,
}

impl<'c> Webhook<'c> {
    /// With both configurations, and these options beside those of the manifests.
    pub(crate) fn install(plane: &'c ControlPlane, options: &[&str]) -> Self {
        Self::install_with(plane, options, &[MUTATING, VALIDATING], |_| {})
    }

    /// With configurations of these kinds alone, each after `change`.
    pub(crate) fn install_with(
        plane: &'c ControlPlane,
        options: &[&str],
        kinds: &[&str],
        change: impl Fn(&mut Value),
    ) -> Self {
        // What a test says of its mesh is all that is known of it.
        let start = |mut arguments: Vec<String>| {
            arguments.retain(|argument| argument != "--watch");
            Program::spawn(command_of(&arguments, options))
        };
        Self::started(plane, start, kinds, change)
    }

    /// With both configurations, and with what it learns from the cluster by the account that this
    /// kubeconfig is for.
    pub(crate) fn install_watching(
        plane: &'c ControlPlane,
        kubeconfig: &Path,
        options: &[&str],
    ) -> Self {
        let start = |arguments: Vec<String>| {
            assert!(arguments.iter().any(|argument| argument == "--watch"));
            let mut command = command_of(&arguments, options);
            command.env("KUBECONFIG", kubeconfig);
            Program::spawn(command)
        };
        Self::started(plane, start, &[MUTATING, VALIDATING], |_| {})
    }

    fn started(
        plane: &'c ControlPlane,
        start: impl FnOnce(Vec<String>) -> Program,
        kinds: &[&str],
        change: impl Fn(&mut Value),
    ) -> Self {
        let kubectl = &plane.kubectl;
        let objects = rendered(kubectl, "base");
        let certificate = Folder::new();
        let made = Made::for_names(&["localhost", "127.0.0.1"]);
        certificate.mount_made(&made);
        let program = start(arguments(&objects, certificate.path()));
        let mut webhook = Self {
            kubectl,
            _watchdog: Watchdog::over(program.child.id()),
            program,
            configurations: Vec::new(),
            certificate,
        };
        for mut object in objects {
            if kinds.iter().any(|kind| object["kind"] == *kind) {
                let base = format!("https://{}", webhook.program.address);
                redirect(&mut object, &base, Some(&made.ca));
                change(&mut object);
                webhook.configure(&object);
            }
        }
        webhook.await_effect();
        webhook
    }

    fn configure(&mut self, object: &Value) {
        let apply = ["apply", "--server-side", "--validate=strict", "-f", "-"];
        self.kubectl.pipe(&apply, &object.to_string()).silently();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        self.configurations.push(format!("{kind}/{name}"));
    }

    /// How many requests were answered.
    pub(crate) fn reviews(&self) -> u64 {
        self.reviews_of("")
    }

    /// The same of those whose labels contain this.
    pub(crate) fn reviews_of(&self, label: &str) -> u64 {
        let metrics = self.program.get("/metrics");
        let counts = metrics.lines().filter_map(|line| {
            let count = line.strip_prefix("meshcheck_admission_requests_total")?;
            let (labels, count) = count.rsplit_once(' ')?;
            labels
                .contains(label)
                .then(|| count.parse::<u64>().expect("a count"))
        });
        counts.sum()
    }

    /// The API server takes up a configuration a moment after it was stored.
    fn await_effect(&self) {
        let create = ["create", "--dry-run=server", "-f", "-"];
        let kinds = self.configurations.iter();
        let asked = kinds.map(|name| {
            if name.starts_with(MUTATING) {
                "mutate"
            } else {
                "validate"
            }
        });
        let asked: Vec<_> = asked.map(|name| format!("webhook=\"{name}\"")).collect();
        wait_for("the call of the webhook", || {
            self.kubectl.pipe(&create, PROBE);
            let was_asked = |webhook: &String| self.reviews_of(webhook) > 0;
            asked.iter().all(was_asked).then_some(())
        });
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        let names = self.configurations.iter().map(String::as_str);
        let delete: Vec<_> = ["delete", "--ignore-not-found"]
            .into_iter()
            .chain(names)
            .collect();
        // Not checked: a panic in a drop would hide the one that led here.
        self.kubectl.run(&delete);
    }
}

/// The objects of a folder of `manifests/`, as kustomize renders them.
pub(crate) fn rendered(kubectl: &Kubectl, folder: &str) -> Vec<Value> {
    let folder = manifests(folder);
    let text = kubectl.must(&["kustomize", &folder]);
    documents(&text)
}

/// A folder of `manifests/`.
pub(crate) fn manifests(folder: &str) -> String {
    format!("{}/../manifests/{folder}", env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn documents(text: &str) -> Vec<Value> {
    let stream = Stream::read(text.as_bytes(), &Options::default());
    assert_eq!(stream.problems, []);
    let values = stream.documents.into_iter().map(|document| document.value);
    values.filter(|value| !value.is_null()).collect()
}

/// The webhooks of a configuration.
pub(crate) fn webhooks_of(configuration: &mut Value) -> &mut Vec<Value> {
    configuration["webhooks"].as_array_mut().expect("webhooks")
}

/// Leads the webhooks of a configuration to `base` instead of to a Service.
pub(crate) fn redirect(configuration: &mut Value, base: &str, ca: Option<&str>) {
    for webhook in webhooks_of(configuration) {
        let to = &mut webhook["clientConfig"];
        let path = to["service"]["path"].as_str().expect("a path");
        *to = json!({"url": format!("{base}{path}")});
        if let Some(ca) = ca {
            to["caBundle"] = BASE64_STANDARD.encode(ca).into();
        }
    }
}

/// Arguments of the Deployment, with a certificate from here instead of one of its own, and without the
/// audit: it has no account.
fn arguments(objects: &[Value], certificate: &Path) -> Vec<String> {
    let here = format!("--cert-dir={}", certificate.display());
    let mut arguments = arguments_of(objects);
    arguments.retain(|argument| !argument.starts_with("--audit-"));
    let own = arguments
        .iter_mut()
        .find(|one| *one == "--tls=self-managed");
    *own.expect("a certificate of its own") = here;
    arguments
}

/// Arguments of the Deployment.
pub(crate) fn arguments_of(objects: &[Value]) -> Vec<String> {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
    let container = &deployment.expect("a Deployment")["spec"]["template"]["spec"]["containers"][0];
    let arguments = container["args"].as_array().expect("arguments").iter();
    let arguments = arguments.map(|argument| argument.as_str().expect("text").to_owned());
    arguments.collect()
}

fn command_of(arguments: &[String], options: &[&str]) -> Command {
    let flag = |argument: &str| argument.split('=').next().map(str::to_owned);
    let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // What a test wants comes in the place of what the manifests have.
    all.retain(|argument| options.iter().all(|option| flag(option) != flag(argument)));
    all.extend(options);
    // The program's tests set it as well.
    all.retain(|argument| !argument.starts_with("--log-format"));
    command(&all)
}
