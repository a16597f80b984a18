//! Policy reports of both families.

use serde_json::{Value, json};

use super::fixture::{Definitions, Namespace, Replica, apply, events, finding, istiod};
use crate::control_plane::wait_for;
use crate::install::Applied;
use crate::world::World;

pub(super) fn reports_of_each_family_are_written_and_go(world: &World) {
    let plane = world.control_plane();
    let base = Applied::new(plane, "base");
    let _namespace = Namespace::new(plane, "audit-report");
    apply(plane, &istiod("audit-report", "istio/pilot:1.7.4", "30m"));
    let replica = Replica::start(plane, &["--log-level=debug"]);
    replica
        .program
        .line("audit: no definition of policy reports, so there are none");

    let of = |resource: &str| {
        let get = [
            "get",
            resource,
            "meshcheck",
            "-n",
            "audit-report",
            "-o",
            "json",
        ];
        let said = plane.kubectl.run(&get);
        (said.code == 0).then(|| serde_json::from_str::<Value>(&said.stdout).expect("JSON"))
    };
    let wg = Definitions::apply(plane, "wgpolicyk8s.io");
    let report = wait_for("a PolicyReport", || of("policyreports.wgpolicyk8s.io"));
    check(&report);
    assert_eq!(report.get("source"), None);

    // The successor is preferred, and two of the same would be one too many.
    let open = Definitions::apply(plane, "openreports.io");
    let report = wait_for("a Report", || of("reports.openreports.io"));
    check(&report);
    assert_eq!(report["source"], "meshcheck");
    replica.await_pass();
    assert_eq!(of("policyreports.wgpolicyk8s.io"), None);

    // What does not change is not written.
    let version = &report["metadata"]["resourceVersion"];
    replica.await_pass();
    let again = of("reports.openreports.io").expect("a report");
    assert_eq!(again["metadata"]["resourceVersion"], *version);
    assert!(replica.value("meshcheck_audit_report_writes_total{result=\"written\"}") >= 2.0);

    // What somebody else wrote into it is mended.
    let spoil = r#"{"summary": {"fail": 99}}"#;
    let patch = [
        "patch",
        "reports.openreports.io",
        "meshcheck",
        "-n",
        "audit-report",
    ];
    let patch = [&patch[..], &["--type=merge", "-p", spoil]].concat();
    plane.kubectl.must(&patch);
    replica.await_pass();
    assert_eq!(
        of("reports.openreports.io").expect("a report")["summary"]["fail"],
        2
    );

    apply(plane, &istiod("audit-report", "istio/pilot:1.31.1", "10m"));
    replica.await_pass();
    let clean = of("reports.openreports.io");
    let failed = clean.map(|report| report["summary"]["fail"].clone());
    assert!(failed.is_none_or(|failed| failed == 0));
    plane
        .kubectl
        .must(&["delete", "deployment", "istiod", "-n", "audit-report"]);
    wait_for("a namespace without a report", || {
        of("reports.openreports.io").is_none().then_some(())
    });

    // Reports go with the permission to write them: an uninstall leaves none.
    apply(plane, &istiod("audit-report", "istio/pilot:1.7.4", "30m"));
    wait_for("a Report", || of("reports.openreports.io"));
    drop(replica);
    drop(base);
    wait_for("no report", || {
        of("reports.openreports.io").is_none().then_some(())
    });
    drop((open, wg));
}

fn check(report: &Value) {
    assert_eq!(report["summary"]["fail"], 2, "{report}");
    let results = report["results"].as_array().expect("results");
    let failed = results.iter().filter(|result| result["result"] == "fail");
    let rules: Vec<_> = failed
        .map(|result| result["rule"].as_str().expect("text"))
        .collect();
    assert_eq!(rules, ["keepalive-age-too-long", "version-unsupported"]);
    assert_eq!(results[0]["severity"], "high");
    let resource = &results[0]["resources"][0];
    assert_eq!(resource["kind"], "Deployment");
    assert_eq!(resource["name"], "istiod");
    assert!(resource["uid"].is_string(), "{report}");
    let owner = &report["metadata"]["ownerReferences"][0];
    assert_eq!(owner["name"], "meshcheck-webhook-audit");
}

/// The Sail operator's: its objects are in no namespace.
pub(super) fn a_kind_that_comes_and_goes_has_a_report_of_the_cluster(world: &World) {
    let plane = world.control_plane();
    let _base = Applied::new(plane, "base");
    let _definitions = Definitions::apply(plane, "openreports.io");
    let replica = Replica::start(plane, &[]);
    wait_for("the lead", || replica.leads().then_some(()));
    replica.await_pass();

    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "istios.sailoperator.io"},
        "spec": {
            "group": "sailoperator.io", "scope": "Cluster",
            "names": {"kind": "Istio", "plural": "istios", "singular": "istio", "listKind": "IstioList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }},
            }],
        },
    });
    apply(plane, &definition);
    let crd = "customresourcedefinition/istios.sailoperator.io";
    plane
        .kubectl
        .must(&["wait", "--for=condition=Established", crd]);
    let object = json!({
        "apiVersion": "sailoperator.io/v1", "kind": "Istio", "metadata": {"name": "default"},
        "spec": {"version": "v1.24.0", "namespace": "istio-system"},
    });
    apply(plane, &object);
    replica
        .program
        .awaits(&finding("version-unsupported", "", 1));
    let get = [
        "get",
        "clusterreports.openreports.io",
        "meshcheck",
        "-o",
        "json",
    ];
    let report = wait_for("a report", || {
        let said = plane.kubectl.run(&get);
        (said.code == 0).then(|| serde_json::from_str::<Value>(&said.stdout).expect("JSON"))
    });
    assert_eq!(report["results"][0]["resources"][0]["kind"], "Istio");
    let told = events(plane, "default");
    let told = told
        .iter()
        .filter(|event| event["regarding"]["kind"] == "Istio");
    assert!(told.count() > 0, "where kubectl looks for them");

    plane.kubectl.must(&["delete", crd]);
    wait_for("no report", || {
        (plane.kubectl.run(&get).code != 0).then_some(())
    });
    assert!(!replica.metrics().contains("namespace=\"\""));
}
