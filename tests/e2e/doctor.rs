//! `kubectl meshcheck doctor`: on sound installations, and on broken ones.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use meshcheck_certs::Authority;
use meshcheck_certs::authority::Life;
use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::certificates::kubeconfig;
use crate::control_plane::{ControlPlane, wait_for};
use crate::install::{Applied, CERT_MANAGER, await_pods, define};
use crate::plugin::{Report, doctor, run};
use crate::process::Watchdog;
use crate::program::{Folder, Made, Program, command, within};
use crate::webhook::{
    MUTATING, VALIDATING, Webhook, arguments_of, manifests, rendered, webhooks_of,
};
use crate::world::World;

use permissions::a_missing_permission_is_found;
use pods::a_quota_that_forbids_its_pods_is_found;

#[path = "doctor/permissions.rs"]
mod permissions;
#[path = "doctor/pods.rs"]
mod pods;

tests! {
    KUBERNETES =>
        the_base_is_healthy,
        a_webhook_at_a_url_is_healthy,
        what_a_policy_leaves_alone_is_no_error,
        a_bundle_of_somebody_else_is_found,
        a_service_without_endpoints_is_found,
        a_configuration_that_was_left_over_is_found,
        a_configuration_behind_istios_is_found,
        a_selector_that_selects_nothing_is_found,
        a_webhook_that_is_away_is_found,
        a_timeout_that_is_too_long_is_found,
        a_missing_permission_is_found,
        a_quota_that_forbids_its_pods_is_found,
        a_cluster_without_it_is_told,
        what_may_not_be_read_is_told;
    CERT_MANAGER =>
        the_overlay_for_cert_manager_is_healthy,
        an_ended_certificate_is_found;
}

const NAMESPACE: &str = "meshcheck-system";
const MUTATING_PLACE: &str = "MutatingWebhookConfiguration/a0-meshcheck-webhook";
const VALIDATING_PLACE: &str = "ValidatingWebhookConfiguration/meshcheck-webhook";
const CONFIGURATIONS: [&str; 2] = [
    "mutatingwebhookconfiguration/a0-meshcheck-webhook",
    "validatingwebhookconfiguration/meshcheck-webhook",
];

/// A folder of the manifests in the cluster, with one replica on this machine, to which its Service leads.
/// There is no node, so its Pods are only said to be ready.
struct Installed<'c> {
    plane: &'c ControlPlane,
    _program: Program,
    _watchdog: Watchdog,
    _certificate: Folder,
    _applied: Applied<'c>,
}

impl<'c> Installed<'c> {
    fn start(
        plane: &'c ControlPlane,
        applied: Applied<'c>,
        certificate: Folder,
        arguments: &[String],
    ) -> Self {
        let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        // The program's tests set it as well.
        arguments.retain(|argument| !argument.starts_with("--log-format"));
        let mut command = command(&arguments);
        command.env("KUBECONFIG", kubeconfig(plane));
        let program = Program::spawn(command);
        wait_for("a ready replica", || program.is_ready().then_some(()));
        lead_here(plane, program.address.port());
        pods_are_ready(plane);
        Self {
            plane,
            _watchdog: Watchdog::over(program.child.id()),
            _program: program,
            _certificate: certificate,
            _applied: applied,
        }
    }

    /// As the base is.
    fn managed(plane: &'c ControlPlane) -> Self {
        let applied = Applied::new(plane, "base");
        let arguments = arguments_of(&rendered(&plane.kubectl, "base"));
        Self::start(plane, applied, Folder::new(), &arguments)
    }

