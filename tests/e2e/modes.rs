//! The policy's `webhook`, on a cluster: modes, a new policy, Git's objects, emergencies.

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::{ControlPlane, wait_for};
use crate::program::{Folder, Program, command};
use crate::requests::{too_long, too_old};
use crate::webhook::Webhook;
use crate::world::World;

tests! {
    KUBERNETES =>
        a_mode_is_for_a_namespace,
        a_new_policy_holds_and_a_bad_one_never,
        what_git_owns_is_mended_on_its_pods,
        the_glass_is_broken_with_a_reason,
        a_refused_policy_makes_an_event,
        istiod_goes_back_to_a_revision_of_its_own;
}

const APPLY: [&str; 3] = ["apply", "-f", "-"];
const TRY: [&str; 4] = ["apply", "--dry-run=server", "-f", "-"];
const FILE: &str = "meshcheck.yaml";

fn mount(folder: &Folder, webhook: &Value) {
    let policy = json!({
        "apiVersion": "meshcheck.dev/v1alpha1", "kind": "Policy", "webhook": webhook,
    });
    folder.mount_files(&[(FILE, &policy.to_string())]);
}

/// An installed webhook with this policy.
fn install<'c>(plane: &'c ControlPlane, folder: &Folder, webhook: &Value) -> Webhook<'c> {
    mount(folder, webhook);
    let path = folder.path().join(FILE);
    let policy = format!("--policy={}", path.display());
    Webhook::install(plane, &[&policy, "--cert-poll-interval=50ms"])
}

fn a_mode_is_for_a_namespace(world: &World) {
    let plane = world.control_plane();
    for name in ["strict", "warned", "audited", "free"] {
        plane.namespace(name, &json!({}));
    }
    let folder = Folder::new();
    let modes = [("warn", "warned"), ("audit", "aud*"), ("off", "free")];
    let modes = modes.map(|(mode, namespace)| json!({"mode": mode, "namespace": namespace}));
    let _webhook = install(plane, &folder, &json!({"modes": modes}));
    let apply = |namespace: &str| {
        let object = too_old(namespace, "istiod");
        plane.kubectl.pipe(&APPLY, &object.to_string())
    };
    assert!(apply("strict").refused().contains("version-unsupported"));
    let said = apply("warned");
    let told = "meshcheck version-unsupported (error, not enforced): ";
    assert!(
        said.warnings().iter().any(|text| text.starts_with(told)),
        "{said:?}"
    );
    said.ok();
    apply("audited").silently();
    apply("free").silently();
    let kept = wait_for("the audit log", || {
        let events = plane.audit("istiod");
        let mut audited = events
            .into_iter()
            .filter(|event| event["objectRef"]["namespace"] == "audited");
        audited.find(|event| event["annotations"].is_object())
    });
    let name = "validate.meshcheck.dev/audit.version-unsupported";
    let text = kept["annotations"][name].as_str().expect("an annotation");
    assert!(
        text.starts_with("error: istiod (tag `1.7.4`) is out of support"),
        "{text}"
    );
}

fn a_new_policy_holds_and_a_bad_one_never(world: &World) {
    let plane = world.control_plane();
    plane.namespace("reload", &json!({}));
    let folder = Folder::new();
    let webhook = install(plane, &folder, &json!({}));
    let tried = || {
        plane
            .kubectl
            .pipe(&TRY, &too_old("reload", "istiod").to_string())
    };
    tried().refused();
    mount(&folder, &json!({"mode": "off"}));
    webhook
        .program
        .awaits("meshcheck_policy_reloads_total{result=\"swapped\"} 1\n");
    tried().silently();
    mount(&folder, &json!({"mode": "enforced"}));
    webhook
        .program
        .awaits("meshcheck_policy_last_reload_successful 0\n");
    tried().silently();
    mount(&folder, &json!({"mode": "enforce"}));
    webhook
        .program
        .awaits("meshcheck_policy_last_reload_successful 1\n");
    tried().refused();
}

