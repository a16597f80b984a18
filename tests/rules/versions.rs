//! Every form in which a manifest states a version of Istio: hubs, names and tags, and what stands in
//! labels and annotations where there is only a digest.

use meshcheck_rules::Object;
use meshcheck_rules::istio::Subject;
use meshcheck_rules::istio::build::Stated;
use meshcheck_rules::istio::image::Tag;
use meshcheck_rules::object::Strings;
use serde_json::{Value, json};

const DIGEST: &str = "sha256:2f1c0e5d8d3b7f6a9c4e1b0d7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f";

/// An istiod with this image; `metadata` is laid over its own.
fn istiod(image: &str, metadata: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": {"app": "istiod"}},
            "template": {
                "metadata": {"labels": {"app": "istiod"}},
                "spec": {"containers": [
                    {"name": "discovery", "image": image, "args": ["discovery"]},
                ]},
            },
        },
    })
}

/// What a manifest states: `1.24.3`, `1.24.3 early`, or `unknown`; with ` (vendor)`.
fn stated(manifest: &Value) -> String {
    let objects = Object::all(manifest);
    let strings = Strings::default();
    let subject = Subject::of(&objects[0], &strings);
    let [build] = subject.builds.as_slice() else {
        return format!("{} programs of Istio", subject.builds.len());
    };
    let said = match &build.stated {
        Stated::Version(Tag::Release(version), _) => version.to_string(),
        Stated::Version(Tag::Prerelease(version), _) => format!("{version} early"),
        Stated::Version(Tag::Unreadable, _) => "neither".to_owned(),
        Stated::Unknown { .. } => "unknown".to_owned(),
    };
    match build.image.vendor() {
        Some(vendor) => format!("{said} ({})", vendor.as_str()),
        None => said,
    }
}

/// Everything that is stated otherwise than expected.
fn differences(cases: impl IntoIterator<Item = (String, Value, &'static str)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (what, manifest, expected) in cases {
        let said = stated(&manifest);
        if said != expected {
            wrong.push(format!("{what}: {said}, not {expected}"));
        }
    }
    wrong
}

/// Images, and what they state: `1.24.3`, `1.24.3 early` or `unknown`, with `(vendor)`.
const IMAGES: &str = include_str!("images.csv");

