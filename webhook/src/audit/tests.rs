//! A pass against an API server that answers as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use jiff::civil::date;
use kube::Client;
use kube::client::Body;
use meshcheck_rules::config::Policy;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::rule::Check;
use meshcheck_rules::{Engine, Mesh, ObjectKind, Rule, Severity, rules};
use serde_json::{Value, json};

use super::findings::Findings;
use super::pages::Pages;
use super::pass::Pass;
use crate::metrics::Metrics;

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// A status and a body.
type Answer = (u16, Value);

/// Answers, by path, one after the other; the last one for ever. What there is none for is not found.
#[derive(Clone, Default)]
struct Api {
    answers: Arc<Mutex<BTreeMap<String, Vec<Answer>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    /// With these resources of each group and version, and nothing in them.
    fn serving(groups: &[(&str, &[(&str, &str)])]) -> Self {
        let api = Self::default();
        let listed = groups.iter().filter(|(version, _)| *version != "v1");
        let listed: Vec<_> = listed
            .map(|(version, _)| {
                let (group, bare) = version.split_once('/').unwrap();
                let version = json!({"groupVersion": version, "version": bare});
                json!({"name": group, "versions": [version], "preferredVersion": version})
            })
            .collect();
        api.set(
            "/apis",
            200,
            json!({"kind": "APIGroupList", "groups": listed}),
        );
        for (version, resources) in groups {
            let root = if *version == "v1" { "/api" } else { "/apis" };
            let listed = resources.iter().map(|(kind, name)| {
                let verbs = ["get", "list"];
                json!({"name": name, "kind": kind, "namespaced": true, "verbs": verbs, "singularName": ""})
            });
            let listed: Vec<_> = listed.collect();
            let list =
                json!({"kind": "APIResourceList", "groupVersion": version, "resources": listed});
            api.set(&format!("{root}/{version}"), 200, list);
            for (_, name) in *resources {
                api.set(&format!("{root}/{version}/{name}"), 200, list_of(&[]));
            }
        }
        api
    }

    fn set(&self, path: &str, status: u16, body: Value) {
        self.queue(path, [(status, body)]);
    }

    fn queue(&self, path: &str, answers: impl Into<Vec<Answer>>) {
        let mut all = self.answers.lock().unwrap();
        all.insert(path.to_owned(), answers.into());
    }

    fn answer(&self, path: &str) -> Option<Answer> {
        let mut all = self.answers.lock().unwrap();
        let answers = all.get_mut(path)?;
        Some(if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        })
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let uri = request.uri().clone();
            api.asked.lock().unwrap().push(uri.to_string());
            let (status, body) = api.answer(uri.path()).unwrap_or((404, refusal(404)));
            let response = Response::builder()
                .status(status)
                .body(Body::from(body.to_string().into_bytes()))
                .unwrap();
            async { Ok::<_, Infallible>(response) }
        });
        Client::new(service, "default")
    }

    /// One pass; what was told.
    async fn pass(&self, engine: &Engine, findings: &mut Findings) -> (Metrics, bool, Vec<String>) {
        let (metrics, mut told) = (Metrics::default(), Vec::new());
        let pass = Pass {
            client: &self.client(),
            engine,
            mesh: &Mesh::new(Settings::default()),
            metrics: &metrics,
            excluded: &BTreeSet::from(["kube-system".to_owned()]),
        };
        let is_whole = pass
            .run(findings, |error| told.push(error.to_string()))
            .await
            .unwrap();
        (metrics, is_whole, told)
    }
}

fn refusal(code: u16) -> Value {
    json!({"kind": "Status", "status": "Failure", "message": "no", "reason": "No", "code": code})
}

fn list_of(items: &[Value]) -> Value {
    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
}

/// As the items of a list are: without kind and version.
fn istiod(name: &str) -> Value {
    let labels = json!({"app": "istiod"});
    json!({
        "metadata": {"name": name, "namespace": "istio-system", "uid": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "discovery", "image": "istio/pilot:1.7.4"}]},
            },
        },
    })
}

fn engine(policy: Policy) -> Engine {
    Engine::new(date(2026, 11, 22), policy, Releases::embedded())
}

fn unsupported(findings: &Findings) -> u64 {
    let found = findings.tally().findings;
    let of_rule = found
        .iter()
        .filter(|((rule, ..), _)| *rule == "version-unsupported");
    of_rule.map(|(_, count)| count).sum()
}