/// What controllers make of it gets what the object may not get, and a second apply from Git finds
/// nothing that is not Git's.
fn what_git_owns_is_mended_on_its_pods(world: &World) {
    let plane = world.control_plane();
    plane.namespace("git", &json!({}));
    let _webhook = Webhook::install(plane, &[]);
    let mut object = too_long("git", "istiod");
    object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] = "mesh".into();
    let spec = &mut object["spec"]["template"]["spec"];
    spec.as_object_mut()
        .expect("a spec")
        .remove("serviceAccountName");
    let age = |spec: &Value| spec["containers"][0]["args"][6].clone();
    let git = age(spec);
    let apply = [
        "apply",
        "--server-side",
        "--field-manager=kustomize-controller",
        "-f",
        "-",
    ];
    let said = plane.kubectl.pipe(&apply, &object.to_string());
    let told = "meshcheck keepalive-age-too-long (error, mended at its pods): ";
    assert!(said.warnings()[0].starts_with(told), "{said:?}");
    said.ok();
    let stored = plane.kubectl.get("git", "deployment/istiod");
    assert_eq!(age(&stored["spec"]["template"]["spec"]), git);
    let pods = wait_for("a Pod", || {
        let pods = plane
            .kubectl
            .json(&["get", "pods", "-n", "git", "-o", "json"]);
        let pods = pods["items"].as_array()?.clone();
        (!pods.is_empty()).then_some(pods)
    });
    for pod in &pods {
        assert_eq!(age(&pod["spec"]), "10m");
    }
    plane.kubectl.pipe(&apply, &object.to_string()).ok();
    let again = plane.kubectl.get("git", "deployment/istiod");
    assert_eq!(
        again["metadata"]["generation"],
        stored["metadata"]["generation"]
    );
    let sets = ["get", "replicasets", "-n", "git", "-o", "json"];
    let sets = plane.kubectl.json(&sets);
    assert_eq!(sets["items"].as_array().map(Vec::len), Some(1));
}

fn the_glass_is_broken_with_a_reason(world: &World) {
    let plane = world.control_plane();
    for name in ["glass", "no-glass"] {
        plane.namespace(name, &json!({}));
    }
    let folder = Folder::new();
    let allowed = json!({"allow": true, "namespace": "glass", "group": "system:masters"});
    let webhook = install(plane, &folder, &json!({"break_glass": allowed}));
    let apply = |namespace: &str, reason: Option<&str>| {
        let mut object = too_old(namespace, "istiod");
        if let Some(reason) = reason {
            object["metadata"]["annotations"] = json!({"meshcheck.dev/break-glass": reason});
        }
        plane.kubectl.pipe(&APPLY, &object.to_string())
    };
    let offered = "meshcheck.dev/break-glass with a reason lets it pass in an emergency";
    assert!(apply("glass", None).refused().contains(offered));
    assert!(!apply("no-glass", None).refused().contains("break-glass"));
    let void = "meshcheck.dev/break-glass does not count: ";
    let said = apply("no-glass", Some("istiod is down"));
    let why = "the policy does not allow it here";
    assert!(said.refused().contains(&format!("{void}{why}")), "{said:?}");
    let said = apply("glass", Some(" "));
    assert!(
        said.refused()
            .contains(&format!("{void}it gives no reason")),
        "{said:?}"
    );

    let said = apply("glass", Some("istiod is down"));
    let told = "meshcheck version-unsupported (error, glass broken): ";
    assert!(
        said.warnings().iter().any(|text| text.starts_with(told)),
        "{said:?}"
    );
    said.ok();
    let line = webhook.program.line("the glass was broken: errors pass");
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["reason"], "istiod is down");
    assert_eq!(line["rules"], "version-unsupported");
    webhook.program.awaits(
        "meshcheck_break_glass_total{rule=\"version-unsupported\",namespace=\"glass\"} 1\n",
    );
    let kept = wait_for("the audit log", || {
        let events = plane.audit("istiod").into_iter();
        let name = "validate.meshcheck.dev/break-glass.version-unsupported";
        let mut texts = events.filter_map(|event| {
            let text = event["annotations"][name].as_str()?;
            Some(text.to_owned())
        });
        texts.next()
    });
    assert!(
        kept.starts_with("istiod is down: istiod (tag `1.7.4`)"),
        "{kept}"
    );
}