    /// With a certificate that somebody else makes, and keeps in the Secret of the overlay.
    fn from_files(plane: &'c ControlPlane, made: &Made) -> Self {
        let folder = "overlays/cert-manager";
        let applied = Applied::new(plane, folder);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": "meshcheck-webhook-tls", "namespace": NAMESPACE},
            "stringData": {"tls.crt": made.chain, "tls.key": made.key},
        });
        let apply = ["apply", "--server-side", "-f", "-"];
        plane.kubectl.pipe(&apply, &secret.to_string()).ok();
        for configuration in CONFIGURATIONS {
            announce(plane, configuration, &made.ca);
        }
        let certificate = Folder::new();
        certificate.mount_made(made);
        let mut arguments = arguments_of(&rendered(&plane.kubectl, folder));
        let there = arguments
            .iter_mut()
            .find(|one| one.starts_with("--cert-dir="));
        *there.expect("a folder") = format!("--cert-dir={}", certificate.path().display());
        Self::start(plane, applied, certificate, &arguments)
    }

    /// Until the API server has taken up everything, and nothing is wrong.
    fn await_health(&self) -> Report {
        let mut last = Vec::new();
        let healthy = within(Duration::from_secs(30), || {
            let report = doctor(&self.plane.kubectl, &[]);
            last = report.problems();
            last.is_empty().then_some(report)
        });
        healthy.unwrap_or_else(|| panic!("{last:#?}"))
    }
}

/// A Service that leads out of the cluster is the one that leads to this machine.
fn lead_here(plane: &ControlPlane, port: u16) {
    let service = json!({"spec": {"type": "ExternalName", "externalName": "localhost"}});
    let patch = [
        "patch",
        "service/meshcheck-webhook",
        "-n",
        NAMESPACE,
        "--type=merge",
        "-p",
    ];
    plane
        .kubectl
        .must(&[&patch[..], &[&service.to_string()]].concat());
    for configuration in CONFIGURATIONS {
        set(
            plane,
            configuration,
            "clientConfig/service/port",
            &port.into(),
        );
    }
}

fn announce(plane: &ControlPlane, configuration: &str, ca: &str) {
    let bundle = BASE64_STANDARD.encode(ca).into();
    set(plane, configuration, "clientConfig/caBundle", &bundle);
}

/// Sets a field of each webhook.
fn set(plane: &ControlPlane, configuration: &str, field: &str, value: &Value) {
    let set = |index| {
        let path = format!("/webhooks/{index}/{field}");
        json!({"op": "add", "path": path, "value": value})
    };
    let all: Vec<_> = (0..4).map(set).collect();
    patch_json(plane, configuration, &all.into());
}

fn patch_json(plane: &ControlPlane, object: &str, patch: &Value) {
    let patch = patch.to_string();
    plane
        .kubectl
        .must(&["patch", object, "--type=json", "-p", &patch]);
}

/// What a kubelet would say of them.
fn pods_are_ready(plane: &ControlPlane) {
    let status = json!({"status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
    }});
    let status = status.to_string();
    for pod in await_pods(plane) {
        let patch = [
            "patch",
            &pod,
            "-n",
            NAMESPACE,
            "--subresource=status",
            "--type=merge",
        ];
        plane.kubectl.must(&[&patch[..], &["-p", &status]].concat());
    }
    wait_for("a Deployment that is ready", || {
        let deployment = plane.kubectl.get(NAMESPACE, "deployment/meshcheck-webhook");
        (deployment["status"]["readyReplicas"] == 3).then_some(())
    });
    wait_for("a disruption budget that knows it", || {
        let budget = plane.kubectl.get(NAMESPACE, "pdb/meshcheck-webhook");
        (budget["status"]["disruptionsAllowed"] == 1).then_some(())
    });
}

fn the_base_is_healthy(world: &World) {
    let plane = world.control_plane();
    let installed = Installed::managed(plane);
    let report = installed.await_health();
    assert_eq!(report.code, 0);
    let certificate = report.said("certificate");
    assert!(
        certificate[0].starts_with(
            "ok: Secret meshcheck-system/meshcheck-webhook-certificates: for \
             meshcheck-webhook.meshcheck-system.svc, to "
        ),
        "{certificate:?}"
    );
    let reached = report.said("reachability");
    let wanted = [
        format!(
            "ok: {MUTATING_PLACE}: mended an istiod whose connections live for a year, tried in "
        ),
        format!("ok: {VALIDATING_PLACE}: refused an istiod of 1.7.4, tried in "),
    ];
    for (said, wanted) in reached.iter().zip(&wanted) {
        assert!(said.starts_with(wanted), "{said}");
    }
    let human = run(&plane.kubectl, &["doctor"]);
    assert!(
        human.stdout.ends_with("\nthe webhook is healthy\n"),
        "{human:?}"
    );
}

