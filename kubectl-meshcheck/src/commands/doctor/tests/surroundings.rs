//! Service, replicas, namespaces, order, kinds, versions and what was left over.

use super::*;

#[test]
fn a_service_that_is_gone_is_an_error() {
    let mut snapshot = healthy();
    snapshot.installs[0].service = Ok(None);
    for webhook in &mut snapshot.configurations[1].webhooks {
        webhook.failure_policy = None;
    }
    let said = said(&snapshot, "service");
    let gone = "leads to Service meshcheck-system/meshcheck-webhook, which does not exist";
    assert_eq!(
        said,
        [MUTATING, VALIDATING].map(|place| format!("error: {place}: {gone}"))
    );
    let problems = problems(&snapshot).into_iter();
    let leads_to: Vec<_> = problems.map(|(_, problem)| problem.leads_to).collect();
    assert!(leads_to[0].contains("everything passes"), "{leads_to:?}");
    assert!(leads_to[1].contains("refused"), "{leads_to:?}");
}

#[test]
fn a_port_that_the_service_does_not_have_is_an_error() {
    let mut snapshot = healthy();
    webhook(&mut snapshot, 0)
        .client_config
        .service
        .as_mut()
        .expect("a Service")
        .port = Some(8443);
    let (check, problem) = problem(&snapshot);
    assert_eq!(check, "service");
    assert_eq!(
        problem.message,
        "leads to port 8443 of Service meshcheck-system/meshcheck-webhook, which has 443"
    );
}

#[test]
fn endpoints_are_counted() {
    let endpoints = |endpoints: Value| {
        let mut snapshot = healthy();
        let slice = json!({"addressType": "IPv4", "metadata": {}, "endpoints": endpoints});
        snapshot.installs[0].slices = Ok(vec![typed(slice)]);
        said(&snapshot, "endpoints").remove(0)
    };
    let [ready, other] = [json!({"ready": true}), json!({"ready": false})];
    let of = |conditions: &Value| json!({"addresses": ["10.0.0.1"], "conditions": conditions});
    assert_eq!(
        endpoints(json!([of(&other), of(&ready), {"addresses": ["10.0.0.3"]}])),
        "ok: 2 of 3 behind Service meshcheck-system/meshcheck-webhook ready"
    );
    assert_eq!(
        endpoints(json!([of(&other)])),
        "error: Service meshcheck-system/meshcheck-webhook: has 1 endpoint, which is not ready"
    );
    assert_eq!(
        endpoints(json!(null)),
        "error: Service meshcheck-system/meshcheck-webhook: has no endpoint"
    );
}

#[test]
fn replicas_are_counted() {
    let mut snapshot = healthy();
    let deployment = |snapshot: &mut Snapshot, wanted, ready| {
        let deployments = snapshot.installs[0].deployments.as_mut().expect("seen");
        deployments[0].spec.as_mut().expect("a spec").replicas = Some(wanted);
        deployments[0]
            .status
            .as_mut()
            .expect("a status")
            .ready_replicas = ready;
    };
    deployment(&mut snapshot, 1, Some(1));
    let (_, one) = problem(&snapshot);
    assert_eq!(
        (one.severity.as_str(), one.message.as_str()),
        ("warning", "asks for 1 replica")
    );
    webhook(&mut snapshot, 1).failure_policy = Some("Fail".to_owned());
    let (_, one) = problems(&snapshot).remove(0);
    assert_eq!(one.severity.as_str(), "error");

    let mut snapshot = healthy();
    deployment(&mut snapshot, 3, None);
    let (_, few) = problem(&snapshot);
    assert_eq!(
        (few.severity.as_str(), few.message.as_str()),
        ("warning", "0 of 3 replicas are ready")
    );
}

#[test]
fn a_budget_is_asked_for() {
    let mut snapshot = healthy();
    let budgets = snapshot.installs[0].budgets.as_mut().expect("seen");
    budgets[0]
        .status
        .as_mut()
        .expect("a status")
        .disruptions_allowed = Some(0);
    assert_eq!(problem(&snapshot).1.message, "lets no Pod go at the moment");
    let budgets = snapshot.installs[0].budgets.as_mut().expect("seen");
    let selector = budgets[0].spec.as_mut().expect("a spec").selector.as_mut();
    let labels = [("app".to_owned(), "other".to_owned())].into();
    selector.expect("a selector").match_labels = Some(labels);
    assert_eq!(problem(&snapshot).1.message, "has no PodDisruptionBudget");
}

