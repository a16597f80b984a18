//! Laws of the rules, over all of them and over all objects of the fixtures and the pages.

use std::collections::BTreeSet;
use std::fs;

use meshcheck_rules::finding::RelatedPlace;
use meshcheck_rules::rules::ALL;
use meshcheck_rules::yaml::Document;
use meshcheck_rules::{Check, Finding, Location, Mesh, Object, Pointer, Severity};
use serde_json::Value;

use crate::case::{Case, Config, all, rules_folder};

/// What the rules say of every object of a case, with the index of its document.
fn findings(case: &Case, mesh: &Mesh) -> Vec<(usize, Pointer, Vec<Finding>)> {
    let engine = case.config.engine();
    let mut found = Vec::new();
    for document in &case.stream.documents {
        for object in Object::all(&document.value) {
            let report = engine.check(&object, mesh, case.place());
            assert!(
                report.crashed.is_empty(),
                "{}: {:?}",
                case.name,
                report.crashed
            );
            found.push((document.index, object.root.pointer(), report.findings));
        }
    }
    found
}

#[test]
fn ids_are_unique_and_in_kebab_case() {
    let mut names = BTreeSet::new();
    for rule in ALL {
        let is_kebab = rule.id.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        assert!(is_kebab, "{}", rule.id);
        for name in rule.aliases.iter().chain([&rule.id]) {
            assert!(names.insert(*name), "{name} twice");
        }
    }
}

/// Each rule has its file and its page, and no file or page is without a rule.
#[test]
fn folder_and_list_agree() {
    let entries = fs::read_dir(rules_folder()).expect("the folder of the rules");
    let mut files: BTreeSet<String> = entries
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert!(files.remove("support.rs"));
    for rule in ALL {
        let code = format!("{}.rs", rule.id.replace('-', "_"));
        assert!(files.remove(&code), "{code} is missing");
        let page = format!("{}.md", rule.id);
        assert!(files.remove(&page), "{page} is missing");
        // Further cases, and parts of a rule that does not fit one file, may be there.
        files.remove(&format!("{}.cases.md", rule.id));
        files.remove(code.trim_end_matches(".rs"));
    }
    assert!(files.is_empty(), "without a rule: {files:?}");
}

#[test]
fn summaries_fit_a_list() {
    for rule in ALL {
        assert!(is_message(rule.summary), "{}: {}", rule.id, rule.summary);
        assert!(rule.summary.len() <= 80, "{}: too long for a line", rule.id);
        let of_run = matches!(rule.check, Check::Run(_));
        assert_eq!(
            rule.kinds.is_empty(),
            of_run,
            "{} looks at nothing",
            rule.id
        );
    }
}

/// Lower case first (or a field in backticks, or a name), no full stop last, one line.
fn is_message(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    let is_name =
        first == "Kubernetes" || (first.contains('_') && !first.contains(char::is_lowercase));
    let starts = is_name || text.starts_with(|c: char| c.is_lowercase() || c == '`');
    starts && !text.ends_with(['.', ' ']) && !text.contains('\n') && !text.contains("  ")
}

#[test]
fn messages_and_titles_are_in_the_house_style() {
    let mut count = 0;
    for case in all() {
        for finding in findings(case, &case.mesh()).into_iter().flat_map(|f| f.2) {
            count += 1;
            let related = finding
                .related
                .iter()
                .map(|related| related.message.as_str());
            let title = finding.fix.iter().map(|fix| fix.title.as_str());
            for text in related.chain(title).chain([finding.message.as_str()]) {
                assert!(is_message(text), "{}: {text}", finding.rule);
            }
        }
    }
    assert!(count > 300, "only {count} findings");
}

/// The grade that a rule declares is the best that it offers; without one it offers none.
#[test]
fn fixes_are_of_the_declared_grade() {
    let mut offered = BTreeSet::new();
    for case in all() {
        for finding in findings(case, &case.mesh()).into_iter().flat_map(|f| f.2) {
            let rule = meshcheck_rules::rules::find(finding.rule).expect("a rule");
            if let Some(fix) = &finding.fix {
                assert!(
                    rule.fix.is_some_and(|best| fix.applicability >= best),
                    "{}",
                    rule.id
                );
                assert!(
                    !fix.patch.0.is_empty(),
                    "{}: a fix that does nothing",
                    rule.id
                );
                offered.insert((rule.id, fix.applicability.as_str()));
            }
        }
    }
    for rule in ALL {
        if let Some(best) = rule.fix {
            assert!(
                offered.contains(&(rule.id, best.as_str())),
                "{} never offers it",
                rule.id
            );
        }
    }
}

#[test]
fn the_same_input_gives_the_same_output() {
    for case in all() {
        let mesh = case.mesh();
        assert_eq!(
            findings(case, &mesh),
            findings(case, &mesh),
            "{}",
            case.name
        );
    }
}

/// In which order documents are read says nothing about a mesh.
#[test]
fn the_order_of_documents_does_not_matter() {
    let mut differing = 0;
    for case in all() {
        let documents = &case.stream.documents;
        let forwards = findings(case, &case.mesh());
        let mut half: Vec<&Document> = documents.iter().collect();
        half.rotate_left(documents.len() / 2);
        for order in [documents.iter().rev().collect(), half] {
            let mesh = case.mesh_of(order.into_iter());
            assert_eq!(forwards, findings(case, &mesh), "{}", case.name);
            differing += usize::from(documents.len() > 1);
        }
    }
    assert!(differing > 100, "hardly any case has several documents");
}