/// For the name by which the API server calls the Service.
const SERVED: &[&str] = &["meshcheck-webhook.meshcheck-system.svc"];

fn the_overlay_for_cert_manager_is_healthy(world: &World) {
    let plane = world.control_plane();
    define(plane, &world.assets.path("cert-manager"));
    let installed = Installed::from_files(plane, &Made::for_names(SERVED));
    let report = installed.await_health();
    assert_eq!(report.code, 0);

    // Whose authority is not in the bundle is not trusted.
    announce(plane, CONFIGURATIONS[1], &Made::for_names(SERVED).ca);
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!(report.code, 1);
    let wanted = format!(
        "error: {VALIDATING_PLACE}: `caBundle` holds no authority of the certificate of Secret \
         meshcheck-system/meshcheck-webhook-tls"
    );
    assert!(
        report.said("ca-bundle").contains(&wanted),
        "{:#?}",
        report.problems()
    );
}

fn a_webhook_at_a_url_is_healthy(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!((report.code, report.problems()), (0, vec![]));
}

fn what_a_policy_leaves_alone_is_no_error(world: &World) {
    let plane = world.control_plane();
    let folder = Folder::new();
    let path = folder.path().join("meshcheck.yaml");
    let option = format!("--policy={}", path.display());
    let problems = |webhook: &str| {
        let head = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";
        fs::write(&path, format!("{head}webhook: {webhook}\n")).expect("a file");
        let _webhook = Webhook::install(plane, &[&option]);
        let report = doctor(&plane.kubectl, &[]);
        assert_eq!(report.code, 0, "{:#?}", report.problems());
        report.problems()
    };
    // Pods are tried as well.
    assert_eq!(problems("{mutate: {at: pod}}"), Vec::<String>::new());
    let [told] = problems("{mutate: {advise: true}}")
        .try_into()
        .expect("one");
    let wanted =
        format!("reachability: info: {MUTATING_PLACE}: was reached, warned, and did not mend");
    assert!(told.starts_with(&wanted), "{told}");
}

/// With the reason that the API server gives, which it does where a failure refuses the object.
fn a_bundle_of_somebody_else_is_found(world: &World) {
    let plane = world.control_plane();
    let webhook = Webhook::install(plane, &[]);
    let stranger = Made::for_names(&["127.0.0.1"]);
    announce(plane, CONFIGURATIONS[1], &stranger.ca);
    fail_closed(plane);
    let report = until(plane, "certificate signed by unknown authority");
    assert_eq!(report.code, 1);
    let mut problems = report.problems();
    for problem in &mut problems {
        // Some versions of Go add a guess, where both authorities have one name.
        problem.truncate(
            problem
                .find(" (possibly because of ")
                .unwrap_or(problem.len()),
        );
    }
    assert_eq!(
        problems,
        [
            format!(
                "ca-bundle: error: {VALIDATING_PLACE}: `caBundle` holds no authority of the \
                 certificate of https://{}",
                webhook.program.address
            ),
            format!(
                "reachability: error: {VALIDATING_PLACE}: the API server gets no answer from it: \
                 tls: failed to verify certificate: x509: certificate signed by unknown authority"
            ),
        ]
    );
}

/// As it should be done.
fn fail_closed(plane: &ControlPlane) {
    let condition = json!({"name": "a", "expression": "!has(object.metadata.deletionTimestamp)"});
    set(
        plane,
        CONFIGURATIONS[1],
        "matchConditions",
        &json!([condition]),
    );
    set(plane, CONFIGURATIONS[1], "failurePolicy", &"Fail".into());
}

