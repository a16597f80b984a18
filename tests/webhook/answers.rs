//! What is answered to what.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use meshcheck_webhook::judge::Updates;
use serde_json::{Value, json};

use crate::reviews::{creation, istiod, patch, patched, update};
use crate::server::{LIMITS, Server, send};

#[tokio::test]
async fn accepts_a_sound_istiod() {
    Server::new().accepts(&creation(&istiod("10m"))).await;
}

#[tokio::test]
async fn accepts_what_is_not_to_be_judged() {
    let server = Server::new();
    let bad = creation(&istiod("30m"));
    let with = |key: &str, value: Value| {
        let mut review = bad.clone();
        review["request"][key] = value;
        review
    };
    for review in [
        with("operation", "DELETE".into()),
        with("operation", "CONNECT".into()),
        with("subResource", "scale".into()),
        with("subResource", "status".into()),
        with("object", Value::Null),
        with("object", json!({})),
        with(
            "kind",
            json!({"group": "apps.example", "version": "v1", "kind": "Deployment"}),
        ),
        creation(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}})),
        creation(&json!({"apiVersion": "apps/v1", "kind": "Deployment"})),
        creation(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": [null, 7]})),
    ] {
        server.accepts(&review).await;
    }
}

#[tokio::test]
async fn accepts_a_deletion_as_the_api_server_sends_it() {
    let mut review = creation(&istiod("30m"));
    review["request"]["oldObject"] = review["request"]["object"].take();
    review["request"]["operation"] = "DELETE".into();
    Server::new().accepts(&review).await;
}

