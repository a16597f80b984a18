//! docs/gitops.md: the fields that it lists are those that fixes touch, and the rules to paste leave
//! none of them out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use json_patch::PatchOperation;
use meshcheck_rules::yaml::value_of;
use meshcheck_rules::{Applicability, Finding, Object};
use serde_json::Value;

use crate::case::{all, project};
use crate::generated::compare;

const BEGIN: &str =
    "<!-- fields: MESHCHECK_UPDATE=1 cargo test -p kubectl-meshcheck --test rules -->\n";
const END: &str = "<!-- end of fields -->\n";

/// An operation of a safe fix on an object of which the mutating webhook is asked.
#[derive(Clone)]
struct Touch {
    rule: &'static str,
    kind: String,
    /// The object before, and after.
    states: [Value; 2],
    /// From the root of the object.
    path: Vec<String>,
    /// What is put there.
    added: Option<Value>,
}

/// Resources that the mutating webhook is asked about.
fn resources() -> BTreeSet<String> {
    let text = fs::read_to_string(project().join("manifests/base/mutating.yaml"));
    let value = value_of(&text.expect("a file")).expect("YAML");
    let webhooks = value["webhooks"].as_array().expect("webhooks").iter();
    let rules = webhooks.filter_map(|webhook| webhook["rules"].as_array());
    let names = rules
        .flatten()
        .filter_map(|rule| rule["resources"].as_array());
    let names = names.flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn touches() -> Vec<Touch> {
    let resources = resources();
    let mut touches = Vec::new();
    for case in all() {
        let engine = case.config.engine();
        let mesh = case.mesh();
        for document in &case.stream.documents {
            for object in Object::all(&document.value) {
                let resource = format!("{}s", object.kind.to_lowercase());
                if !resources.contains(&resource) {
                    continue;
                }
                for finding in engine.check(&object, &mesh, case.place()).findings {
                    touches.extend(of(&object, &document.value, &finding));
                }
            }
        }
    }
    assert!(touches.len() > 50, "only {}", touches.len());
    touches
}

fn of(object: &Object<'_>, document: &Value, finding: &Finding) -> Vec<Touch> {
    let fix = finding.fix.as_ref();
    let Some(fix) = fix.filter(|fix| fix.applicability == Applicability::Safe) else {
        return Vec::new();
    };
    let root = object.root.pointer();
    let mut mended = document.clone();
    json_patch::patch(&mut mended, &fix.patch).expect("a patch that fits");
    let state = |value: &Value| value.pointer(root.as_str()).expect("the object").clone();
    let touch = |operation: &PatchOperation| {
        let path = operation.path().tokens();
        let path = path.map(|token| token.decoded().into_owned());
        Touch {
            rule: finding.rule,
            kind: object.kind.to_owned(),
            states: [state(document), state(&mended)],
            path: path.skip(root.tokens().count()).collect(),
            added: match operation {
                PatchOperation::Add(add) => Some(add.value.clone()),
                _ => None,
            },
        }
    };
    fix.patch.0.iter().map(touch).collect()
}

const TEMPLATES: [&[&str]; 2] = [
    &["spec", "jobTemplate", "spec", "template"],
    &["spec", "template"],
];
const LISTS: [&str; 2] = ["containers", "initContainers"];

impl Touch {
    /// Every field that is touched: what is added with what was missing above it counts by itself.
    fn fields(&self) -> Vec<Vec<String>> {
        let mut fields = vec![self.path.clone()];
        let is_in_container = self
            .path
            .iter()
            .any(|token| LISTS.contains(&token.as_str()));
        let mut added = self.added.as_ref().filter(|_| !is_in_container);
        while let Some(Value::Object(members)) = added {
            let last = fields.clone();
            fields = members
                .keys()
                .flat_map(|key| {
                    last.iter()
                        .map(|path| [path.clone(), vec![key.clone()]].concat())
                })
                .collect();
            added = members.values().next();
        }
        fields
    }

    fn in_pod<'p>(&self, path: &'p [String]) -> Option<&'p [String]> {
        if self.kind == "Pod" {
            return Some(path);
        }
        let is_there = |prefix: &&&[&str]| {
            path.len() > prefix.len() && path.iter().zip(prefix.iter()).all(|(a, b)| a == b)
        };
        let prefix = TEMPLATES.iter().find(is_there)?;
        Some(&path[prefix.len()..])
    }
}

/// `spec.containers[].args`, up to the field of the container.
fn shown(path: &[String]) -> String {
    let list = path
        .iter()
        .position(|token| LISTS.contains(&token.as_str()));
    let path = &path[..list.map_or(path.len(), |at| path.len().min(at + 3))];
    let mut text = String::new();
    for token in path {
        let is_plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if token == "-" || token.bytes().all(|byte| byte.is_ascii_digit()) {
            text.push_str("[]");
        } else if is_plain {
            let dot = if text.is_empty() { "" } else { "." };
            write!(text, "{dot}{token}").expect("a string");
        } else {
            write!(text, "[\"{token}\"]").expect("a string");
        }
    }
    text
}

fn page() -> String {
    fs::read_to_string(project().join("docs/gitops.md")).expect("the page")
}