const APPS: &[(&str, &[(&str, &str)])] = &[
    ("v1", &[("Pod", "pods"), ("ConfigMap", "configmaps")]),
    ("apps/v1", &[("Deployment", "deployments")]),
];

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let api = Api::serving(APPS);
    let page = |items: &[Value], next: &str| {
        let mut list = list_of(items);
        list["metadata"]["continue"] = next.into();
        (200, list)
    };
    let mut expired = refusal(410);
    expired["metadata"] = json!({"continue": "on/=", "resourceVersion": "9"});
    let mut large = istiod("b");
    large["metadata"]["annotations"] = json!({"a": "x".repeat(1 << 20)});
    api.queue(
        DEPLOYMENTS,
        [
            page(&[istiod("a")], "second"),
            page(&[large], "third"),
            (410, expired),
            page(&[istiod("c")], ""),
        ],
    );
    let mut findings = Findings::default();
    let (_, is_whole, told) = api.pass(&engine(Policy::default()), &mut findings).await;
    assert_eq!((is_whole, told), (true, vec![]));
    assert_eq!(unsupported(&findings), 3);
    let asked: Vec<_> = api.asked();
    let asked = asked.iter().filter_map(|uri| uri.strip_prefix(DEPLOYMENTS));
    assert_eq!(
        asked.collect::<Vec<_>>(),
        [
            "?limit=50",
            "?limit=100&continue=second",
            // What is large comes in smaller pages.
            "?limit=1&continue=third",
            "?limit=1&continue=on%2F%3D",
        ]
    );
}

#[tokio::test]
async fn a_page_that_is_too_large_comes_in_pieces() {
    let api = Api::serving(APPS);
    let mut large = istiod("large");
    large["metadata"]["annotations"] = json!({"a": "x".repeat(17 << 20)});
    let too_large = (200, list_of(&[large]));
    api.queue(
        DEPLOYMENTS,
        [too_large.clone(), (200, list_of(&[istiod("a")]))],
    );
    let mut findings = Findings::default();
    let (_, is_whole, _) = api.pass(&engine(Policy::default()), &mut findings).await;
    assert!(is_whole);
    assert_eq!(unsupported(&findings), 1);
    let asked = api.asked();
    let asked = asked.iter().filter_map(|uri| uri.strip_prefix(DEPLOYMENTS));
    assert_eq!(asked.collect::<Vec<_>>(), ["?limit=50", "?limit=6"]);

    api.queue(DEPLOYMENTS, [too_large]);
    let (_, is_whole, told) = api.pass(&engine(Policy::default()), &mut findings).await;
    assert!(!is_whole);
    assert_eq!(
        told,
        ["cannot list deployments.apps: the answer cannot be read"]
    );
}

#[tokio::test]
async fn a_list_that_expires_for_ever_is_given_up() {
    let api = Api::default();
    let mut expired = refusal(410);
    expired["metadata"] = json!({"continue": "on", "resourceVersion": "9"});
    api.set("/list", 410, expired);
    let client = api.client();
    let mut pages = Pages::at(&client, "/list".to_owned(), "things".to_owned());
    let error = pages.next().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot list things: the list expired while it was read"
    );
    assert_eq!(api.asked().len(), 4);
}

#[tokio::test]
async fn what_cannot_be_listed_keeps_its_findings() {
    let api = Api::serving(APPS);
    let engine = engine(Policy::default());
    let mut findings = Findings::default();
    api.set(DEPLOYMENTS, 200, list_of(&[istiod("a")]));
    api.pass(&engine, &mut findings).await;
    assert_eq!(unsupported(&findings), 1);

    api.set(DEPLOYMENTS, 403, refusal(403));
    let (_, is_whole, told) = api.pass(&engine, &mut findings).await;
    assert!(!is_whole);
    assert_eq!(
        told,
        ["cannot list deployments.apps: the permission `list deployments.apps` is missing"]
    );
    assert_eq!(unsupported(&findings), 1, "nobody has seen that it is gone");

    api.set("/apis/apps/v1", 503, refusal(503));
    let (_, is_whole, told) = api.pass(&engine, &mut findings).await;
    assert!(!is_whole);
    assert_eq!(told, ["cannot ask which kinds there are in apps: no (503)"]);
    assert_eq!(unsupported(&findings), 1);

    // A definition that is gone takes its objects with it.
    api.set("/apis", 200, json!({"kind": "APIGroupList", "groups": []}));
    let (_, is_whole, _) = api.pass(&engine, &mut findings).await;
    assert!(is_whole);
    assert_eq!(unsupported(&findings), 0);
}

