//! What the webhook needs, and what it may do.

use std::collections::BTreeSet;

use super::*;

type Grants = BTreeSet<(bool, String, String, Option<String>, String)>;

/// Each verb of each need, with whether it is for the webhook's own namespace alone.
fn needed(is_stored: bool) -> Grants {
    let mut grants = Grants::new();
    for need in needs(&webhook_pod(), NAMESPACE, is_stored) {
        for verb in need.verbs {
            grants.insert((
                need.namespace.is_some(),
                need.group.to_owned(),
                need.resource.to_owned(),
                need.name.clone(),
                (*verb).to_owned(),
            ));
        }
    }
    grants
}

/// The same of the roles of the manifests.
fn granted() -> Grants {
    let rbac = roles();
    let everywhere = rbac.cluster_roles.iter().map(|role| (false, &role.rules));
    let own = rbac.roles.iter().map(|role| (true, &role.rules));
    let rules = everywhere
        .chain(own)
        .flat_map(|(is_own, rules)| rules.iter().flatten().map(move |rule| (is_own, rule)));
    let mut grants = Grants::new();
    for (is_own, rule) in rules {
        let [group] = rule.api_groups.as_deref().expect("groups") else {
            panic!("{rule:?}");
        };
        let name = match rule.resource_names.as_deref() {
            None => None,
            Some([name]) => Some(name.clone()),
            Some(_) => panic!("{rule:?}"),
        };
        for resource in rule.resources.iter().flatten() {
            grants.extend(rule.verbs.iter().map(|verb| {
                (
                    is_own,
                    group.clone(),
                    resource.clone(),
                    name.clone(),
                    verb.clone(),
                )
            }));
        }
    }
    grants
}

/// Neither can grow old: what is needed is granted, and nothing else.
#[test]
fn what_is_needed_is_what_the_manifests_grant() {
    let mut granted = granted();
    // Who may list and watch them learns nothing more by `get`.
    let watched: Vec<_> = granted
        .iter()
        .filter(|grant| grant.4 == "watch" && grant.3.is_none())
        .cloned()
        .collect();
    let needed = needed(false);
    for (is_own, group, resource, name, _) in watched {
        let get = (is_own, group, resource, name, "get".to_owned());
        if !needed.contains(&get) {
            granted.remove(&get);
        }
    }
    assert_eq!(needed, granted);
}

#[test]
fn only_what_the_arguments_ask_for_is_needed() {
    let of = |arguments: &[&str]| {
        let mut pod = webhook_pod();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        pod.containers[0].args = Some(arguments);
        needs(&pod, NAMESPACE, true)
    };
    assert_eq!(of(&["--tls=files", "--audit-interval=off"]), []);
    assert_eq!(of(&["--audit-interval", "0s"]), []);
    let watch = of(&["--watch"]);
    assert!(watch.iter().all(|need| need.verbs == ["list", "watch"]));
    assert_eq!(of(&["--watch=true"]), watch);
    let others = of(&[
        "--tls=self-managed",
        "--cert-secret=other",
        "--validating-configuration=ours",
    ]);
    let names: Vec<_> = others.iter().map(|need| need.name.as_deref()).collect();
    let wanted = [
        "other",
        "meshcheck-webhook-certificates",
        "a0-meshcheck-webhook",
        "ours",
    ];
    assert_eq!(names, wanted.map(Some));
    let lease = of(&["--audit-interval=1h", "--audit-lease=other"]).remove(0);
    assert_eq!(lease.name.as_deref(), Some("other"));
}

/// What would be asked and answered with these roles.
fn with(change: impl Fn(&mut Rbac)) -> Snapshot {
    let mut snapshot = healthy();
    let mut rbac = roles();
    change(&mut rbac);
    snapshot.installs[0].permissions = Ok(Some(permissions(&rbac)));
    snapshot
}

/// Rules without this resource.
fn without(rbac: &mut Rbac, resource: &str) {
    let everywhere = rbac.cluster_roles.iter_mut().map(|role| &mut role.rules);
    let own = rbac.roles.iter_mut().map(|role| &mut role.rules);
    for rule in everywhere.chain(own).flatten().flatten() {
        let resources = rule.resources.as_mut().expect("resources");
        resources.retain(|one| one != resource);
    }
}

