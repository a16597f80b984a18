//! Who may reach the Pods, and whom they may reach; and what lets them be scheduled at all.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceQuota};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPort, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::only;

fn deployment() -> (Deployment, PodSpec) {
    let deployment: Deployment = only("base/deployment.yaml");
    let spec = deployment.spec.clone().expect("a spec");
    (deployment, spec.template.spec.expect("a pod"))
}

fn policy() -> NetworkPolicySpec {
    let policy: NetworkPolicy = only("base/network-policy.yaml");
    policy.spec.expect("a spec")
}

fn port(container: &Container, name: &str) -> i32 {
    let mut ports = container.ports.iter().flatten();
    let port = ports.find(|port| port.name.as_deref() == Some(name));
    port.expect(name).container_port
}

fn numbers(ports: Option<Vec<NetworkPolicyPort>>) -> Vec<i32> {
    let ports = ports.expect("ports").into_iter();
    ports
        .map(|port| match port.port {
            Some(IntOrString::Int(port)) => port,
            // A policy sees the Pod's own ports, whatever they are called elsewhere.
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_policy_is_for_the_pods_of_the_deployment() {
    let (deployment, _) = deployment();
    let selector = deployment.spec.expect("a spec").selector;
    assert_eq!(policy().pod_selector, Some(selector));
}

#[test]
fn any_api_server_reaches_the_webhook_and_prometheus_its_metrics() {
    let (_, pod) = deployment();
    let [reviews, metrics] = policy().ingress.expect("rules").try_into().expect("two");
    let container = &pod.containers[0];
    assert_eq!(reviews.from, None);
    assert_eq!(numbers(reviews.ports), [port(container, "https")]);
    assert!(metrics.from.is_some_and(|from| !from.is_empty()));
    assert_eq!(numbers(metrics.ports), [port(container, "health")]);
}

#[test]
fn the_pods_reach_api_servers_alone() {
    let [api_servers] = policy().egress.expect("rules").try_into().expect("one");
    // The Service, and what is behind it: kubeadm, OpenShift, k3s; minikube; MicroK8s.
    assert_eq!(numbers(api_servers.ports), [443, 6443, 8443, 16443]);
}

#[test]
fn the_quota_lets_the_priority_in() {
    let (deployment, pod) = deployment();
    let quota: ResourceQuota = only("base/resource-quota.yaml");
    assert_eq!(quota.metadata.namespace, deployment.metadata.namespace);
    let scopes = quota.spec.expect("a spec").scope_selector;
    let [scope] = scopes
        .and_then(|scopes| scopes.match_expressions)
        .expect("scopes")
        .try_into()
        .expect("one");
    assert_eq!(
        (scope.scope_name.as_str(), scope.operator.as_str()),
        ("PriorityClass", "In")
    );
    let priority = pod.priority_class_name.expect("a priority");
    assert_eq!(scope.values, Some(vec![priority]));
}
