//! Certificates that the webhook keeps for itself: with the account and the permissions of the
//! manifests, and nothing beyond them.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::PostParams;
use meshcheck_certs::Certificate;
use serde_json::{Map, Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::{ControlPlane, wait_for};
use crate::install::Applied;
use crate::process::Watchdog;
use crate::program::{Program, command};
use crate::webhook::{MUTATING, PROBE, VALIDATING, arguments_of, redirect, rendered, webhooks_of};
use crate::world::World;

tests! {
    KUBERNETES =>
        replicas_agree_on_a_certificate_that_the_api_server_trusts,
        the_account_may_do_what_it_has_to_and_no_more,
        certificates_and_authorities_change_and_no_request_notices;
}

const NAMESPACE: &str = "meshcheck-system";
const SECRET: &str = "meshcheck-webhook-certificates";
const ACCOUNT: &str = "system:serviceaccount:meshcheck-system:meshcheck-webhook";

const CONFIGURATIONS: [&str; 2] = [
    "mutatingwebhookconfiguration/a0-meshcheck-webhook",
    "validatingwebhookconfiguration/meshcheck-webhook",
];

/// The base as it is, and two replicas of its Deployment on this machine.
struct Installed<'c> {
    plane: &'c ControlPlane,
    replicas: [Program; 2],
    _watchdogs: [Watchdog; 2],
    _base: Applied<'c>,
}

impl<'c> Installed<'c> {
    fn new(plane: &'c ControlPlane, options: &[&str]) -> Self {
        let base = Applied::new(plane, "base");
        let kubeconfig = kubeconfig(plane);
        let mut arguments = arguments_of(&rendered(&plane.kubectl, "base"));
        // The program's tests set it as well.
        arguments.retain(|argument| !argument.starts_with("--log-format"));
        arguments.push("--cert-names=localhost,127.0.0.1".to_owned());
        let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        arguments.extend(options);
        let replicas = [(); 2].map(|()| {
            let mut command = command(&arguments);
            command.env("KUBECONFIG", &kubeconfig);
            Program::spawn(command)
        });
        for replica in &replicas {
            wait_for("a ready replica", || replica.is_ready().then_some(()));
        }
        Self {
            plane,
            _watchdogs: [0, 1].map(|number| Watchdog::over(replicas[number].child.id())),
            replicas,
            _base: base,
        }
    }

    /// Both configurations, led to the first replica. They have no `caBundle`, as in the manifests.
    fn redirected(&self) -> String {
        let to = format!("https://{}", self.replicas[0].address);
        let mut objects = rendered(&self.plane.kubectl, "base");
        objects.retain(|object| {
            [MUTATING, VALIDATING]
                .iter()
                .any(|kind| object["kind"] == *kind)
        });
        for object in &mut objects {
            redirect(object, &to, None);
        }
        json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
    }

    fn configurations(&self) -> [Value; 2] {
        CONFIGURATIONS.map(|name| {
            let get = ["get", name, "-o", "json", "--show-managed-fields"];
            self.plane.kubectl.json(&get)
        })
    }

    /// What all webhooks of both announce, if they say the same.
    fn announced(&self) -> Option<Vec<Certificate>> {
        let mut configurations = self.configurations();
        let webhooks = configurations.iter_mut().flat_map(webhooks_of);
        let mut bundles = webhooks.map(|webhook| {
            let bundle = webhook["clientConfig"]["caBundle"].take();
            serde_json::from_value::<Option<ByteString>>(bundle).expect("base64")
        });
        let one = bundles.next()??;
        let agree = bundles.all(|other| other.as_ref() == Some(&one));
        agree.then(|| Certificate::all_from_pem(&one.0).expect("certificates"))
    }

    fn secret(&self) -> Secret {
        let secret = self
            .plane
            .kubectl
            .get(NAMESPACE, &format!("secret/{SECRET}"));
        serde_json::from_value(secret).expect("a Secret")
    }

    fn stored(&self, key: &str) -> Certificate {
        let data = self.secret().data.expect("data");
        Certificate::from_pem(&data[key].0).expect("a certificate")
    }

    /// Until the API server calls the webhook, and is answered.
    fn await_refusal(&self) {
        let create = ["create", "--dry-run=server", "-f", "-"];
        wait_for("a refusal", || {
            let said = self.plane.kubectl.pipe(&create, PROBE);
            said.stderr.contains("version-unsupported").then_some(())
        });
    }
}

/// The file of somebody who has the account of the webhook, as a Pod has it.
pub(crate) fn kubeconfig(plane: &ControlPlane) -> PathBuf {
    let token = ["create", "token", "meshcheck-webhook", "-n", NAMESPACE];
    let token = plane.kubectl.must(&token);
    let text = fs::read_to_string(&plane.kubectl.kubeconfig).expect("a file");
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    file["users"][0]["user"] = json!({"token": token.trim()});
    file["contexts"][0]["context"]["namespace"] = NAMESPACE.into();
    let path = plane.scratch("certificates").join("kubeconfig");
    fs::write(&path, file.to_string()).expect("a file");
    path
}

