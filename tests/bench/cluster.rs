//! As much of an API server as watches and the audit need, and as many objects as are asked for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::tls;

/// A cluster of this size.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) namespaces: usize,
    pub(crate) nodes: usize,
    pub(crate) workloads: usize,
    /// Whether this replica does the audit.
    pub(crate) is_audited: bool,
}

/// Of a workload.
pub(crate) const REVISIONS: usize = 3;

impl Size {
    /// Every tenth workload is a `StatefulSet`.
    pub(crate) fn stateful_sets(self) -> usize {
        self.workloads / 10
    }

    pub(crate) fn deployments(self) -> usize {
        self.workloads - self.stateful_sets()
    }

    fn namespace_of(self, workload: usize) -> String {
        name_of_namespace(workload * self.namespaces / self.workloads)
    }
}

/// Lists of so many objects, page by page, and watches that tell nothing. What is written is taken. With the
/// certificate in a folder: without TLS more comes at once, and buffers would grow as they do nowhere.
pub(crate) async fn serve(size: Size, folder: &Path) -> SocketAddr {
    let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        if method == Method::GET {
            let accepted = headers.get(ACCEPT).map_or(&b""[..], HeaderValue::as_bytes);
            let is_short = accepted.windows(15).any(|part| part == b"PartialObjectMe");
            return read(size, &uri, is_short);
        }
        let mut object: Value = serde_json::from_slice(&body).expect("an object");
        object["metadata"]["resourceVersion"] = "1000".into();
        object.to_string().into_response()
    };
    let router = Router::new()
        .route("/version", get(async || r#"{"gitVersion": "v1.34.1", "major": "1", "minor": "34", "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}"#))
        .fallback(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(tls::serve(listener, tls::acceptor(folder), router));
    address
}

fn read(size: Size, uri: &Uri, is_short: bool) -> Response {
    match uri.path() {
        "/apis" => group_list(&[("apps", "v1"), ("openreports.io", "v1alpha1")]).into_response(),
        "/api/v1" => resource_list("v1", &[("Pod", "pods"), ("ConfigMap", "configmaps")]),
        "/apis/apps/v1" => resource_list(
            "apps/v1",
            &[
                ("Deployment", "deployments"),
                ("StatefulSet", "statefulsets"),
                ("ReplicaSet", "replicasets"),
            ],
        ),
        "/apis/openreports.io/v1alpha1" => resource_list(
            "openreports.io/v1alpha1",
            &[("Report", "reports"), ("ClusterReport", "clusterreports")],
        ),
        // Nobody has it, and nobody is told who may.
        path if path.contains("/leases/") || path.contains("/clusterroles/") => {
            let status =
                json!({"kind": "Status", "message": "no", "reason": "NotFound", "code": 404});
            (StatusCode::NOT_FOUND, status.to_string()).into_response()
        }
        _ => list(size, uri, is_short),
    }
}

fn group_list(groups: &[(&str, &str)]) -> String {
    let group = |(name, version): &(&str, &str)| {
        let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [version], "preferredVersion": version})
    };
    let groups: Vec<_> = groups.iter().map(group).collect();
    json!({"kind": "APIGroupList", "groups": groups}).to_string()
}

fn resource_list(version: &str, resources: &[(&str, &str)]) -> Response {
    let resource = |(kind, name): &(&str, &str)| {
        let verbs = ["get", "list"];
        json!({"name": name, "kind": kind, "namespaced": true, "verbs": verbs, "singularName": ""})
    };
    let resources: Vec<_> = resources.iter().map(resource).collect();
    json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources})
        .to_string()
        .into_response()
}