/// The report, once something in it says this: the API server takes up a change after a moment.
#[track_caller]
fn until(plane: &ControlPlane, text: &str) -> Report {
    let mut last = Vec::new();
    let found = within(Duration::from_secs(30), || {
        let report = doctor(&plane.kubectl, &[]);
        last = report.problems();
        last.iter()
            .any(|problem| problem.contains(text))
            .then_some(report)
    });
    found.unwrap_or_else(|| panic!("no {text:?} in {last:#?}"))
}

/// One that was good when the webhook started.
fn an_ended_certificate_is_found(world: &World) {
    let plane = world.control_plane();
    define(plane, &world.assets.path("cert-manager"));
    let now = Timestamp::now();
    let life = Life::from(now, Duration::from_secs(25), Duration::from_hours(1));
    let authority = Authority::found("short", now, life).expect("an authority");
    let issued = authority
        .issue(&[SERVED[0].to_owned()], life)
        .expect("a certificate");
    let made = Made {
        ca: authority.certificate().pem(),
        chain: issued.certificate,
        key: issued.key,
    };
    let _installed = Installed::from_files(plane, &made);
    let report = until(plane, "the certificate ended at ");
    assert_eq!(report.code, 1);
    assert_eq!(
        report.said("ca-bundle")[0],
        format!("error: {MUTATING_PLACE}: every certificate of `caBundle` has ended")
    );
}

fn a_service_without_endpoints_is_found(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    await_pods(plane);
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!(report.code, 1);
    assert_eq!(
        report.said("endpoints"),
        ["error: Service meshcheck-system/meshcheck-webhook: has no endpoint"]
    );
    let said = report.problems().join("\n");
    for wanted in [
        "replicas: warning: Deployment meshcheck-system/meshcheck-webhook: 0 of 3 replicas are ready",
        "certificate: error: Secret meshcheck-system/meshcheck-webhook-certificates: does not exist",
        &format!("ca-bundle: error: {VALIDATING_PLACE}: has no `caBundle`"),
        &format!("reachability: error: {VALIDATING_PLACE}: "),
    ] {
        assert!(said.contains(wanted), "{wanted:?} is not in {said}");
    }
    let notes = json!(report.notes("reachability")).to_string();
    assert!(
        notes.contains("no endpoints available for service"),
        "{notes}"
    );
}

/// What is left of an installation whose namespace somebody deleted.
fn a_configuration_that_was_left_over_is_found(world: &World) {
    let plane = world.control_plane();
    let [mutating, validating] =
        ["mutating", "validating"].map(|kind| manifests(&format!("base/{kind}.yaml")));
    let _left = Left::of(plane, &["-f", &mutating, "-f", &validating]);
    fail_closed(plane);
    let report = until(plane, "service \"meshcheck-webhook\" not found");
    assert_eq!(report.code, 1);
    let gone = "leads to Service meshcheck-system/meshcheck-webhook, which does not exist";
    assert_eq!(
        report.said("service"),
        [MUTATING_PLACE, VALIDATING_PLACE].map(|place| format!("error: {place}: {gone}"))
    );
    // The command that it gives takes it out of the way.
    let note = &report.notes("service")[1];
    assert_eq!(
        note["leadsTo"],
        "with failurePolicy Fail, everything that it is asked about is refused"
    );
    let command = note["command"].as_str().expect("a command");
    let command: Vec<_> = command.split(' ').skip(1).collect();
    plane.kubectl.must(&command);
    let gone = plane.kubectl.run(&["get", CONFIGURATIONS[1]]);
    assert_eq!(gone.code, 1);
}

/// Objects that are deleted with this.
struct Left<'c> {
    plane: &'c ControlPlane,
    arguments: Vec<String>,
}

impl<'c> Left<'c> {
    fn of(plane: &'c ControlPlane, arguments: &[&str]) -> Self {
        plane
            .kubectl
            .must(&[&["apply", "--server-side"], arguments].concat());
        Self {
            plane,
            arguments: arguments.iter().map(ToString::to_string).collect(),
        }
    }