#[test]
fn a_rule_that_is_missing_is_named() {
    let snapshot = with(|rbac| without(rbac, "nodes"));
    let (check, nodes) = problem(&snapshot);
    assert_eq!(check, "permissions");
    assert_eq!(
        nodes.at,
        "ServiceAccount meshcheck-system/meshcheck-webhook"
    );
    assert_eq!(nodes.message, "may not list and watch nodes");
    assert_eq!(
        nodes.leads_to,
        "native sidecars stay unknown, so sidecar-start-not-gated only advises"
    );
    assert_eq!(
        nodes.command.as_deref(),
        Some("kubectl apply -f manifests/base/mesh.yaml")
    );
    assert_eq!(verdict(&snapshot, FailOn::Error), Verdict::Clean);
    assert_eq!(
        said(&snapshot, "permissions")[1],
        "ok: ServiceAccount meshcheck-system/meshcheck-webhook: may do all that --tls=self-managed, \
         --audit-interval needs"
    );
}

/// What leads to the same is one problem.
#[test]
fn kinds_of_the_audit_are_told_together() {
    let snapshot = with(|rbac| {
        without(rbac, "cronjobs");
        without(rbac, "jobs");
    });
    assert_eq!(
        problem(&snapshot).1.message,
        "may not list cronjobs.batch, list jobs.batch"
    );
}

#[test]
fn a_binding_that_is_gone_takes_all() {
    let snapshot = with(|rbac| {
        let bindings = &mut rbac.cluster_bindings;
        bindings.retain(|one| one.metadata.name.as_deref() != Some("meshcheck-webhook-mesh"));
    });
    let (_, gone) = problem(&snapshot);
    assert_eq!(gone.message, "may do nothing of what --watch needs");
    assert_eq!(verdict(&snapshot, FailOn::Error), Verdict::Findings);
}

#[test]
fn what_certificates_need_is_vital() {
    let snapshot = with(|rbac| rbac.bindings.clear());
    let severities: Vec<_> = problems(&snapshot)
        .into_iter()
        .map(|(_, problem)| (problem.severity.as_str(), problem.message))
        .collect();
    assert_eq!(
        severities,
        [
            (
                "error",
                "may not get, list, update and watch secrets meshcheck-webhook-certificates".to_owned()
            ),
            (
                "warning",
                "may not get roles.rbac.authorization.k8s.io meshcheck-webhook-certificates".to_owned()
            ),
            (
                "error",
                "may not get and update leases.coordination.k8s.io meshcheck-webhook-audit, create \
                 leases.coordination.k8s.io"
                    .to_owned()
            ),
            (
                "warning",
                "may not get roles.rbac.authorization.k8s.io meshcheck-webhook-audit".to_owned()
            ),
        ]
    );
}

/// As in the manual: whoever made the Secret takes the rule out.
#[test]
fn a_secret_that_is_there_need_not_be_made() {
    let create = |grants: &Grants| {
        let mut grants = grants.iter();
        grants.any(|grant| grant.2 == "secrets" && grant.4 == "create")
    };
    assert!(create(&needed(false)));
    assert!(!create(&needed(true)));
}

#[test]
fn roles_are_read_as_the_api_server_reads_them() {
    let account = account();
    let need = needs(&webhook_pod(), NAMESPACE, true).remove(0);
    assert_eq!(need.title(), "secrets");
    let subject = |kind: &str, name: &str| json!({"kind": kind, "name": name});
    let own = json!({"kind": "ServiceAccount", "name": SERVICE, "namespace": NAMESPACE});
    let other = json!({"kind": "ServiceAccount", "name": SERVICE, "namespace": "other"});
    let rule = |resource: &str, names: &Value| {
        json!({
            "apiGroups": ["*"], "resources": [resource], "verbs": ["*"], "resourceNames": names,
        })
    };
    let allows = |subject: &Value, rule: &Value, namespace: &str| {
        let any = json!({"metadata": {"name": "any"}, "rules": [rule]});
        let binding = json!({
            "metadata": {"name": "any", "namespace": namespace}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "any"},
        });
        let rbac = Rbac {
            cluster_roles: vec![typed(any)],
            bindings: vec![typed(binding)],
            ..Rbac::default()
        };
        Asked::by(&rbac, &account, need.clone()).missing.is_empty()
    };
    let all = rule("*", &Value::Null);
    let group = subject("Group", "system:serviceaccounts:meshcheck-system");
    let user = subject(
        "User",
        "system:serviceaccount:meshcheck-system:meshcheck-webhook",
    );
    for who in [&own, &group, &user] {
        assert!(allows(who, &all, NAMESPACE), "{who}");
    }
    assert!(!allows(&other, &all, NAMESPACE));
    assert!(!allows(&own, &all, "elsewhere"));
    assert!(!allows(&own, &rule("pods", &Value::Null), NAMESPACE));
    let named = |name: &str| rule("secrets", &json!([name]));
    assert!(allows(
        &own,
        &named("meshcheck-webhook-certificates"),
        NAMESPACE
    ));
    assert!(!allows(&own, &named("another"), NAMESPACE));
}