/// Two files that disagree, or agree, give one answer whichever was read first.
#[test]
fn the_order_of_files_does_not_matter() {
    let config_map = |hold: bool| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio"},
            "data": {"mesh": format!("defaultConfig: {{holdApplicationUntilProxyStarts: {hold}}}")},
        })
    };
    let node = serde_json::json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"},
        "status": {"nodeInfo": {"kubeletVersion": "v1.30.1"}},
    });
    let pod = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "shop", "labels": {"sidecar.istio.io/inject": "true"}},
        "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
    });
    let config = Config::read("istioVersion: \"1.30\"\n").expect("settings");
    let objects = Object::all(&pod);
    let messages = |facts: &[(&str, &Value)]| -> Vec<Finding> {
        let mut mesh = Mesh::new(config.settings.clone());
        for (file, value) in facts {
            for object in Object::all(value) {
                let source = meshcheck_rules::Source::Document {
                    file: (*file).into(),
                    document: 0,
                    pointer: Pointer::root(),
                    title: object.title().into(),
                };
                mesh.learn(&object, &source);
            }
        }
        let place = meshcheck_rules::Place::file("apps/pod.yaml");
        config.engine().check(&objects[0], &mesh, place).findings
    };
    let (on, off) = (config_map(true), config_map(false));
    let pairs: [[(&str, &Value); 3]; 2] = [
        [
            ("a/istio.yaml", &off),
            ("b/istio.yaml", &on),
            ("c/node.yaml", &node),
        ],
        [
            ("a/istio.yaml", &off),
            ("b/istio.yaml", &off),
            ("c/node.yaml", &node),
        ],
    ];
    for facts in pairs {
        let forwards = messages(&facts);
        let mut facts = facts.to_vec();
        facts.reverse();
        assert!(!forwards.is_empty(), "nothing to compare");
        assert_eq!(forwards, messages(&facts));
    }
}

#[test]
fn findings_stay_inside_their_object() {
    for case in all() {
        let found = findings(case, &case.mesh());
        for (index, root, findings) in found {
            let documents = &case.stream.documents;
            let document = documents.iter().find(|document| document.index == index);
            let value = &document.expect("the document that was checked").value;
            for at in findings.iter().flat_map(places) {
                assert!(is_inside(at, &root, value), "{}: {at:?}", case.name);
            }
        }
    }
}

/// The places of a finding in its own object.
pub(crate) fn places(finding: &Finding) -> impl Iterator<Item = &Location> {
    let related = finding.related.iter();
    let here = related.filter_map(|related| match &related.at {
        RelatedPlace::Here(location) => Some(location),
        RelatedPlace::Fact(_) => None,
    });
    here.chain([&finding.at])
}

/// Below the root of the object, and there, or at least the node above it is.
pub(crate) fn is_inside(at: &Location, root: &Pointer, document: &Value) -> bool {
    let below = at.pointer.as_str().strip_prefix(root.as_str());
    let is_below = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let exists = |pointer: &Pointer| document.pointer(pointer.as_str()).is_some();
    let parent = at.pointer.split_last().map(|(parent, _)| parent);
    is_below && (exists(&at.pointer) || parent.is_some_and(|parent| exists(&parent)))
}

/// A tag that states no version is never a version that is too old.
#[test]
fn unknown_is_not_unsupported() {
    let tags = [
        ":latest",
        ":",
        "",
        ":stable",
        ":19df463bb9ac46ac6cf2bc3a6b5bd5ad8a4a6a1d",
        ":${TAG}",
        ":{{ .Values.tag }}",
        ":master-latest-daily",
        ":1",
        ":1.x",
        ":v",
        "@sha256:0000",
        ":99999999999999999999.1",
    ];
    for tag in tags {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: istiod}}\nspec:\n  containers:\n  - name: \
             discovery\n    image: 'docker.io/istio/pilot{tag}'\n    args: [discovery]\n"
        );
        let case = Case::new("pod.yaml", text.as_bytes(), Config::default());
        let found = findings(&case, &case.mesh());
        let versions = found.iter().flat_map(|(_, _, findings)| findings);
        let versions: Vec<_> = versions
            .filter(|finding| finding.rule.starts_with("version-"))
            .map(|finding| (finding.rule, finding.severity))
            .collect();
        assert_eq!(versions, [("version-unknown", Severity::Warning)], "{tag}");
    }
}

/// The same on everything that there is: no place is both unknown and judged by its age.
#[test]
fn nothing_is_both_unknown_and_judged() {
    let mut unknown = 0;
    for case in all() {
        for (_, _, findings) in findings(case, &case.mesh()) {
            let at = |rule: &str| -> BTreeSet<&Location> {
                findings
                    .iter()
                    .filter(|f| f.rule == rule)
                    .map(|f| &f.at)
                    .collect()
            };
            let unreadable = at("version-unknown");
            unknown += unreadable.len();
            for rule in [
                "version-unsupported",
                "version-ending-soon",
                "version-withdrawn",
            ] {
                assert!(unreadable.is_disjoint(&at(rule)), "{}: {rule}", case.name);
            }
        }
    }
    assert!(unknown > 20, "only {unknown} unknown versions");
}
