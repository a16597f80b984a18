//! The webhook configurations: that each kind of a rule is asked about once, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use meshcheck_rules::{ObjectKind, rules};
use serde_json::{Value, json};

use super::{compare_or_write, documents, folder, only, patch_of};

pub(crate) const CONFIGURATIONS: [&str; 2] = ["base/mutating.yaml", "base/validating.yaml"];

const RULES: &str = "    rules:\n";

fn webhooks(file: &str) -> Vec<Value> {
    let mut configuration = documents(file).remove(0);
    serde_json::from_value(configuration["webhooks"].take()).expect("webhooks")
}

fn both() -> impl Iterator<Item = Value> {
    CONFIGURATIONS.into_iter().flat_map(webhooks)
}

/// What stands before the webhooks of a configuration, and the text of each, from its name on.
pub(crate) fn sections(text: &str) -> (&str, impl Iterator<Item = &str>) {
    let mut sections = text.split("\n  - name: ");
    (sections.next().unwrap_or_default(), sections)
}

pub(crate) fn timeouts() -> impl Iterator<Item = Duration> {
    both().map(|webhook| {
        let seconds = webhook["timeoutSeconds"].as_u64().expect("a timeout");
        Duration::from_secs(seconds)
    })
}

#[test]
fn they_lead_to_the_server() {
    let service: Service = only("base/service.yaml");
    let (metadata, spec) = (service.metadata, service.spec.expect("a spec"));
    let deployment: Deployment = only("base/deployment.yaml");
    let template = deployment.spec.expect("a spec").template;
    let carried = template
        .metadata
        .and_then(|pods| pods.labels)
        .expect("labels");
    let mut wanted = spec.selector.iter().flatten();
    assert!(wanted.all(|(key, value)| carried.get(key) == Some(value)));

    for (file, path) in CONFIGURATIONS.iter().zip(["/mutate", "/validate"]) {
        for webhook in webhooks(file) {
            let to = &webhook["clientConfig"]["service"];
            assert_eq!(to["name"].as_str(), metadata.name.as_deref());
            assert_eq!(to["namespace"].as_str(), metadata.namespace.as_deref());
            assert_eq!(to["port"], spec.ports.as_ref().expect("ports")[0].port);
            assert_eq!(to["path"], path);
        }
    }
}

/// What may differ among the webhooks of a configuration is what they are asked about.
#[test]
fn all_webhooks_of_one_have_the_same_manners() {
    for file in CONFIGURATIONS {
        let manners = |mut webhook: Value| {
            let fields = webhook.as_object_mut().expect("a webhook");
            fields.retain(|field, _| {
                !["name", "rules", "matchConditions"].contains(&field.as_str())
                    && !field.ends_with("Selector")
            });
            webhook
        };
        let all: Vec<_> = webhooks(file).into_iter().map(manners).collect();
        assert_eq!(all.len(), 4, "{file}");
        assert!(all.iter().all(|webhook| *webhook == all[0]), "{file}");
    }
}

#[test]
fn none_is_asked_about_the_cluster_and_itself() {
    let service: Service = only("base/service.yaml");
    let own = service.metadata.namespace.expect("a namespace");
    for webhook in both() {
        let chosen = &webhook["namespaceSelector"]["matchExpressions"][0];
        assert_eq!(chosen["key"], "kubernetes.io/metadata.name");
        let values = chosen["values"].as_array().expect("values");
        for namespace in ["kube-system", own.as_str()] {
            let named = values.iter().any(|name| name == namespace);
            assert_eq!(named, chosen["operator"] == "NotIn", "{namespace}");
        }
    }
}

#[test]
fn mutation_comes_before_istios() {
    let configuration: MutatingWebhookConfiguration = only("base/mutating.yaml");
    let name = configuration.metadata.name.expect("a name");
    for istio in ["istio-sidecar-injector", "istio-revision-tag-default"] {
        assert!(name.as_str() < istio, "{name} is called after {istio}");
    }
}

/// Which webhook of a configuration is asked about a kind.
fn is_asked(webhook: &str, kind: &ObjectKind) -> bool {
    let config_map = (kind.group, kind.kind) == ("", "ConfigMap");
    let argo = kind.group == "argoproj.io";
    match webhook.split('.').next() {
        Some("config" | "unlabelled-config") => config_map,
        Some("argo") => argo,
        _ => !config_map && !argo,
    }
}

/// The kinds that an API server asks about.
fn kinds(mutates: bool) -> impl Iterator<Item = &'static ObjectKind> {
    let kinds = rules::ALL.iter().flat_map(|rule| rule.kinds);
    kinds.filter(move |kind| kind.is_served() && !(mutates && kind.is_kept_by_git()))
}

