//! The background audit, with the account and the permissions of the manifests.

use std::fs;

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::control_plane::wait_for;
use crate::install::Applied;
use crate::world::World;

use fixture::{Definitions, Namespace, Replica, apply, events, finding, istiod};
use reports::{
    a_kind_that_comes_and_goes_has_a_report_of_the_cluster,
    reports_of_each_family_are_written_and_go,
};

#[path = "audit/fixture.rs"]
pub(crate) mod fixture;
#[path = "audit/reports.rs"]
mod reports;

tests! {
    KUBERNETES =>
        findings_are_metrics_until_they_are_mended,
        one_replica_does_it_and_another_takes_over,
        an_error_is_told_once_and_a_version_runs_out,
        what_is_judged_by_changes_and_a_pass_follows,
        reports_of_each_family_are_written_and_go,
        objects_are_judged_once_and_where_they_are_in_scope,
        a_kind_that_comes_and_goes_has_a_report_of_the_cluster,
        a_missing_permission_is_named;
}

const CLUSTER_ROLE: &str = "clusterrole/meshcheck-webhook-audit";

fn findings_are_metrics_until_they_are_mended(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _namespace = Namespace::new(plane, "audit-mend");
    apply(plane, &istiod("audit-mend", "istio/pilot:1.7.4", "30m"));
    // As in the manifests: by what is learned of the mesh.
    let replica = Replica::start(plane, &["--watch"]);
    let support =
        "meshcheck_istio_support_days_left{revision=\"audit-mend\",version=\"1.7.4\"} -2096\n";
    for line in [
        &*finding("version-unsupported", "audit-mend", 1),
        &finding("keepalive-age-too-long", "audit-mend", 1),
        support,
    ] {
        replica.program.awaits(line);
    }
    replica.await_pass();
    assert!(replica.value("meshcheck_audit_objects{}") >= 1.0);
    assert!(replica.value("meshcheck_audit_last_success_timestamp_seconds{}") > 1e9);
    let log = replica.program.log().join("\n");
    assert!(
        log.contains("1.7.4 in revision audit-mend (out of support for 2096 days)"),
        "{log}"
    );

    apply(plane, &istiod("audit-mend", "istio/pilot:1.31.1", "10m"));
    replica.await_pass();
    let metrics = replica.metrics();
    assert!(!metrics.contains("severity=\"error\",namespace=\"audit-mend\""));
    assert!(!metrics.contains("version=\"1.7.4\""), "{metrics}");
    assert!(metrics.contains("revision=\"audit-mend\",version=\"1.31.1\""));
}

fn one_replica_does_it_and_another_takes_over(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _namespace = Namespace::new(plane, "audit-lead");
    apply(plane, &istiod("audit-lead", "istio/pilot:1.7.4", "10m"));
    let found = finding("version-unsupported", "audit-lead", 1);
    let first = Replica::start(plane, &[]);
    first.program.awaits(&found);
    let second = Replica::start(plane, &[]);
    second.program.awaits("meshcheck_audit_leader{} 0\n");
    first.await_pass();
    assert!(first.leads() && !second.leads());
    // Sums over replicas are right: the other one shows nothing.
    let metrics = second.metrics();
    assert!(!metrics.contains("meshcheck_findings{"), "{metrics}");
    assert!(!metrics.contains("days_left{"), "{metrics}");

    // One that dies does not give the Lease back.
    first.program.signal("KILL");
    second.program.awaits(&found);
    assert!(second.leads());

    // One that ends does.
    second.program.signal("TERM");
    assert_eq!(second.program.exit_code(), Some(0));
    let get = ["get", "lease", "meshcheck-webhook-audit", "-o", "json"];
    let lease = [&get[..], &["-n", "meshcheck-system"]].concat();
    assert_eq!(plane.kubectl.json(&lease)["spec"]["holderIdentity"], "");
    let third = Replica::start(plane, &[]);
    third.program.awaits(&found);
}

/// 1.28 is supported on the first date and not on the second, while nobody applies anything.
fn an_error_is_told_once_and_a_version_runs_out(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _definitions = Definitions::apply(plane, "openreports.io");
    let _namespace = Namespace::new(plane, "audit-time");
    apply(plane, &istiod("audit-time", "istio/pilot:1.28.9", "30m"));
    let at = |date: &str| {
        let date = format!("--as-of={date}");
        let replica = Replica::start(plane, &[&date]);
        wait_for("the lead", || replica.leads().then_some(()));
        replica.await_pass();
        replica
    };
    let reasons = || {
        let events = events(plane, "audit-time");
        let reasons = events
            .iter()
            .map(|event| event["reason"].as_str().expect("text"));
        let mut reasons: Vec<_> = reasons.map(str::to_owned).collect();
        reasons.sort();
        reasons
    };
    let before = at("2026-03-01");
    assert_eq!(reasons(), ["KeepaliveAgeTooLong"]);
    let event = &events(plane, "audit-time")[0];
    assert_eq!(event["regarding"]["name"], "istiod");
    assert_eq!(event["type"], "Warning");
    let note = event["note"].as_str().expect("a note");
    assert!(
        note.ends_with("(kubectl meshcheck explain keepalive-age-too-long)"),
        "{note}"
    );
    drop(before);

    // What the report shows was told, though the event itself has gone.
    let delete = [
        "delete",
        "events.events.k8s.io",
        "--all",
        "-n",
        "audit-time",
    ];
    plane.kubectl.must(&delete);
    let after = at("2026-11-22");
    assert_eq!(reasons(), ["VersionUnsupported"]);
    after
        .program
        .awaits("meshcheck_audit_events_total{result=\"created\"} 1\n");
}