    fn object(plane: &'c ControlPlane, folder: &Folder, name: &str, object: &Value) -> Self {
        let path = folder.path().join(name);
        fs::write(&path, object.to_string()).expect("a file");
        Self::of(plane, &["-f", path.to_str().expect("text")])
    }
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let arguments = self.arguments.iter().map(String::as_str);
        let delete: Vec<_> = ["delete", "--ignore-not-found"]
            .into_iter()
            .chain(arguments)
            .collect();
        // Not checked: a panic in a drop would hide the one that led here.
        self.plane.kubectl.run(&delete);
    }
}

fn a_configuration_behind_istios_is_found(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install_with(plane, &[], &[MUTATING, VALIDATING], |object| {
        if object["kind"] == MUTATING {
            object["metadata"]["name"] = "zz-meshcheck".into();
        }
    });
    let folder = Folder::new();
    // It is asked about nothing.
    let injector = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": MUTATING,
        "metadata": {"name": "istio-sidecar-injector-of-doctor"},
        "webhooks": [{
            "name": "rev.namespace.sidecar-injector.istio.io",
            "clientConfig": {"url": "https://127.0.0.1:1/inject"},
            "admissionReviewVersions": ["v1"], "sideEffects": "None",
        }],
    });
    let _injector = Left::object(plane, &folder, "injector", &injector);
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!(report.code, 1);
    let [problem] = report.problems().try_into().expect("one problem");
    assert!(
        problem.starts_with(
            "order: error: MutatingWebhookConfiguration/zz-meshcheck: is called after istio-"
        ),
        "{problem}"
    );
}

fn a_selector_that_selects_nothing_is_found(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    let selector = json!([{
        "op": "replace", "path": "/webhooks/0/namespaceSelector/matchExpressions/0/operator", "value": "In",
    }, {
        "op": "replace", "path": "/webhooks/0/namespaceSelector/matchExpressions/0/values",
        "value": ["nowhere"],
    }]);
    for configuration in CONFIGURATIONS {
        patch_json(plane, configuration, &selector);
    }
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!(report.code, 1);
    let problems = report.problems();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    for (problem, place) in problems.iter().zip([MUTATING_PLACE, VALIDATING_PLACE]) {
        let wanted = format!("namespaces: error: {place}: namespaceSelector selects none of ");
        assert!(problem.starts_with(&wanted), "{problem}");
    }
}