#[test]
fn own_and_system_namespaces_are_to_be_excluded() {
    let mut snapshot = healthy();
    webhook(&mut snapshot, 1).namespace_selector = None;
    webhook(&mut snapshot, 1).failure_policy = Some("Fail".to_owned());
    let said = said(&snapshot, "namespaces");
    assert_eq!(
        said[..2],
        ["kube-system", NAMESPACE]
            .map(|name| format!("error: {VALIDATING}: namespaceSelector does not exclude {name}"))
    );
    webhook(&mut snapshot, 1).failure_policy = Some("Ignore".to_owned());
    let severities: Vec<_> = problems(&snapshot)
        .iter()
        .map(|(_, problem)| problem.severity)
        .collect();
    assert_eq!(severities, [meshcheck_rules::Severity::Warning; 2]);
}

#[test]
fn namespaces_in_the_mesh_are_to_be_covered() {
    let mut snapshot = healthy();
    let selector = webhook(&mut snapshot, 1).namespace_selector.as_mut();
    let expressions = selector.expect("a selector").match_expressions.as_mut();
    let values = expressions.expect("expressions")[0]
        .values
        .as_mut()
        .expect("values");
    values.extend(["shop", "ambient", "tagged", "istio-system", "plain"].map(str::to_owned));
    let injector = json!({"metadata": {"name": "istio-sidecar-injector"}, "webhooks": [{
        "name": "rev.namespace.sidecar-injector.istio.io",
        "clientConfig": {"service": {"name": "istiod", "namespace": "istio-system"}},
        "admissionReviewVersions": ["v1"], "sideEffects": "None",
    }]});
    snapshot.configurations.push(typed(injector));
    snapshot.namespaces.as_mut().expect("seen").extend([
        namespace("shop", &json!({"istio-injection": "enabled"})),
        namespace("ambient", &json!({"istio.io/dataplane-mode": "ambient"})),
        namespace("tagged", &json!({"istio.io/rev": "stable"})),
        namespace("istio-system", &json!({})),
        namespace("plain", &json!({})),
    ]);
    let (check, problem) = problem(&snapshot);
    assert_eq!((check, problem.at.as_str()), ("namespaces", VALIDATING));
    assert_eq!(
        problem.message,
        "is not asked about shop, ambient, tagged, istio-system, which the mesh is in"
    );
}

#[test]
fn a_selector_without_a_namespace_is_an_error() {
    let mut snapshot = healthy();
    let labels = [("nobody".to_owned(), "has".to_owned())].into();
    let selector = webhook(&mut snapshot, 0).namespace_selector.as_mut();
    selector.expect("a selector").match_labels = Some(labels);
    let (check, problem) = problem(&snapshot);
    assert_eq!((check, problem.at.as_str()), ("namespaces", MUTATING));
    assert_eq!(
        problem.message,
        "namespaceSelector selects none of 3 namespaces"
    );
}

#[test]
fn labels_of_objects_are_no_way_out() {
    let mut snapshot = healthy();
    let selector = json!({"matchLabels": {"checked": "true"}});
    webhook(&mut snapshot, 1).object_selector = Some(typed(selector));
    assert_eq!(
        problem(&snapshot).1.message,
        "objectSelector selects by labels of objects"
    );
}

#[test]
fn the_order_is_that_of_names() {
    let mut snapshot = healthy();
    let injector = |name: &str| {
        typed::<Configuration>(json!({"metadata": {"name": name}, "webhooks": [{
            "name": "namespace.sidecar-injector.istio.io", "clientConfig": {},
            "admissionReviewVersions": ["v1"], "sideEffects": "None",
        }]}))
    };
    snapshot
        .configurations
        .push(injector("istio-revision-tag-default"));
    assert_eq!(
        said(&snapshot, "order"),
        ["ok: a0-meshcheck-webhook is called before istio-revision-tag-default"]
    );
    snapshot.configurations.push(injector("a-injector"));
    // A digit comes before a hyphen's successors, and `a-` before `a0`.
    let (check, problem) = problem(&snapshot);
    assert_eq!(check, "order");
    assert!(
        problem.message.starts_with("is called after a-injector: "),
        "{problem:?}"
    );
    snapshot.configurations.pop();
    webhook(&mut snapshot, 0).reinvocation_policy = None;
    assert_eq!(
        self::problem(&snapshot).1.message,
        "reinvocationPolicy is not IfNeeded"
    );
}

