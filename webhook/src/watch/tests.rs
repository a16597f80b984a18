//! What is kept of objects says the same as they do: of all objects of the fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use kube::runtime::watcher::{Config, Event};
use meshcheck_rules::mesh::Learned;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Mesh, Object, Source};
use serde_json::{Value, json};

use super::kinds::{
    self, ConfigMap, Deployment, HelmRepository, HorizontalPodAutoscaler, IstioRevisionTag,
    MutatingWebhookConfiguration, Namespace, Node, OCIRepository, PodDisruptionBudget,
};
use super::seen::{Seen, Watched};
use super::shelf::{Facts, Shelf};

/// All objects of all manifests of the fixtures and of the rules' pages.
fn objects() -> Vec<(PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    collect(&root.join("tests/fixtures"), &mut found);
    collect(&root.join("rules/src/rules"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Value)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let texts = match path.extension().and_then(|name| name.to_str()) {
            Some("yaml" | "yml" | "json") => vec![text.as_str()],
            Some("md") => text
                .split("```")
                .skip(1)
                .step_by(2)
                .filter_map(block)
                .collect(),
            _ => continue,
        };
        for text in texts {
            let stream = Stream::read(text.as_bytes(), &Options::default());
            for document in stream.documents {
                let all = Object::all(&document.value);
                let all = all.iter().map(|object| object.root.value().clone());
                found.extend(all.map(|object| (path.clone(), object)));
            }
        }
    }
}

/// A block of a page without the line that says what it is.
fn block(text: &str) -> Option<&str> {
    let (head, block) = text.split_once('\n')?;
    head.starts_with("yaml").then_some(block)
}

/// An object as the API server has it in a list: it does not say its kind, and has a name.
fn listed(object: &Value) -> Value {
    let mut listed = object.clone();
    let members = listed.as_object_mut().expect("an object");
    members.remove("kind");
    members.remove("apiVersion");
    listed
}

/// What is known of an object that came by a watch, and what is known of it where it is learned whole.
fn both<K: Watched<Kept = Facts>>(object: &Value) -> (String, String) {
    let seen: Seen<K> = serde_json::from_value(listed(object)).expect("an object");
    let shelf = Shelf::new(K::KIND);
    for event in [Event::Init, Event::InitApply(seen), Event::InitDone] {
        shelf.take(event);
    }
    let mut kept = Mesh::default();
    shelf.tell(&mut kept, |_| true);

    let mut object = object.clone();
    object["apiVersion"] = K::KIND.api_version().into();
    let mut whole = Mesh::default();
    for object in Object::all(&object) {
        let title = object.title().into();
        whole.learn(&object, &Source::Cluster { title });
    }
    (format!("{kept:?}"), format!("{whole:?}"))
}

/// Whether the kind is watched; both ways of learning give the same.
fn compare(object: &Value, path: &Path) -> bool {
    let parts = match object["kind"].as_str() {
        Some("Namespace") => both::<Namespace>(object),
        Some("Node") => both::<Node>(object),
        Some("ConfigMap") => both::<ConfigMap>(object),
        Some("Deployment") => both::<Deployment>(object),
        Some("HorizontalPodAutoscaler") => both::<HorizontalPodAutoscaler>(object),
        Some("PodDisruptionBudget") => both::<PodDisruptionBudget>(object),
        Some("MutatingWebhookConfiguration") => both::<MutatingWebhookConfiguration>(object),
        Some("IstioRevisionTag") => both::<IstioRevisionTag>(object),
        Some("HelmRepository") => both::<HelmRepository>(object),
        Some("OCIRepository") => both::<OCIRepository>(object),
        _ => return false,
    };
    assert_eq!(parts.0, parts.1, "{}", path.display());
    true
}

/// Kinds that say something in files, and that are not watched: Deployments stand for what they make, and
/// the rest is no state of a cluster, or holds what others need not read. A `HelmChart` of k3s says two
/// things: the mesh that it plans, which is there itself, and the chart that its config is for, whose name says
/// it as well. Those of RKE2 hold whole charts, a megabyte each.
const UNWATCHED: &[&str] = &[
    "Pod",
    "ReplicaSet",
    "DaemonSet",
    "GitRepository",
    "HelmChart",
    "HelmChartConfig",
    "",
];