/// Where it is let pass, nobody else tells.
fn a_webhook_that_is_away_is_found(world: &World) {
    let plane = world.control_plane();
    let webhook = Webhook::install(plane, &[]);
    let away = ["", "in"].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    let url = format!(
        "https://{}/validate",
        away[0].local_addr().expect("an address")
    );
    drop(away);
    let to = json!([{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": url}]);
    patch_json(plane, CONFIGURATIONS[1], &to);
    let report = until(plane, "gets no answer");
    assert_eq!(report.code, 1);
    let wanted =
        format!("reachability: error: {VALIDATING_PLACE}: the API server gets no answer from it");
    assert_eq!(report.problems(), std::slice::from_ref(&wanted));
    let note = &report.notes("reachability")[1];
    assert_eq!(
        note["leadsTo"],
        "with failurePolicy Ignore, everything passes, and nobody is told"
    );
    fail_closed(plane);
    let report = until(plane, "connection refused");
    assert!(
        report.problems()[0].starts_with(&wanted),
        "{:#?}",
        report.problems()
    );
    drop(webhook);
}

fn a_timeout_that_is_too_long_is_found(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install_with(plane, &[], &[MUTATING, VALIDATING], |object| {
        let is_mutating = object["kind"] == MUTATING;
        for webhook in webhooks_of(object) {
            webhook["timeoutSeconds"] = if is_mutating { 30 } else { 5 }.into();
        }
    });
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!(report.code, 1);
    assert_eq!(
        report.problems(),
        [
            format!("timeouts: error: {MUTATING_PLACE}: timeoutSeconds is 30, above 2"),
            format!("timeouts: warning: {VALIDATING_PLACE}: timeoutSeconds is 5, above 3"),
        ]
    );
    // What it says to do is enough.
    for note in report.notes("timeouts") {
        let command = note["command"].as_str().expect("a command");
        let command = command.strip_prefix("kubectl patch ").expect("a patch");
        let (object, patch) = command.split_once(" --type=json -p='").expect("a patch");
        patch_json(
            plane,
            object,
            &serde_json::from_str(patch.trim_end_matches('\'')).expect("JSON"),
        );
    }
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!((report.code, report.problems()), (0, vec![]));
}

fn a_cluster_without_it_is_told(world: &World) {
    let plane = world.control_plane();
    let said = run(&plane.kubectl, &["doctor"]);
    assert_eq!(said.code, 4, "{said:?}");
    let wanted = "\nthe webhook is not installed in this cluster\n";
    assert!(said.stdout.ends_with(wanted), "{said:?}");

    let said = run(&plane.kubectl, &["doctor", "--context=elsewhere"]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    let wanted = "error: the kubeconfig has no context `elsewhere`: it has tests\n";
    assert_eq!(said.stderr, wanted);
}

/// By an account that may do little.
fn what_may_not_be_read_is_told(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    let file = as_account(plane, "default");
    let option = format!("--kubeconfig={}", file.display());
    let said = run(&plane.kubectl, &["doctor", &option]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""));
    let wanted = "error: cannot list mutatingwebhookconfigurations at https://127.0.0.1:";
    assert!(said.stderr.starts_with(wanted), "{said:?}");
    assert!(
        said.stderr
            .contains("User \"system:serviceaccount:default:default\" cannot list"),
        "{said:?}"
    );

    let folder = Folder::new();
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "meshcheck-doctor"},
        "rules": [{
            "apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["list"],
        }],
    });
    let role = Left::object(plane, &folder, "role", &role);
    let _binding = bound(plane, &folder);
    let report = told(plane, &option, 3);
    let problems = report.problems();
    assert!(
        problems
            .iter()
            .all(|problem| problem.contains(": unknown: ")),
        "{problems:#?}"
    );
    let said = problems.join("\n");
    for wanted in [
        "namespaces: unknown: cannot list namespaces: ",
        "reachability: unknown: ",
    ] {
        assert!(said.contains(wanted), "{said}");
    }

    // With the permissions of the manual nothing is missing.
    drop(role);
    let role = role_of_the_manual();
    let path = folder.path().join("role");
    fs::write(&path, role).expect("a file");
    let _role = Left::of(plane, &["-f", path.to_str().expect("text")]);
    wait_for("a healthy webhook", || {
        let said = run(&plane.kubectl, &["doctor", &option]);
        (said.code == 0).then_some(())
    });
}

/// What is reported to who uses this kubeconfig, once it ends with this code: permissions hold after a moment.
fn told(plane: &ControlPlane, option: &str, code: i32) -> Report {
    wait_for("a report", || {
        let said = run(&plane.kubectl, &["doctor", "--output=json", option]);
        let value = serde_json::from_str(&said.stdout).ok()?;
        let report = Report {
            code: said.code,
            value,
        };
        (report.code == code).then_some(report)
    })
}

/// What the manual says that the doctor needs.
fn role_of_the_manual() -> String {
    let page = fs::read_to_string(manifests("../docs/doctor.md")).expect("a page");
    let (_, role) = page.split_once("```yaml\n").expect("a role");
    let (role, _) = role.split_once("```").expect("its end");
    role.to_owned()
}

/// Gives the role to the account `default`.
fn bound<'c>(plane: &'c ControlPlane, folder: &Folder) -> Left<'c> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "meshcheck-doctor"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "meshcheck-doctor",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    });
    Left::object(plane, folder, "binding", &binding)
}

/// A kubeconfig of an account in namespace `default`.
fn as_account(plane: &ControlPlane, name: &str) -> PathBuf {
    let token = plane.kubectl.must(&["create", "token", name]);
    let text = fs::read_to_string(&plane.kubectl.kubeconfig).expect("a file");
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    file["users"][0]["user"] = json!({"token": token.trim()});
    let path = plane.scratch("doctor").join("kubeconfig");
    fs::write(&path, file.to_string()).expect("a file");
    path
}