#[test]
fn the_page_lists_every_field() {
    let mut rows = BTreeMap::<_, BTreeSet<String>>::new();
    for touch in touches() {
        for path in touch.fields() {
            let (of, path) = match touch.in_pod(&path) {
                Some(path) => ("Pods and pod templates".to_owned(), path),
                None => (format!("`{}`", touch.kind), &*path),
            };
            rows.entry((touch.rule, shown(path)))
                .or_default()
                .insert(of);
        }
    }
    let mut table = String::from("| rule | field | of |\n|---|---|---|\n");
    for ((rule, field), of) in rows {
        let of: Vec<_> = of.into_iter().collect();
        let of = of.join(", ");
        writeln!(table, "| [{rule}](rules/{rule}.md) | `{field}` | {of} |").expect("a string");
    }
    let page = page();
    let (head, rest) = page.split_once(BEGIN).expect("the mark");
    let (_, tail) = rest.split_once(END).expect("the mark");
    let wanted = format!("{head}{BEGIN}\n{table}\n{END}{tail}");
    compare(&project().join("docs/gitops.md"), &wanted);
}

/// The block of the page behind this word.
fn block(word: &str) -> Value {
    let page = page();
    let fence = format!("```yaml {word}\n");
    let (_, rest) = page.split_once(&fence).expect("the block");
    let (text, _) = rest.split_once("```").expect("its end");
    value_of(text).expect("YAML")
}

fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().expect("a list").iter();
    items
        .map(|item| item.as_str().expect("text").to_owned())
        .collect()
}

fn is_below(path: &[String], field: &[String]) -> bool {
    path.len() >= field.len() && path.iter().zip(field).all(|(a, b)| a == b)
}

/// Fields of pod templates: those of Pods are compared by nobody. Containers are called as Istio's
/// charts call them.
fn compared() -> Vec<(Touch, Vec<String>)> {
    let mut compared = Vec::new();
    for touch in touches() {
        for path in touch.fields() {
            let is_in_template = path.starts_with(&["spec", "template"].map(str::to_owned));
            let container = container(&touch.states[0], &path);
            let is_istios =
                container.is_none_or(|name| ["discovery", "istio-proxy"].contains(&name));
            if is_in_template && is_istios {
                compared.push((touch.clone(), path));
            }
        }
    }
    assert!(compared.len() > 20, "only {}", compared.len());
    compared
}

/// The name of the container that a path leads into.
fn container<'o>(object: &'o Value, path: &[String]) -> Option<&'o str> {
    let list = path
        .iter()
        .position(|token| LISTS.contains(&token.as_str()))?;
    let pointer: String = path[..list + 2]
        .iter()
        .flat_map(|token| ["/", token])
        .collect();
    object.pointer(&pointer)?["name"].as_str()
}

#[test]
fn argo_cds_rules_cover_every_field() {
    let block = block("argo-cd");
    let rules = block["ignoreDifferences"].as_array().expect("rules");
    let all = rules
        .iter()
        .flat_map(|rule| texts(&rule["jqPathExpressions"]));
    let all: Vec<_> = all.map(|text| steps(&text)).collect();
    for (touch, path) in compared() {
        let covered = touch.states.iter().any(|state| {
            let fields = all.iter().flat_map(|steps| select(state, steps));
            fields.into_iter().any(|field| is_below(&path, &field))
        });
        assert!(
            covered,
            "{}: {} of {}",
            touch.rule,
            path.join("/"),
            touch.kind
        );
    }
}

#[test]
fn fluxes_rules_cover_every_field() {
    let block = block("flux");
    let rules = &block["spec"]["driftDetection"]["ignore"];
    let rules = rules.as_array().expect("rules").iter();
    let all = rules.flat_map(|rule| texts(&rule["paths"]));
    let split = |text: String| {
        let tokens = text.split('/').skip(1);
        tokens
            .map(|token| token.replace("~1", "/").replace("~0", "~"))
            .collect::<Vec<_>>()
    };
    let all: Vec<_> = all.map(split).collect();
    for (touch, mut path) in compared() {
        // The page says that the index is everybody's own.
        if let Some(at) = path
            .iter()
            .position(|token| LISTS.contains(&token.as_str()))
        {
            path[at + 1] = "0".to_owned();
        }
        let covered = all.iter().any(|field| is_below(&path, field));
        assert!(
            covered,
            "{}: {} of {}",
            touch.rule,
            path.join("/"),
            touch.kind
        );
    }
}

/// A step of a path expression of jq, as far as the page uses them.
enum Step {
    Key(String),
    Each,
    Named(String),
}

fn steps(expression: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in expression.split(" | ") {
        if let Some(name) = part.strip_prefix("select(.name == \"") {
            let name = name.strip_suffix("\")").expect("a name");
            steps.push(Step::Named(name.to_owned()));
            continue;
        }
        let mut rest = part;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[]?") {
                steps.push(Step::Each);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[\"") {
                let (key, after) = after.split_once("\"]").expect("a key");
                steps.push(Step::Key(key.to_owned()));
                rest = after;
            } else {
                let after = rest.strip_prefix('.').expect("a member");
                let end = after.find(['.', '[']).unwrap_or(after.len());
                steps.push(Step::Key(after[..end].to_owned()));
                rest = &after[end..];
            }
        }
    }
    steps
}

/// The places that an expression names in a value.
fn select(value: &Value, steps: &[Step]) -> Vec<Vec<String>> {
    let Some((step, rest)) = steps.split_first() else {
        return vec![Vec::new()];
    };
    let below = |key: &str, value: &Value| {
        let places = select(value, rest).into_iter();
        let longer = places.map(|place| [vec![key.to_owned()], place].concat());
        longer.collect::<Vec<_>>()
    };
    match step {
        Step::Key(key) => value
            .get(key)
            .map_or_else(Vec::new, |value| below(key, value)),
        Step::Each => {
            let items = value.as_array().into_iter().flatten().enumerate();
            items
                .flat_map(|(index, item)| below(&index.to_string(), item))
                .collect()
        }
        Step::Named(name) if value["name"] == **name => select(value, rest),
        Step::Named(_) => Vec::new(),
    }
}