#[tokio::test]
async fn what_the_webhook_leaves_alone_is_left_alone() {
    let api = Api::serving(APPS);
    let mut gone = istiod("gone");
    gone["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z".into();
    let mut excluded = istiod("excluded");
    excluded["metadata"]["namespace"] = "kube-system".into();
    api.set(DEPLOYMENTS, 200, list_of(&[istiod("a"), gone, excluded]));

    // Only metadata are listed of Pods; those that are judged are read.
    let pod = |name: &str, owner: Value| {
        let spec = json!({"containers": [{"name": "discovery", "image": "istio/pilot:1.7.4"}]});
        let metadata = json!({
            "name": name, "namespace": "istio-system", "labels": {"app": "istiod"},
            "ownerReferences": [owner],
        });
        let path = format!("/api/v1/namespaces/istio-system/pods/{name}");
        api.set(&path, 200, json!({"metadata": metadata, "spec": spec}));
        json!({"metadata": metadata})
    };
    let by = |api_version: &str, kind: &str| json!({"apiVersion": api_version, "kind": kind, "name": "a", "uid": "a", "controller": true});
    let pods = [
        pod("of-a-replica-set", by("apps/v1", "ReplicaSet")),
        pod("of-a-node", by("v1", "Node")),
        // Nobody looks at the kind that makes it.
        pod("of-something", by("apps.kruise.io/v1alpha1", "CloneSet")),
    ];
    api.set("/api/v1/pods", 200, list_of(&pods));
    let maps = ["kube-root-ca.crt", "istio"]
        .map(|name| json!({"metadata": {"name": name, "namespace": "istio-system"}}));
    api.set("/api/v1/configmaps", 200, list_of(&maps));

    let mut findings = Findings::default();
    let (_, is_whole, told) = api.pass(&engine(Policy::default()), &mut findings).await;
    // A ConfigMap that goes between the list and the reading is no error.
    assert_eq!((is_whole, told), (true, vec![]));
    assert_eq!(unsupported(&findings), 2);
    let asked = api.asked();
    let read = asked.iter().filter(|uri| uri.contains("/namespaces/"));
    assert_eq!(
        read.collect::<Vec<_>>(),
        [
            "/api/v1/namespaces/istio-system/configmaps/istio",
            "/api/v1/namespaces/istio-system/pods/of-something",
        ]
    );
}

#[tokio::test]
async fn a_rule_that_breaks_down_is_counted_and_no_more() {
    static CRASHES: Rule = Rule {
        id: "crashes",
        summary: "for a test",
        page: "",
        severity: Severity::Warning,
        since: "0.1.0",
        kinds: &[ObjectKind {
            group: "apps",
            kind: "Deployment",
            resource: "deployments",
        }],
        fix: None,
        aliases: &[],
        check: Check::Object(|_, _| panic!("a secret of the object")),
    };
    let api = Api::serving(APPS);
    api.set(DEPLOYMENTS, 200, list_of(&[istiod("a"), istiod("b")]));
    let others = rules::ALL.iter().copied();
    let engine = engine(Policy::default()).with_rules(others.chain([&CRASHES]).collect());
    let mut findings = Findings::default();
    let (metrics, is_whole, _) = api.pass(&engine, &mut findings).await;
    assert!(is_whole);
    assert_eq!(unsupported(&findings), 2);
    let metrics = metrics.text();
    assert!(metrics.contains("meshcheck_rule_crashes_total{rule=\"crashes\"} 2"));
}

#[tokio::test]
async fn a_stale_release_table_is_a_finding_of_the_whole() {
    let api = Api::serving(APPS);
    let late = Engine::new(date(2028, 1, 1), Policy::default(), Releases::embedded());
    let mut findings = Findings::default();
    for engine in [engine(Policy::default()), late] {
        api.pass(&engine, &mut findings).await;
    }
    let tally = findings.tally().findings;
    let rules: Vec<_> = tally
        .keys()
        .map(|(rule, _, namespace)| (*rule, namespace.as_str()))
        .collect();
    assert_eq!(rules, [("release-data-stale", "")]);
    let (_, is_whole, _) = api.pass(&engine(Policy::default()), &mut findings).await;
    assert!(is_whole && findings.tally().findings.is_empty());
}

#[tokio::test]
async fn the_policy_counts() {
    let api = Api::serving(APPS);
    api.set(DEPLOYMENTS, 200, list_of(&[istiod("a")]));
    let policy = |text: &str| {
        let head = "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\n";
        Policy::parse(format!("{head}{text}").as_bytes()).unwrap()
    };
    for (text, count) in [
        ("webhook: {mode: audit}", 1),
        ("webhook: {mode: off}", 0),
        ("rules: {version-unsupported: off}", 0),
        ("rules: {version-unsupported: warning}", 1),
        (
            "ignores: [{rule: version-unsupported, reason: we know, until: 2026-12-31}]",
            0,
        ),
    ] {
        let mut findings = Findings::default();
        api.pass(&engine(policy(text)), &mut findings).await;
        assert_eq!(unsupported(&findings), count, "{text}");
    }
}