/// As when the date changes: nobody waits for the interval. Both control planes are then named together.
fn what_is_judged_by_changes_and_a_pass_follows(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _namespaces = [
        Namespace::new(plane, "audit-old"),
        Namespace::new(plane, "audit-new"),
    ];
    apply(plane, &istiod("audit-old", "istio/pilot:1.30.2", "10m"));
    apply(plane, &istiod("audit-new", "istio/pilot:1.31.1", "10m"));
    let path = plane.scratch("audit").join("releases.json");
    let table = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../rules/data/istio-releases.json"
    );
    let mut table: Value = serde_json::from_slice(&fs::read(table).expect("a file")).expect("JSON");
    fs::write(&path, table.to_string()).expect("a file");
    let file = format!("--release-data={}", path.display());
    let options = ["--audit-interval=1h", "--cert-poll-interval=1s", &file];
    let replica = Replica::start(plane, &options);
    replica
        .program
        .awaits("meshcheck_audit_passes_total{result=\"ok\"} 1\n");
    assert!(
        !replica
            .metrics()
            .contains("rule=\"version-unsupported\",severity=\"error\",namespace")
    );

    let rows = table["releases"].as_array_mut().expect("rows").iter_mut();
    let mut row = rows.filter(|row| row["minor"] == "1.30");
    row.next().expect("a row")["endOfLife"] =
        json!({"date": "2026-11-20", "status": "confirmed", "source": "this test"});
    fs::write(&path, table.to_string()).expect("a file");
    replica
        .program
        .awaits(&finding("version-unsupported", "audit-old", 1));
    let told = || {
        let events = events(plane, "audit-old").into_iter();
        let note = |event: Value| event["note"].as_str().expect("a note").to_owned();
        events
            .map(note)
            .find(|note| note.contains("out of support"))
    };
    let note = wait_for("an event", told);
    let planes = "control planes here: 1.31.1 in revision audit-new";
    assert!(note.contains(planes), "{note}");
    assert!(
        note.contains("1.30.2 in revision audit-old (out of support for 2 days)"),
        "{note}"
    );
}

fn objects_are_judged_once_and_where_they_are_in_scope(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _namespaces = [
        Namespace::new(plane, "audit-scope"),
        Namespace::new(plane, "audit-left"),
    ];
    for namespace in [
        "audit-scope",
        "audit-left",
        "kube-system",
        "meshcheck-system",
    ] {
        apply(plane, &istiod(namespace, "istio/pilot:1.7.4", "10m"));
    }
    // The Deployment has a ReplicaSet, and that a Pod: three objects with the same image.
    wait_for("a Pod of the Deployment", || {
        let pods = ["get", "pods", "-n", "audit-scope", "-o", "name"];
        plane.kubectl.must(&pods).contains("pod/").then_some(())
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "bare", "namespace": "audit-scope", "labels": {"app": "istiod"}},
        "spec": {"containers": [{"name": "discovery", "image": "istio/pilot:1.7.4"}]},
    });
    apply(plane, &pod);
    let other = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "leader", "namespace": "audit-scope"},
        "data": {"mesh": "defaultConfig: {}"},
    });
    apply(plane, &other);
    let excluded = "--audit-excluded-namespaces=kube-system,audit-left";
    let replica = Replica::start(plane, &[excluded]);
    // The Deployment and the Pod that nobody made.
    replica
        .program
        .awaits(&finding("version-unsupported", "audit-scope", 2));
    let metrics = replica.metrics();
    for namespace in ["audit-left", "kube-system", "meshcheck-system"] {
        let label = format!("namespace=\"{namespace}\"");
        assert!(!metrics.contains(&label), "{metrics}");
    }
    plane
        .kubectl
        .must(&["delete", "deployment", "istiod", "-n", "kube-system"]);
}

fn a_missing_permission_is_named(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _namespace = Namespace::new(plane, "audit-denied");
    apply(plane, &istiod("audit-denied", "istio/pilot:1.7.4", "10m"));
    let role = plane.kubectl.json(&["get", CLUSTER_ROLE, "-o", "json"]);
    let rules = role["rules"].as_array().expect("rules").iter();
    let less: Vec<_> = rules
        .filter(|rule| rule["apiGroups"][0] != "batch" && rule["apiGroups"][0] != "events.k8s.io")
        .collect();
    let patch = json!([{"op": "replace", "path": "/rules", "value": less}]).to_string();
    plane
        .kubectl
        .must(&["patch", CLUSTER_ROLE, "--type=json", "-p", &patch]);
    let replica = Replica::start(plane, &[]);
    // The rest is judged all the same.
    replica
        .program
        .awaits(&finding("version-unsupported", "audit-denied", 1));
    replica
        .program
        .awaits("meshcheck_audit_passes_total{result=\"partial\"}");
    replica.await_pass();
    let log = replica.program.log().join("\n");
    for permission in [
        "list cronjobs.batch",
        "list jobs.batch",
        "create events.events.k8s.io",
    ] {
        let told = format!("the permission `{permission}` is missing");
        assert!(log.contains(&told), "{told}: {log}");
    }
    assert!(replica.value("meshcheck_audit_errors_total{reason=\"forbidden\"}") >= 3.0);
    let metrics = replica.metrics();
    assert!(
        !metrics.contains("last_success_timestamp_seconds{}"),
        "{metrics}"
    );
}
