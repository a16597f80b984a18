//! What keeps Pods from running.

use super::*;

fn with_pods(pods: &[Value], ready: i32) -> Snapshot {
    let mut snapshot = healthy();
    let install = &mut snapshot.installs[0];
    let deployments = install.deployments.as_mut().expect("seen");
    let status = deployments[0].status.as_mut().expect("a status");
    status.ready_replicas = Some(ready);
    install.pods = Ok(pods.iter().cloned().map(typed).collect());
    snapshot
}

fn waiting(name: &str, reason: &str, last: &Value) -> Value {
    json!({"metadata": {"name": name}, "status": {"containerStatuses": [{
        "name": "webhook", "image": "r.io/meshcheck-webhook:0.1.0", "imageID": "", "ready": false,
        "restartCount": 3, "state": {"waiting": {"reason": reason, "message": "as it says"}},
        "lastState": last,
    }]}})
}

#[track_caller]
fn told(snapshot: &Snapshot) -> Problem {
    let all = problems(snapshot).into_iter();
    let mut of_pods = all.filter(|(check, _)| *check == "pods");
    let (_, problem) = of_pods.next().expect("a problem");
    assert_eq!(of_pods.next(), None);
    problem
}

#[test]
fn an_image_that_cannot_be_pulled_is_named() {
    let pods = ["a", "b"].map(|name| waiting(name, "ImagePullBackOff", &json!({})));
    let problem = told(&with_pods(&pods, 0));
    assert_eq!(problem.severity.as_str(), "error");
    assert_eq!(
        problem.message,
        "no image r.io/meshcheck-webhook:0.1.0 for 2 Pods: as it says"
    );
    assert!(problem.leads_to.contains("everything passes"));
    // While others serve, it is less.
    assert_eq!(told(&with_pods(&pods, 1)).severity.as_str(), "warning");
}

#[test]
fn a_crash_is_told_with_how_it_ended() {
    let ended = |state: Value| {
        let pods = [waiting("a", "CrashLoopBackOff", &state)];
        told(&with_pods(&pods, 0)).message
    };
    let usage = json!({"terminated": {"exitCode": 2, "reason": "Error"}});
    assert_eq!(
        ended(usage),
        "Pod a: started again and again: it ended with exit code 2"
    );
    let memory = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    assert!(ended(memory).ends_with("it took more memory than its limit (OOMKilled)"));
    assert!(ended(json!({})).ends_with("how it ended is not told"));
}

#[test]
fn what_a_container_lacks_is_told() {
    let pods = [
        waiting("a", "CreateContainerConfigError", &json!({})),
        waiting("b", "ContainerCreating", &json!({})),
    ];
    let problem = told(&with_pods(&pods, 0));
    assert_eq!(
        problem.message,
        "the container of Pod a cannot be made: as it says"
    );
    assert_eq!(
        problem.command.as_deref(),
        Some("kubectl -n meshcheck-system describe pod a")
    );
}

#[test]
fn a_pod_that_no_node_takes_is_told() {
    let pod = json!({"metadata": {"name": "a"}, "status": {"conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available",
    }]}});
    assert_eq!(
        told(&with_pods(&[pod], 0)).message,
        "no node takes Pod a: 0/3 nodes are available"
    );
}

/// As the controller says it in the status of the Deployment.
#[test]
fn pods_that_are_not_made_are_told_with_the_way_out() {
    let problem = |why: &str| {
        let mut snapshot = with_pods(&[], 0);
        let deployments = snapshot.installs[0].deployments.as_mut().expect("seen");
        let condition = json!({
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why,
        });
        let status = deployments[0].status.as_mut().expect("a status");
        status.conditions = Some(vec![typed(condition)]);
        told(&snapshot)
    };
    for (why, command) in [
        (
            "pods \"a\" is forbidden: insufficient quota to match these scopes: [{PriorityClass In \
             [system-cluster-critical]}]",
            "kubectl apply -f manifests/base/resource-quota.yaml",
        ),
        (
            "pods \"a\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1",
            "kubectl -n meshcheck-system describe resourcequota",
        ),
        (
            "pods \"a\" is forbidden: error looking up service account meshcheck-system/meshcheck-webhook: \
             serviceaccount \"meshcheck-webhook\" not found",
            "kubectl apply -f manifests/base/rbac.yaml",
        ),
        (
            "pods \"a\" is forbidden: no PriorityClass with name other was found",
            "kubectl -n meshcheck-system describe replicaset",
        ),
    ] {
        let problem = problem(why);
        assert_eq!(problem.message, format!("its Pods are not made: {why}"));
        assert_eq!(problem.command.as_deref(), Some(command));
    }
}