#[test]
fn every_form_of_an_image() {
    let rows = IMAGES.lines().skip(1).filter(|line| !line.starts_with('#'));
    let rows: Vec<_> = rows
        .map(|row| row.rsplit_once(',').expect("two fields"))
        .collect();
    let metadata = json!({"name": "istiod"});
    // A tag says it, whatever digest stands behind it; without one the digest says nothing.
    let cases = [String::new(), format!("@{DIGEST}")]
        .into_iter()
        .flat_map(|digest| {
            let metadata = &metadata;
            rows.iter().map(move |(image, expected)| {
                let image = format!("{image}{digest}");
                (image.clone(), istiod(&image, metadata), *expected)
            })
        });
    let wrong = differences(cases);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// No tag, only a digest: the labels in their order. A revision is a hint only.
#[test]
fn every_fallback_of_a_digest() {
    let image = format!("index.docker.io/istio/pilot@{DIGEST}");
    let labels = |labels: Value| json!({"name": "istiod", "labels": labels});
    let cases = [
        ("nothing", labels(json!({})), "unknown"),
        (
            "app",
            labels(json!({"app.kubernetes.io/version": "1.24.3"})),
            "1.24.3",
        ),
        (
            "operator",
            labels(json!({"operator.istio.io/version": "1.16.1"})),
            "1.16.1",
        ),
        (
            "chart",
            labels(json!({"helm.sh/chart": "istiod-1.28.10"})),
            "1.28.10",
        ),
        (
            "chart of a beta",
            labels(json!({"helm.sh/chart": "istiod-1.29.0-beta.1"})),
            "1.29.0 early",
        ),
        (
            "chart of a build",
            labels(json!({"helm.sh/chart": "istiod-1.28.10_up1"})),
            "1.28.10",
        ),
        (
            "chart of another name",
            labels(json!({"helm.sh/chart": "mesh-1.28.10"})),
            "unknown",
        ),
        (
            "app before operator before chart",
            labels(json!({
                "helm.sh/chart": "istiod-1.28.10",
                "operator.istio.io/version": "1.27.0",
                "app.kubernetes.io/version": "1.26.0",
            })),
            "1.26.0",
        ),
        (
            "operator before chart",
            labels(json!({
                "helm.sh/chart": "istiod-1.28.10",
                "operator.istio.io/version": "1.27.0",
            })),
            "1.27.0",
        ),
        (
            "built from source",
            labels(json!({"app.kubernetes.io/version": "1.0.0"})),
            "unknown",
        ),
        (
            "built from source",
            labels(json!({"helm.sh/chart": "istiod-1.0.0"})),
            "unknown",
        ),
        (
            "no version",
            labels(json!({"app.kubernetes.io/version": "stable"})),
            "unknown",
        ),
        (
            "revision",
            labels(json!({"istio.io/rev": "1-24-2"})),
            "unknown",
        ),
    ];
    let manifests = cases
        .map(|(what, metadata, expected)| (what.to_owned(), istiod(&image, &metadata), expected));
    let wrong = differences(manifests);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// No tag, only a digest: kbld's annotation comes before the labels.
#[test]
fn every_form_of_kbld() {
    let image = format!("index.docker.io/istio/pilot@{DIGEST}");
    let kbld = |text: String| {
        json!({
            "name": "istiod",
            "labels": {"app.kubernetes.io/version": "1.23.0"},
            "annotations": {"kbld.k14s.io/images": text},
        })
    };
    let cases = [
        (
            "kbld before labels",
            kbld(format!(
                "- origins:\n  - resolved:\n      tag: 1.24.3\n      url: istio/pilot:1.24.3\n  url: {image}\n"
            )),
            "1.24.3",
        ),
        (
            "kbld of old",
            kbld(format!(
                "- Metas:\n  - Type: resolved\n    Tag: 1.8.6\n    URL: istio/pilot:1.8.6\n  URL: {image}\n"
            )),
            "1.8.6",
        ),
        (
            "kbld without a tag",
            kbld(format!(
                "- origins:\n  - resolved:\n      url: istio/pilot:1.9.9\n  url: {image}\n"
            )),
            "1.9.9",
        ),
        (
            "kbld of another image",
            kbld(
                "- origins: [{resolved: {tag: 1.24.3}}]\n  url: example.com/other@sha256:1\n"
                    .to_owned(),
            ),
            "1.23.0",
        ),
        ("broken kbld", kbld("a: [".to_owned()), "1.23.0"),
    ];
    let manifests = cases
        .map(|(what, metadata, expected)| (what.to_owned(), istiod(&image, &metadata), expected));
    let wrong = differences(manifests);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A label does not decide against a tag, nor where there is neither tag nor digest: then it is a hint.
#[test]
fn labels_are_hints_where_they_do_not_decide() {
    let labelled = |name: &str, text: &str| json!({"name": "istiod", "labels": {name: text}});
    let cases = [
        (
            ":latest",
            "app.kubernetes.io/version",
            "1.24.3",
            "label app.kubernetes.io/version says 1.24.3",
        ),
        (
            ":latest",
            "helm.sh/chart",
            "istiod-1.24.3",
            "label helm.sh/chart says istiod-1.24.3",
        ),
        (
            ":stable",
            "istio.io/rev",
            "1-24-2",
            "label istio.io/rev says 1-24-2",
        ),
        (
            ":stable",
            "istio.io/rev",
            "asm-1-25",
            "label istio.io/rev says asm-1-25",
        ),
        (":stable", "istio.io/rev", "canary", ""),
        (":stable", "istio.io/rev", "canary-1", ""),
        (
            "@sha256:1",
            "istio.io/rev",
            "1-24-2",
            "label istio.io/rev says 1-24-2",
        ),
    ];
    for (tag, name, text, expected) in cases {
        let manifest = istiod(
            &format!("docker.io/istio/pilot{tag}"),
            &labelled(name, text),
        );
        let objects = Object::all(&manifest);
        let strings = Strings::default();
        let subject = Subject::of(&objects[0], &strings);
        let Stated::Unknown { hint, .. } = &subject.builds[0].stated else {
            panic!("{tag} {name}: {:?}", subject.builds[0].stated);
        };
        assert_eq!(
            hint.as_deref().unwrap_or_default(),
            expected,
            "{tag} {name}: {text}"
        );
    }
}

/// The labels of an application speak of the application, those of Istio's own workloads of Istio.
#[test]
fn every_workload_has_its_own_labels() {
    let workload = |kind: &str, container: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": kind,
            "metadata": {"name": "x", "labels": {"app.kubernetes.io/version": "1.24.3"}},
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}},
            },
        })
    };
    let at = |name: &str| format!("docker.io/istio/{name}@{DIGEST}");
    let proxy = |role: &str| json!({"name": "istio-proxy", "image": at("proxyv2"), "args": ["proxy", role]});
    let cases = [
        ("Deployment", proxy("sidecar"), "unknown"),
        ("Deployment", proxy("router"), "1.24.3"),
        ("Deployment", proxy("waypoint"), "1.24.3"),
        (
            "DaemonSet",
            json!({"name": "istio-proxy", "image": at("ztunnel"), "args": ["proxy", "ztunnel"]}),
            "1.24.3",
        ),
        (
            "DaemonSet",
            json!({"name": "install-cni", "image": at("install-cni")}),
            "1.24.3",
        ),
        (
            "Deployment",
            json!({"name": "agentgateway", "image": at("agentgateway")}),
            "1.24.3",
        ),
        (
            "Deployment",
            json!({"name": "operator", "image": at("operator")}),
            "1.24.3",
        ),
        (
            "Deployment",
            json!({"name": "istio-proxy", "image": format!("example.com/envoy@{DIGEST}"), "args": ["proxy", "sidecar"]}),
            "unknown",
        ),
        (
            "Deployment",
            json!({"name": "istio-proxy", "image": "example.com/envoy:1.24.3", "args": ["proxy", "sidecar"]}),
            "unknown",
        ),
        (
            "Deployment",
            json!({"name": "istio-proxy", "image": "auto"}),
            "0 programs of Istio",
        ),
        (
            "Deployment",
            json!({"name": "kiali", "image": "quay.io/kiali/kiali:v2.4"}),
            "0 programs of Istio",
        ),
        (
            "Deployment",
            json!({"name": "web", "image": "docker.io/istio/examples-helloworld-v1:1.0"}),
            "0 programs of Istio",
        ),
    ];
    let manifests = cases.map(|(kind, container, expected)| {
        (container.to_string(), workload(kind, container), expected)
    });
    let wrong = differences(manifests);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