#[tokio::test]
async fn accepts_the_last_update_of_what_is_being_deleted() {
    let mut going = istiod("30m");
    going["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z".into();
    Server::new().accepts(&update(&istiod("30m"), &going)).await;
}

#[tokio::test]
async fn accepts_updates_of_pods() {
    let mut pod = istiod("30m")["spec"]["template"].take();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let server = Server::new();
    server.accepts(&update(&pod, &pod)).await;
    server.rejects(&creation(&pod)).await;
}

#[tokio::test]
async fn rejects_an_age_that_is_too_long() {
    let message = Server::new().rejects(&creation(&istiod("30m"))).await;
    for part in [
        "Deployment istio-system/istiod has 1 error:",
        "30m",
        "at /spec/template/spec/containers/0/args/2 (container discovery)",
        "fix: set the connection age to 10m",
        "kubectl meshcheck explain keepalive-age-too-long",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn rejects_with_every_error_at_once() {
    let mut istiod = istiod("30m");
    let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
    container["image"] = "docker.io/istio/pilot:1.7.4".into();
    container["readinessProbe"].take();
    let message = Server::new().rejects(&creation(&istiod)).await;
    for rule in [
        "keepalive-age-too-long",
        "version-unsupported",
        "kubernetes-incompatible",
        "istiod-readiness-missing",
    ] {
        assert!(
            message.contains(&format!("explain {rule}")),
            "{rule}: {message}"
        );
    }
    assert!(
        message.contains("Failed to list *v1beta1.Ingress"),
        "{message}"
    );
}

#[tokio::test]
async fn rejects_in_a_dry_run_too() {
    let mut review = creation(&istiod("30m"));
    review["request"]["dryRun"] = true.into();
    Server::new().rejects(&review).await;
}

#[tokio::test]
async fn patches_what_it_would_reject() {
    let server = Server::new();
    let mut bad = istiod("30m");
    bad["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .remove("readinessProbe");
    let response = server.ask("/mutate", &creation(&bad)).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(
        response["warnings"][0],
        "meshcheck fixed keepalive-age-too-long: set the connection age to 10m"
    );
    assert_eq!(
        patch(&response)[0],
        json!({"op": "replace", "path": "/spec/template/spec/containers/0/args/2", "value": "10m"})
    );
    // The namespace that the request lends the object is not in the patch.
    let good = patched(&bad, &response);
    assert_eq!(good["metadata"], bad["metadata"]);
    server.accepts(&creation(&good)).await;
}

#[tokio::test]
async fn never_rejects_in_mutate() {
    let mut old = istiod("10m");
    old["spec"]["template"]["spec"]["containers"][0]["image"] = "istio/pilot:1.7.4".into();
    let server = Server::new();
    let response = server.ask("/mutate", &creation(&old)).await;
    assert_eq!(response["allowed"], true);
    assert_eq!(patch(&response), Vec::<Value>::new());
    server.rejects(&creation(&old)).await;
}

#[tokio::test]
async fn holds_updates_to_what_they_bring() {
    let server = Server::new();
    let before = istiod("30m");
    let mut scaled = before.clone();
    scaled["spec"]["replicas"] = 3.into();
    // The same pods: they are not restarted behind the back of who only scales.
    let review = update(&before, &scaled);
    assert_eq!(
        patch(&server.ask("/mutate", &review).await),
        Vec::<Value>::new()
    );
    let response = server.ask("/validate", &review).await;
    assert_eq!(response["allowed"], true);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("meshcheck keepalive-age-too-long (error, was there before):"));
    // New pods: mended as on creation.
    let review = update(&before, &istiod("45m"));
    assert_eq!(patch(&server.ask("/mutate", &review).await).len(), 1);
    // An error that the update brings.
    server.rejects(&update(&istiod("10m"), &before)).await;

    let strict = Server::with(Server::judge(Updates::All), LIMITS);
    let review = update(&before, &scaled);
    strict.rejects(&review).await;
    assert_eq!(patch(&strict.ask("/mutate", &review).await).len(), 1);
}

#[tokio::test]
async fn lets_an_old_control_plane_climb_in_steps() {
    let version = |tag: &str| {
        let mut istiod = istiod("10m");
        let container = &mut istiod["spec"]["template"]["spec"]["containers"][0];
        container["image"] = format!("docker.io/istio/pilot:{tag}").into();
        istiod
    };
    let server = Server::new();
    server.rejects(&creation(&version("1.19.10"))).await;
    let step = update(&version("1.18.7"), &version("1.19.10"));
    let response = server.ask("/validate", &step).await;
    assert_eq!(response["allowed"], true, "{response}");
    assert!(
        response["warnings"]
            .to_string()
            .contains("version-unsupported")
    );
}

#[tokio::test]
async fn warns_of_what_a_controller_makes() {
    let mut made = istiod("30m");
    made["kind"] = "ReplicaSet".into();
    made["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "istiod", "uid": "1", "controller": true}]);
    let server = Server::new();
    let response = server.ask("/validate", &creation(&made)).await;
    assert_eq!(response["allowed"], true);
    assert!(
        response["warnings"]
            .to_string()
            .contains("made by Deployment/istiod")
    );
    // A Deployment that finds its ReplicaSet changed would make another one, for ever.
    let response = server.ask("/mutate", &creation(&made)).await;
    assert_eq!(patch(&response), Vec::<Value>::new());
    // A pod is mended all the same: nobody compares it with what was asked for.
    let mut pod = made["spec"]["template"].take();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["ownerReferences"] = made["metadata"]["ownerReferences"].take();
    let response = server.ask("/mutate", &creation(&pod)).await;
    assert_eq!(patch(&response).len(), 1);
}

#[tokio::test]
async fn lets_pass_what_is_nested_too_deeply_to_be_read() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let review = creation(&istiod("30m")).to_string();
    let review = review.replace("\"discovery\"", &deep);
    for path in ["/mutate", "/validate"] {
        let (status, text) = Server::new().post(path, review.clone()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        assert!(text.contains("\"allowed\":true"), "{text}");
        assert!(
            text.contains("did not check this: it is nested too deeply"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn answers_the_same_every_time() {
    let server = Server::new();
    let review = creation(&istiod("30m")).to_string();
    for path in ["/mutate", "/validate"] {
        let first = server.post(path, review.clone()).await;
        assert_eq!(server.post(path, review.clone()).await, first);
    }
}

#[tokio::test]
async fn says_what_is_wrong_with_a_body() {
    let server = Server::new();
    let mut old = creation(&istiod("30m"));
    old["apiVersion"] = "admission.k8s.io/v1beta1".into();
    for (body, part) in [
        (String::new(), "no AdmissionReview"),
        ("{".to_owned(), "no AdmissionReview"),
        (istiod("30m").to_string(), "kind is Deployment"),
        (format!("{{\"kind\": \"{}\"}}", "x".repeat(999)), "xxx…"),
        (old.to_string(), "admissionReviewVersions: [v1]"),
    ] {
        for path in ["/mutate", "/validate"] {
            let (status, text) = server.post(path, body.clone()).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
            assert!(
                text.starts_with("meshcheck: ") && text.contains(part),
                "{text}"
            );
        }
    }
    let get = Request::get("/validate").body(Body::empty()).unwrap();
    assert_eq!(
        send(&server.reviews, get).await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let (status, text) = server.post("/", "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains("/mutate or /validate"), "{text}");
}

#[tokio::test]
async fn counts_what_it_does() {
    let server = Server::new();
    let review = creation(&istiod("30m"));
    server.ask("/mutate", &review).await;
    server.rejects(&review).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    server.ask("/validate", &creation(&secret)).await;
    let metrics = server.metrics().await;
    for line in [
        "meshcheck_admission_requests_total{webhook=\"mutate\",operation=\"CREATE\",kind_class=\"workload\",outcome=\"patched\"} 1",
        "meshcheck_admission_requests_total{webhook=\"validate\",operation=\"CREATE\",kind_class=\"workload\",outcome=\"denied\"} 1",
        "meshcheck_admission_requests_total{webhook=\"validate\",operation=\"CREATE\",kind_class=\"other\",outcome=\"untouched\"} 1",
        "meshcheck_admission_duration_seconds_bucket{le=\"0.00005\",webhook=\"validate\"}",
        "meshcheck_admission_duration_seconds_count{webhook=\"validate\"} 2",
        "meshcheck_admission_findings_total{rule=\"keepalive-age-too-long\",severity=\"error\"} 1",
        "meshcheck_fixes_total{rule=\"keepalive-age-too-long\"} 1",
        "meshcheck_rule_crashes_total{rule=\"keepalive-age-too-long\"} 0",
        "meshcheck_build_info{version=\"0.1.0\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[tokio::test]
async fn is_not_ready_before_it_listens() {
    let server = Server::new();
    let get = |path| {
        Request::builder()
            .method(Method::GET)
            .uri(path)
            .body(Body::empty())
            .unwrap()
    };
    let (status, text) = send(&server.probes, get("/readyz")).await;
    assert_eq!(
        (status, text.as_str()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: not listening yet\n"
        )
    );
    assert_eq!(send(&server.probes, get("/livez")).await.0, StatusCode::OK);
    assert_eq!(
        send(&server.probes, get("/healthz")).await.0,
        StatusCode::NOT_FOUND
    );
}

/// Only an update shows both states: what is stored is not looked at by itself.
#[tokio::test]
async fn refuses_an_update_that_skips_minors() {
    let of = |version: &str| {
        let mut istiod = istiod("10m");
        let image = format!("docker.io/istio/pilot:{version}");
        istiod["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        istiod
    };
    let server = Server::new();
    server.accepts(&update(&of("1.30.5"), &of("1.31.1"))).await;
    for (from, to, says) in [
        (
            "1.28.3",
            "1.31.1",
            "istiod goes from 1.28.3 to 1.31.1 in place",
        ),
        ("1.31.1", "1.30.5", "istiod goes down from 1.31.1 to 1.30.5"),
    ] {
        let message = server.rejects(&update(&of(from), &of(to))).await;
        assert!(message.contains("upgrade-skips-minors"), "{message}");
        assert!(message.contains(says), "{message}");
    }
    server.accepts(&creation(&of("1.31.1"))).await;
}