fn list(size: Size, uri: &Uri, is_short: bool) -> Response {
    let pairs = uri.query().unwrap_or_default().split('&');
    let query: HashMap<_, _> = pairs.filter_map(|pair| pair.split_once('=')).collect();
    if query.get("watch") == Some(&"true") {
        let silence = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        return Body::from_stream(silence).into_response();
    }
    // None has a label or a name that is asked for.
    let is_selected = ["fieldSelector", "labelSelector"]
        .iter()
        .any(|key| query.contains_key(key));
    let (all, make): (usize, fn(Size, usize) -> Value) = match uri.path() {
        _ if is_selected => (0, namespace),
        "/api/v1/namespaces" => (size.namespaces, namespace),
        "/api/v1/nodes" => (size.nodes, node),
        "/api/v1/configmaps" => (size.namespaces, root_certificate),
        "/api/v1/pods" => (size.deployments() * 2, pod),
        "/apis/apps/v1/deployments" => (size.deployments(), deployment),
        "/apis/apps/v1/replicasets" => (size.deployments() * REVISIONS, replica_set),
        "/apis/apps/v1/statefulsets" => (size.stateful_sets(), stateful_set),
        "/apis/apps/v1/controllerrevisions" => (size.stateful_sets() * REVISIONS, record),
        _ => (0, namespace),
    };
    let number = |key: &str| query.get(key).and_then(|text| text.parse::<usize>().ok());
    let from = number("continue").unwrap_or(0);
    let to = all.min(from + number("limit").unwrap_or(usize::MAX).min(all));
    let items = (from..to).map(|index| make(size, index));
    let shorten = |item: Value| {
        if is_short {
            json!({"metadata": item["metadata"]})
        } else {
            item
        }
    };
    let items: Vec<Value> = items.map(shorten).collect();
    let next = if to < all {
        to.to_string()
    } else {
        String::new()
    };
    let metadata = json!({"resourceVersion": "1000", "continue": next});
    json!({"apiVersion": "v1", "kind": "List", "metadata": metadata, "items": items})
        .to_string()
        .into_response()
}

fn name_of_namespace(index: usize) -> String {
    format!("team-{index:05}-production")
}