fn a_refused_policy_makes_an_event(world: &World) {
    let plane = world.control_plane();
    let folder = Folder::new();
    mount(&folder, &json!({}));
    let policy = format!("--policy={}", folder.path().join(FILE).display());
    let options = [
        "--self-signed",
        "--watch",
        "--cert-poll-interval=50ms",
        &policy,
    ];
    let mut command = command(&options);
    command.env("KUBECONFIG", &plane.kubectl.kubeconfig);
    command.env("HOSTNAME", "meshcheck-webhook-7d4");
    let program = Program::spawn(command);
    mount(&folder, &json!({"mode": "enforced"}));
    program.awaits("meshcheck_policy_last_reload_successful 0\n");
    let event = wait_for("an event", || {
        let events = plane
            .kubectl
            .json(&["get", "events.v1.events.k8s.io", "-o", "json"]);
        let events = events["items"].as_array()?.clone();
        events
            .into_iter()
            .find(|event| event["reason"] == "PolicyRefused")
    });
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["regarding"]["name"], "meshcheck-webhook-7d4");
    let note = event["note"].as_str().expect("a note");
    assert!(
        note.starts_with("keeping the old policy: policy /"),
        "{note}"
    );
    let why = "`webhook.mode` is `enforced`: expected `enforce`, `warn`, `audit`, `off`";
    assert!(note.contains(why), "{note}");
}

/// The new one does not start, and the old one is out of support by now: the way back is open, and what
/// ran runs again, as it ran.
fn istiod_goes_back_to_a_revision_of_its_own(world: &World) {
    let plane = world.control_plane();
    plane.namespace("back", &json!({}));
    let run = |words: &[&str]| plane.kubectl.run(&[&["-n", "back"], words].concat());
    let set_image = |version: &str| {
        let image = format!("discovery=docker.io/istio/pilot:{version}");
        run(&["set", "image", "deployment/istiod", &image])
    };
    let image = || {
        let stored = plane.kubectl.get("back", "deployment/istiod");
        stored["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    let old = too_old("back", "istiod");
    plane.kubectl.pipe(&APPLY, &old.to_string()).ok();
    await_revisions(plane, 1);
    let first = plane.kubectl.get("back", "deployment/istiod");
    set_image("1.31.1").ok();
    await_revisions(plane, 2);

    let admin = &plane.kubectl.kubeconfig;
    let _webhook = Webhook::install_watching(plane, admin, &["--kubernetes-version=1.36"]);
    let elsewhere = set_image("1.7.3");
    assert!(
        elsewhere.refused().contains("version-unsupported"),
        "{elsewhere:?}"
    );
    wait_for("the revisions", || {
        let tried = run(&["rollout", "undo", "deployment/istiod", "--dry-run=server"]);
        (tried.code == 0).then_some(())
    });
    let said = run(&["rollout", "undo", "deployment/istiod"]);
    let told = "meshcheck version-unsupported (error, ran before as ReplicaSet/istiod-";
    assert!(
        said.warnings().iter().any(|text| text.starts_with(told)),
        "{said:?}"
    );
    said.ok();
    assert_eq!(image(), "docker.io/istio/pilot:1.7.4");
    let back = plane.kubectl.get("back", "deployment/istiod");
    assert_eq!(back["spec"]["template"], first["spec"]["template"]);
    await_revisions(plane, 2);
}

fn await_revisions(plane: &ControlPlane, count: usize) {
    wait_for("revisions", || {
        let sets = plane
            .kubectl
            .json(&["get", "replicasets", "-n", "back", "-o", "json"]);
        (sets["items"].as_array().map(Vec::len) == Some(count)).then_some(())
    });
}