fn replicas_agree_on_a_certificate_that_the_api_server_trusts(world: &World) {
    let plane = world.control_plane();
    let installed = Installed::new(plane, &[]);
    assert_eq!(
        installed.announced(),
        Some(vec![installed.stored("ca.crt")])
    );
    assert_eq!(
        installed.secret().type_.as_deref(),
        Some("kubernetes.io/tls")
    );
    let not_after = installed.stored("tls.crt").not_after().as_second();
    for replica in &installed.replicas {
        let line = format!("meshcheck_certificate_not_after_timestamp_seconds {not_after}");
        replica.awaits(&line);
        let log = replica.log().join("\n");
        assert!(!log.contains("PRIVATE") && !log.contains("ERROR"), "{log}");
    }

    // Whoever applies the manifests again takes nothing away; the one field is all that is ours.
    let apply = ["apply", "--server-side", "-f", "-"];
    for _ in 0..2 {
        plane
            .kubectl
            .pipe(&apply, &installed.redirected())
            .silently();
        assert_eq!(
            installed.announced(),
            Some(vec![installed.stored("ca.crt")])
        );
        installed.await_refusal();
    }
    for mut object in installed.configurations() {
        let webhooks = webhooks_of(&mut object).iter().map(|webhook| {
            let key = json!({"name": webhook["name"]});
            let fields = json!({".": {}, "f:clientConfig": {"f:caBundle": {}}, "f:name": {}});
            (format!("k:{key}"), fields)
        });
        let webhooks: Map<_, _> = webhooks.collect();
        let managers = object["metadata"]["managedFields"].take();
        let mut managers = managers.as_array().expect("a list").iter();
        let ours = managers
            .find(|one| one["manager"] == "meshcheck-certs")
            .expect("ours");
        assert_eq!(ours["operation"], "Apply");
        assert_eq!(ours["fieldsV1"], json!({"f:webhooks": webhooks}));
    }

    // Whoever replaces them does, and it comes back.
    let before = Instant::now();
    plane
        .kubectl
        .pipe(&["replace", "-f", "-"], &installed.redirected())
        .silently();
    wait_for("the bundle", || installed.announced());
    assert!(
        before.elapsed() < Duration::from_secs(15),
        "by a watch, not by the interval"
    );
    installed.await_refusal();
}

fn the_account_may_do_what_it_has_to_and_no_more(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let may = |verb: &str, what: &str| {
        let who = format!("--as={ACCOUNT}");
        let ask = ["auth", "can-i", verb, what, "-n", NAMESPACE, &who];
        plane.kubectl.run(&ask).code == 0
    };
    for (verb, what, answer) in [
        ("get", "secrets/meshcheck-webhook-certificates", true),
        ("update", "secrets/meshcheck-webhook-certificates", true),
        ("delete", "secrets/meshcheck-webhook-certificates", false),
        ("create", "secrets", true),
        ("get", "secrets/other", false),
        ("list", "secrets", false),
        (
            "patch",
            "mutatingwebhookconfigurations/a0-meshcheck-webhook",
            true,
        ),
        (
            "patch",
            "validatingwebhookconfigurations/meshcheck-webhook",
            true,
        ),
        (
            "patch",
            "mutatingwebhookconfigurations/istio-sidecar-injector",
            false,
        ),
        (
            "delete",
            "mutatingwebhookconfigurations/a0-meshcheck-webhook",
            false,
        ),
        ("create", "validatingwebhookconfigurations", false),
        ("get", "roles/meshcheck-webhook-certificates", true),
        ("get", "roles/other", false),
        ("delete", "pods", false),
        ("get", "services", false),
    ] {
        assert_eq!(may(verb, what), answer, "{verb} {what}");
    }
}

/// Certificates of twelve seconds and authorities of three times as many: each is replaced by its
/// successor, and once by force.
fn certificates_and_authorities_change_and_no_request_notices(world: &World) {
    let plane = world.control_plane();
    let installed = Installed::new(plane, &["--cert-life=12s", "--ca-life=36s"]);
    let apply = ["apply", "--server-side", "-f", "-"];
    plane
        .kubectl
        .pipe(&apply, &installed.redirected())
        .silently();
    installed.await_refusal();
    let [mut authorities, mut certificates] = [vec![], vec![]];
    let end = Instant::now() + Duration::from_secs(40);
    let mut forced = false;
    while Instant::now() < end {
        for _ in 0..20 {
            plane.block_on(is_refused(plane));
        }
        for (key, seen) in [("ca.crt", &mut authorities), ("tls.crt", &mut certificates)] {
            let now = installed.stored(key);
            if seen.last() != Some(&now) {
                seen.push(now);
            }
        }
        if authorities.len() == 2 && !forced {
            forced = true;
            plane
                .kubectl
                .must(&["delete", "secret", SECRET, "-n", NAMESPACE]);
            wait_for("a new Secret", || {
                let get = ["get", "secret", SECRET, "-n", NAMESPACE];
                (plane.kubectl.run(&get).code == 0).then_some(())
            });
        }
        sleep(Duration::from_millis(50));
    }
    assert!(authorities.len() >= 3, "{authorities:?}");
    assert!(certificates.len() >= 5, "{certificates:?}");
    for replica in &installed.replicas {
        assert!(replica.is_ready());
        let metrics = replica.get("/metrics");
        assert!(!metrics.contains("reason=\"alert\""), "{metrics}");
    }
}

/// That a Pod which must be refused is: a webhook that could not be called would let it pass.
pub(crate) async fn is_refused(plane: &ControlPlane) {
    let refused = try_unsafe(plane).await.expect_err("a refusal");
    assert!(is_ours(&refused), "{refused}");
}

/// Asks for a Pod which must be refused, without making it.
pub(crate) async fn try_unsafe(plane: &ControlPlane) -> kube::Result<Pod> {
    let pods = Api::<Pod>::default_namespaced(plane.client.clone());
    let pod = serde_json::from_str(PROBE).expect("a Pod");
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    pods.create(&params, &pod).await
}

/// Whether that is the refusal of such a Pod.
pub(crate) fn is_ours(refused: &kube::Error) -> bool {
    refused.to_string().contains("version-unsupported")
}