#[test]
fn what_is_kept_says_what_the_object_says() {
    let (mut compared, mut with_facts) = (0, 0);
    for (path, object) in objects() {
        let is_watched = compare(&object, &path);
        let all = Object::all(&object);
        let facts = all.iter().flat_map(Learned::all_in).count();
        let kind = object["kind"].as_str().unwrap_or_default();
        if facts > 0 {
            let is_known = is_watched || UNWATCHED.contains(&kind);
            assert!(is_known, "nobody watches {kind} of {}", path.display());
        }
        compared += usize::from(is_watched);
        with_facts += usize::from(is_watched && facts > 0);
    }
    assert!(
        compared > 300 && with_facts > 100,
        "{with_facts} of {compared}"
    );
}

/// Whether the API server sends an object to a watch.
fn is_sent(config: &Config, object: &Value) -> bool {
    let label = |key: &str| object["metadata"]["labels"][key].as_str();
    let labels =
        config
            .label_selector
            .as_deref()
            .is_none_or(|selector| match selector.split_once(" in ") {
                Some((key, list)) => {
                    let mut values = list.trim_matches(['(', ')']).split(", ");
                    label(key).is_some_and(|label| values.any(|value| value == label))
                }
                None => label(selector).is_some(),
            });
    let name = object["metadata"]["name"].as_str();
    let fields = config.field_selector.as_deref();
    let wanted = fields.map(|fields| fields.strip_prefix("metadata.name=").expect("a name"));
    labels && wanted.is_none_or(|wanted| name == Some(wanted))
}

/// The selectors let through what Istio's own charts made, from 1.7 to 1.31.
#[test]
fn what_charts_make_is_asked_for() {
    let mut sent = 0;
    for (path, object) in objects() {
        // Others write as little as the case needs.
        let is_charts = ["corpus", "oracle"]
            .iter()
            .any(|folder| path.components().any(|part| part.as_os_str() == *folder));
        let configs = match object["kind"].as_str() {
            Some("ConfigMap") => kinds::config_maps().to_vec(),
            Some("Deployment") => kinds::deployments().to_vec(),
            Some("MutatingWebhookConfiguration") => vec![kinds::injectors()],
            _ => continue,
        };
        let all = Object::all(&object);
        if !is_charts || all.iter().flat_map(Learned::all_in).next().is_none() {
            continue;
        }
        let is_sent = configs.iter().any(|config| is_sent(config, &object));
        assert!(is_sent, "{}: {}", path.display(), object["metadata"]);
        sent += 1;
    }
    assert!(sent > 20, "{sent}");
}

fn namespace(name: &str, injection: Option<&str>) -> Seen<Namespace> {
    let labels = injection.map(|value| json!({"istio-injection": value}));
    let metadata =
        json!({"name": name, "labels": labels, "annotations": {"long": "x".repeat(9_000)}});
    serde_json::from_value(json!({"metadata": metadata})).expect("a Namespace")
}

fn keys(shelf: &Shelf<Facts>) -> Vec<Box<str>> {
    let mut keys = shelf.keys();
    keys.sort();
    keys
}

#[test]
fn a_list_counts_when_it_is_read_to_its_end() {
    let shelf = Shelf::new(Namespace::KIND);
    let injected = |name| Event::InitApply(namespace(name, Some("enabled")));
    assert!(!shelf.take::<Namespace>(Event::Init));
    assert!(!shelf.take(injected("a")));
    assert!(!shelf.is_synced() && shelf.keys().is_empty());
    assert!(shelf.take::<Namespace>(Event::InitDone));
    assert!(shelf.is_synced());

    // What was there stays until the next list is whole; then what is missing is gone.
    shelf.take::<Namespace>(Event::Init);
    shelf.take(injected("b"));
    assert_eq!(keys(&shelf), ["a".into()]);
    // One that breaks off leaves nothing.
    shelf.take::<Namespace>(Event::Init);
    shelf.take(injected("c"));
    assert!(shelf.take::<Namespace>(Event::InitDone));
    assert_eq!(keys(&shelf), ["c".into()]);
}

#[test]
fn only_what_changes_a_fact_is_news() {
    let shelf = Shelf::new(Namespace::KIND);
    assert!(shelf.take::<Namespace>(Event::InitDone));
    assert!(!shelf.take::<Namespace>(Event::InitDone));
    assert!(shelf.take(Event::Apply(namespace("a", None))));
    assert!(!shelf.take(Event::Apply(namespace("a", None))));
    assert!(shelf.take(Event::Apply(namespace("a", Some("enabled")))));
    assert!(!shelf.take(Event::Delete(namespace("b", None))));
    assert!(shelf.take(Event::Delete(namespace("a", None))));

    let node: Seen<Node> =
        serde_json::from_value(json!({"metadata": {"name": "n"}})).expect("a Node");
    let shelf = Shelf::new(Node::KIND);
    assert!(!shelf.take(Event::Apply(node)), "it says nothing");
}