/// About a kilobyte. Every other one is in the mesh.
fn namespace(_: Size, index: usize) -> Value {
    let name = name_of_namespace(index);
    let mut labels = json!({
        "kubernetes.io/metadata.name": name, "cost-centre": format!("{index:06}"),
        "pod-security.kubernetes.io/enforce": "restricted",
    });
    if index.is_multiple_of(2) {
        labels["istio-injection"] = "enabled".into();
    }
    let fields = json!({"f:metadata": {"f:labels": labels, "f:annotations": {}}});
    json!({
        "metadata": {
            "name": name, "uid": format!("{index:032}"), "resourceVersion": "1000", "labels": labels,
            "annotations": {"owner": "platform", "description": "x".repeat(200)},
            "managedFields": [{"manager": "argocd", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    })
}

/// About twenty kilobytes, most of it images.
fn node(_: Size, index: usize) -> Value {
    let name = format!(
        "ip-10-{}-{}-{}.internal",
        index >> 16,
        (index >> 8) & 255,
        index & 255
    );
    let image = |number: usize| {
        let repository = format!("registry.example.com/platform/service-{number:03}");
        let names = [
            format!("{repository}@sha256:{number:064}"),
            format!("{repository}:v1.{number}"),
        ];
        json!({"names": names, "sizeBytes": 100_000_000 + number})
    };
    let conditions: Vec<_> = (0..5)
        .map(|_| {
            json!({
                "type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-22T10:00:00Z",
                "reason": "KubeletReady", "message": "kubelet is posting ready status",
            })
        })
        .collect();
    json!({
        "metadata": {
            "name": name, "uid": format!("{index:032}"), "resourceVersion": "1000",
            "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "a"},
            "annotations": {"csi.volume.kubernetes.io/nodeid": "x".repeat(500)},
        },
        "spec": {"podCIDR": "10.0.0.0/24"},
        "status": {
            "images": (0..100).map(image).collect::<Vec<_>>(), "conditions": conditions,
            "nodeInfo": {"kubeletVersion": "v1.33.4-eks-1", "osImage": "Linux", "architecture": "amd64"},
        },
    })
}

fn metadata(size: Size, workload: usize, name: &str) -> Value {
    let fields =
        json!({"f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}, "f:team": {}}}});
    json!({
        "name": name, "namespace": size.namespace_of(workload), "uid": uid(name),
        "resourceVersion": "1000", "generation": 3, "creationTimestamp": "2026-11-01T10:00:00Z",
        "labels": labels(workload), "annotations": {"owner": "platform", "checksum": "x".repeat(64)},
        "managedFields": [{"manager": "argocd", "operation": "Apply", "fieldsV1": fields}],
    })
}

fn owned(mut metadata: Value, kind: &str, name: &str) -> Value {
    metadata["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid(name), "controller": true,
        "blockOwnerDeletion": true,
    }]);
    metadata
}

fn uid(name: &str) -> String {
    format!("{name:0>36}")
}

fn labels(workload: usize) -> Value {
    json!({"app.kubernetes.io/name": workload_name(workload), "team": "payments"})
}

fn workload_name(workload: usize) -> String {
    format!("service-{workload:05}-backend")
}

/// About three kilobytes, most of it environment. Every tenth workload runs a proxy that is out of support.
fn template(workload: usize, revision: usize) -> Value {
    let variable = |number: usize| {
        let key = json!({"name": "settings", "key": format!("key-{number}")});
        json!({"name": format!("SETTING_{number}"), "valueFrom": {"configMapKeyRef": key}})
    };
    let probe = json!({
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1,
        "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
    });
    let mut containers = vec![json!({
        "name": "app", "image": format!("registry.example.com/team/app:v1.{revision}"),
        "env": (0..20).map(variable).collect::<Vec<_>>(), "readinessProbe": probe,
        "livenessProbe": probe, "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m"}},
        "terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent",
    })];
    if workload.is_multiple_of(10) {
        containers.push(json!({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.20.3"}));
    }
    json!({
        "metadata": {"labels": labels(workload), "annotations": {"checksum/config": "x".repeat(64)}},
        "spec": {
            "containers": containers, "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst", "securityContext": {}, "schedulerName": "default-scheduler",
        },
    })
}

fn workload(size: Size, index: usize) -> Value {
    json!({
        "metadata": metadata(size, index, &workload_name(index)),
        "spec": {
            "replicas": 2, "selector": {"matchLabels": labels(index)},
            "template": template(index, REVISIONS - 1),
        },
        "status": {"replicas": 2, "readyReplicas": 2, "observedGeneration": 3},
    })
}

fn deployment(size: Size, index: usize) -> Value {
    workload(size, index)
}

/// Behind the Deployments.
fn stateful_set(size: Size, index: usize) -> Value {
    workload(size, size.deployments() + index)
}

fn replica_set(size: Size, index: usize) -> Value {
    let (index, revision) = (index / REVISIONS, index % REVISIONS);
    let name = workload_name(index);
    let hash = format!("{:010x}", index * REVISIONS + revision);
    let mut template = template(index, revision);
    template["metadata"]["labels"]["pod-template-hash"] = hash.clone().into();
    json!({
        "metadata": owned(metadata(size, index, &format!("{name}-{hash}")), "Deployment", &name),
        "spec": {"replicas": 0, "selector": {"matchLabels": labels(index)}, "template": template},
        "status": {"replicas": 0, "observedGeneration": 2},
    })
}

fn record(size: Size, index: usize) -> Value {
    let (index, revision) = (size.deployments() + index / REVISIONS, index % REVISIONS);
    let name = workload_name(index);
    let hash = format!("{:010x}", index * REVISIONS + revision);
    let mut template = template(index, revision);
    template["$patch"] = "replace".into();
    json!({
        "metadata": owned(metadata(size, index, &format!("{name}-{hash}")), "StatefulSet", &name),
        "data": {"spec": {"template": template}}, "revision": revision,
    })
}

fn pod(size: Size, index: usize) -> Value {
    let workload = index / 2;
    let (owner, name) = (
        workload_name(workload),
        format!("{}-{index:010x}", workload_name(workload)),
    );
    json!({"metadata": owned(metadata(size, workload, &name), "ReplicaSet", &owner)})
}

fn root_certificate(_: Size, index: usize) -> Value {
    let metadata = json!({"name": "kube-root-ca.crt", "namespace": name_of_namespace(index)});
    json!({"metadata": metadata, "data": {"ca.crt": "x".repeat(1500)}})
}