/// `rules:` of a webhook, for its share of the kinds that a rule looks at. Pods apart: only their
/// creation is looked at.
fn webhook_rules(webhook: &str, mutates: bool) -> String {
    let mut groups = BTreeMap::<(&str, bool), BTreeSet<&str>>::new();
    for kind in kinds(mutates).filter(|kind| is_asked(webhook, kind)) {
        let is_pod = (kind.group, kind.kind) == ("", "Pod");
        groups
            .entry((kind.group, !is_pod))
            .or_default()
            .insert(kind.resource);
    }
    let groups = groups.into_iter().map(|((group, changes), resources)| {
        let operations = if changes {
            "- operations: [CREATE, UPDATE]"
        } else {
            "# Nothing that matters can change in a pod that exists.\n      - operations: [CREATE]"
        };
        let resources: Vec<_> = resources.into_iter().collect();
        format!(
            "      {operations}\n        apiGroups: [\"{group}\"]\n        apiVersions: [\"*\"]\n        \
             resources: [{}]\n        scope: \"*\"\n",
            resources.join(", ")
        )
    });
    RULES.to_owned() + &groups.collect::<String>()
}

/// A configuration with the `rules:` that its webhooks should have.
pub(crate) fn with_rules(file: &str) -> String {
    let text = fs::read_to_string(folder().join(file)).expect("a file");
    let (head, sections) = sections(&text);
    let mut wanted = head.to_owned();
    for section in sections {
        let (head, _) = section.split_once(RULES).expect("rules at the end");
        let (name, _) = head.split_once('\n').expect("a name");
        let rules = webhook_rules(name, file.contains("mutating"));
        wanted = format!("{wanted}\n  - name: {head}{}", rules.trim_end());
    }
    wanted + "\n"
}

#[test]
fn they_ask_for_the_kinds_of_the_rules() {
    for file in CONFIGURATIONS {
        let text = fs::read_to_string(folder().join(file)).expect("a file");
        compare_or_write(file, &text, &with_rules(file));
    }
}

fn asks_about(webhook: &Value, kind: &ObjectKind) -> bool {
    let mut rules = webhook["rules"].as_array().expect("rules").iter();
    let has = |list: &Value, value: &str| list.as_array().expect("a list").contains(&json!(value));
    rules.any(|rule| has(&rule["apiGroups"], kind.group) && has(&rule["resources"], kind.resource))
}

#[test]
fn each_kind_of_a_rule_is_asked_about_once() {
    for file in CONFIGURATIONS {
        let webhooks = webhooks(file);
        for kind in kinds(file.contains("mutating")) {
            let asked = webhooks.iter().filter(|webhook| asks_about(webhook, kind));
            let labels: Vec<_> = asked
                .map(|webhook| &webhook["objectSelector"]["matchExpressions"])
                .collect();
            if kind.kind == "ConfigMap" {
                let one = |operator| json!([{"key": "istio.io/rev", "operator": operator}]);
                assert_eq!(labels, [&one("Exists"), &one("DoesNotExist")], "{file}");
            } else {
                assert_eq!(labels, [&Value::Null], "{file}: {kind:?}");
            }
        }
    }
}

fn conditions(webhook: &Value) -> Vec<&str> {
    let conditions = webhook["matchConditions"].as_array().into_iter().flatten();
    conditions
        .map(|condition| condition["expression"].as_str().expect("CEL"))
        .collect()
}

const NOT_BEING_DELETED: &str = "!has(object.metadata.deletionTimestamp)";

/// Each costs the API server more than a review of most objects.
#[test]
fn conditions_are_for_few_objects() {
    for file in CONFIGURATIONS {
        let webhooks = webhooks(file);
        let all: Vec<_> = webhooks.iter().map(conditions).collect();
        assert_eq!([all[0].len(), all[1].len()], [0, 0], "{file}");
        assert!(all[2].iter().any(|text| text.contains("request.name")));
        // Argo CD keeps the status of an application in the object itself: each refresh is an update.
        assert!(
            all[3]
                .iter()
                .any(|text| text.contains("object.spec != oldObject.spec"))
        );
        assert!(all[2..].iter().all(|one| one[0] == NOT_BEING_DELETED));
    }
}

/// While the webhook is away an object can end, and a node can tell of what it runs.
#[test]
fn the_component_that_fails_closed_fits_the_base() {
    let mut configuration = documents("base/validating.yaml").remove(0);
    let base = webhooks("base/validating.yaml");
    let patch = patch_of("components/fail-closed/kustomization.yaml");
    json_patch::patch(&mut configuration, &patch).expect("it fits the base");
    let pods = kinds(false).find(|kind| kind.resource == "pods");
    let webhooks = configuration["webhooks"].as_array().expect("webhooks");
    for (webhook, before) in webhooks.iter().zip(&base) {
        assert_eq!(webhook["failurePolicy"], "Fail");
        let mut wanted = conditions(before);
        if wanted.is_empty() {
            wanted.push(NOT_BEING_DELETED);
        }
        if asks_about(webhook, pods.expect("Pods")) {
            wanted.push("!('system:nodes' in request.userInfo.groups)");
        }
        assert_eq!(conditions(webhook), wanted, "{webhook}");
    }
}