#[test]
fn kinds_are_those_of_the_rules() {
    let mut snapshot = healthy();
    let rules = webhook(&mut snapshot, 1).rules.as_mut().expect("rules");
    // Deployments are asked about when they are made, and not when they change.
    let apps = rules
        .iter_mut()
        .find(|rule| rule.api_groups == Some(vec!["apps".to_owned()]));
    apps.expect("a group").operations = Some(vec!["CREATE".to_owned()]);
    let (_, problem) = problem(&snapshot);
    assert_eq!(
        problem.message,
        format!(
            "is not asked about daemonsets.apps, deployments.apps, replicasets.apps, statefulsets.apps, \
             which rules of {} look at",
            env!("CARGO_PKG_VERSION")
        )
    );

    let mut snapshot = healthy();
    let rule = |group: &str, resource: &str| {
        typed(json!({
            "operations": ["*"], "apiGroups": [group], "apiVersions": ["*"], "resources": [resource],
        }))
    };
    webhook(&mut snapshot, 1)
        .rules
        .as_mut()
        .expect("rules")
        .push(rule("", "secrets"));
    let (_, extra) = self::problem(&snapshot);
    assert_eq!(extra.severity.as_str(), "info");
    assert_eq!(
        extra.message,
        "is asked about secrets, which no rule looks at"
    );
    webhook(&mut snapshot, 1).rules = Some(vec![rule("*", "*")]);
    let (_, all) = self::problem(&snapshot);
    assert_eq!(
        all.message,
        "is asked about every kind of a group, or of all"
    );
}

#[test]
fn versions_are_compared() {
    let version = |image: &str| {
        let mut snapshot = healthy();
        container(&mut snapshot).image = Some(image.to_owned());
        said(&snapshot, "versions").remove(0)
    };
    assert!(version("r.io/meshcheck-webhook:v0.1.0").starts_with("ok: "));
    assert!(
        version("r.io/meshcheck-webhook:latest").ends_with("tag latest, which names no version")
    );
    assert!(version("r.io/meshcheck-webhook@sha256:abc").ends_with("which names no version"));
    assert_eq!(
        version("r.io:5000/meshcheck-webhook:0.0.9"),
        "warning: Deployment meshcheck-system/meshcheck-webhook: runs 0.0.9, and this plugin is 0.1.0"
    );
}

#[test]
fn a_rollout_under_way_is_told() {
    let mut snapshot = healthy();
    let pod = |image: &str| json!({"spec": {"containers": [{"name": "webhook", "image": image}]}});
    let pods = [
        pod("meshcheck-webhook:0.1.0"),
        pod("meshcheck-webhook:0.0.9"),
    ];
    snapshot.installs[0].pods = Ok(pods.map(typed).into());
    let (check, problem) = problem(&snapshot);
    assert_eq!(check, "versions");
    assert!(
        problem
            .message
            .ends_with("some Pods still run meshcheck-webhook:0.0.9"),
        "{problem:?}"
    );
}

#[test]
fn a_second_installation_is_told() {
    let mut snapshot = healthy();
    let mut second = snapshot.configurations[1].clone();
    second.metadata.name = Some("other-meshcheck".to_owned());
    snapshot.configurations.push(second);
    let (check, problem) = problem(&snapshot);
    assert_eq!(check, "installed");
    assert_eq!(problem.at, "ValidatingWebhookConfiguration/other-meshcheck");
    assert_eq!(
        problem.command.as_deref(),
        Some("kubectl delete validatingwebhookconfiguration/other-meshcheck")
    );
}

#[test]
fn a_half_that_is_missing_is_told() {
    let mut snapshot = healthy();
    snapshot.configurations.remove(0);
    assert_eq!(problems(&snapshot), []);
    assert!(said(&snapshot, "installed")[0].ends_with("nothing is mended, only judged"));
    let mut snapshot = healthy();
    snapshot.configurations.remove(1);
    let (check, problem) = problem(&snapshot);
    assert_eq!(check, "installed");
    assert_eq!(problem.message, "none has a webhook validate.meshcheck.dev");
}

#[test]
fn what_was_left_over_is_told() {
    let mut snapshot = healthy();
    let old = Belonging {
        kind: "Secret",
        namespace: "old".to_owned(),
        name: "meshcheck-webhook-certificates".to_owned(),
    };
    snapshot.belongings.push(Ok(vec![old]));
    let (check, problem) = problem(&snapshot);
    assert_eq!(
        (check, problem.at.as_str()),
        ("leftovers", "Secret old/meshcheck-webhook-certificates")
    );
    assert_eq!(
        problem.command.as_deref(),
        Some("kubectl -n old delete secret meshcheck-webhook-certificates")
    );
    // All that is left after the configurations were deleted.
    let mut snapshot = healthy();
    snapshot.configurations.clear();
    let left: Vec<_> = problems(&snapshot)
        .into_iter()
        .map(|(check, problem)| (check, problem.at))
        .collect();
    let wanted = [
        ("installed", "ValidatingWebhookConfiguration".to_owned()),
        (
            "leftovers",
            "Deployment meshcheck-system/meshcheck-webhook".to_owned(),
        ),
        (
            "leftovers",
            "Secret meshcheck-system/meshcheck-webhook-certificates".to_owned(),
        ),
    ];
    assert_eq!(left, wanted);
}
