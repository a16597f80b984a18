//! The policy's page and its JSON schema: what the page shows is so, and the schema and the reader
//! agree.

#![expect(clippy::disallowed_methods, reason = "tests read their page")]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use meshcheck_rules::config::{Policy, keys, schema};
use meshcheck_rules::rules;
use meshcheck_rules::yaml::{Options, Stream};
use serde_json::{Value, json};

const BEGIN: &str =
    "<!-- keys: MESHCHECK_UPDATE=1 cargo test -p meshcheck-rules --test policy -->\n";
const END: &str = "<!-- end of keys -->\n";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md")
}

fn page() -> String {
    fs::read_to_string(path()).expect("the page")
}

/// The blocks of the page: what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = page.split("```").collect();
    let fenced = parts.iter().skip(1).step_by(2);
    fenced
        .map(|block| block.split_once('\n').expect("a line behind the fence"))
        .collect()
}

fn value(text: &str) -> Value {
    let stream = Stream::read(text.as_bytes(), &Options::default());
    assert_eq!(stream.problems, [], "{text}");
    stream.documents[0].value.clone()
}

fn validator() -> Validator {
    let schema = schema();
    jsonschema::draft7::meta::validate(&schema).expect("a schema of draft 7");
    jsonschema::draft7::new(&schema).expect("a schema")
}

fn messages(text: &str) -> Vec<String> {
    let problems = Policy::parse(text.as_bytes()).expect_err("problems");
    problems
        .into_iter()
        .map(|problem| problem.message)
        .collect()
}

/// A policy of these members, in the reader and in the schema.
fn both(members: &Value) -> (bool, bool) {
    let mut policy = json!({"apiVersion": "meshcheck.dev/v1alpha1", "kind": "Policy"});
    let (whole, members) = (policy.as_object_mut(), members.as_object());
    whole
        .expect("an object")
        .extend(members.expect("an object").clone());
    let read = Policy::parse(policy.to_string().as_bytes()).is_ok();
    (read, validator().is_valid(&policy))
}

#[test]
fn the_page_shows_what_is_so() {
    let (page, validator) = (page(), validator());
    let blocks = blocks(&page);
    let mut seen = [0; 3];
    for (index, (kind, text)) in blocks.iter().enumerate() {
        match *kind {
            "yaml policy" => {
                Policy::parse(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:#?}"));
                assert!(validator.is_valid(&value(text)), "{text}");
                seen[0] += 1;
            }
            "yaml wrong" | "yaml refused" => {
                let is_wrong = *kind == "yaml wrong";
                let (_, expected) = blocks[index + 1];
                assert_eq!(messages(text).join("\n"), expected.trim_end());
                assert_eq!(validator.is_valid(&value(text)), !is_wrong, "{text}");
                seen[usize::from(is_wrong) + 1] += 1;
            }
            "yaml" | "yaml object" | "text" => {}
            other => panic!("{other}: no kind of block"),
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn the_page_has_all_keys() {
    let mut table = String::from("| key | takes | default | what it does |\n|---|---|---|---|\n");
    for key in keys() {
        let default = match key.default {
            None => "must be there",
            Some(default) => default,
        };
        let takes = key.takes.replace('|', "\\|");
        let (path, about) = (&key.path, key.about);
        writeln!(table, "| `{path}` | {takes} | {default} | {about} |").expect("a string");
    }
    let page = page();
    let (head, rest) = page.split_once(BEGIN).expect("the mark");
    let (_, tail) = rest.split_once(END).expect("the mark");
    let wanted = format!("{head}{BEGIN}\n{table}\n{END}{tail}");
    if std::env::var_os("MESHCHECK_UPDATE").is_some() {
        fs::write(path(), wanted).expect("the page");
    } else {
        assert!(
            page == wanted,
            "docs/policy.md: MESHCHECK_UPDATE=1 cargo test writes it anew"
        );
    }
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    for members in [
        json!({}),
        json!({"rules": null, "keepalive": null, "ignores": null, "vendors": null}),
        json!({"rules": {"version-unknown": "off", "version-prerelease": false}}),
        json!({"keepalive": {"max": "1h30m", "min": "1.5m", "target": "+90s"}}),
        json!({"keepalive": {"max": "600000ms", "min": ".05h", "target": "5.m"}}),
        json!({"version": {"warn_days": 0, "cvss_error": 7.5}}),
        json!({"vendors": {"solo": {"until": {"1.27": "2027-01-31"}}, "asm": "upstream"}}),
        json!({"forbid_ignore": ["version-unknown"]}),
        json!({"ignores": [{"rule": ["version-unknown"], "reason": "x", "kind": "Helm values"}]}),
        json!({"webhook": null}),
        json!({"webhook": {"mode": false, "modes": [{"mode": "off", "namespace": ["a", "b-*"]}]}}),
        json!({"webhook": {"mutate": {"at": "pod", "advise": true}, "break_glass": null}}),
        json!({"webhook": {"break_glass": {"allow": true, "group": "sre", "forbid": []}}}),
    ] {
        assert_eq!(both(&members), (true, true), "{members}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for members in [
        json!({"rule": {}}),
        json!({"apiVersion": "meshcheck.dev/v2"}),
        json!({"rules": []}),
        json!({"rules": {"nothing": "off"}}),
        json!({"rules": {"version-unknown": "warn"}}),
        json!({"rules": {"version-unknown": true}}),
        json!({"rules": {"version-unknown": null}}),
        json!({"keepalive": {"max": 600}}),
        json!({"keepalive": {"max": "600"}}),
        json!({"keepalive": {"max": "10 m"}}),
        json!({"keepalive": {"max": "-10m"}}),
        json!({"keepalive": {"max": "1d"}}),
        json!({"keepalive": {"max": ""}}),
        json!({"version": {"warn_days": 1.5}}),
        json!({"version": {"warn_days": -1}}),
        json!({"version": {"cvss_error": 10.1}}),
        json!({"version": {"cvss_error": "9"}}),
        json!({"vendors": {"solo": "upstreams"}}),
        json!({"vendors": {"solo": {}}}),
        json!({"vendors": {"solo": {"until": {"1.27.1": "2027-01-31"}}}}),
        json!({"vendors": {"solo": {"until": {"1.27": "31.01.2027"}}}}),
        json!({"forbid_ignore": "version-unknown"}),
        json!({"forbid_ignore": ["nothing"]}),
        json!({"ignores": [{"rule": "version-unknown"}]}),
        json!({"ignores": [{"reason": "x"}]}),
        json!({"ignores": [{"rule": [], "reason": "x"}]}),
        json!({"ignores": [{"rule": "version-unknown", "reason": " "}]}),
        json!({"ignores": [{"rule": "version-unknown", "reason": "x", "kind": "Deploiment"}]}),
        json!({"ignores": [{"rule": "version-unknown", "reason": "x", "name": 7}]}),
        json!({"ignores": [{"rule": "version-unknown", "reason": "x", "labels": {"a": true}}]}),
        json!({"webhook": {"mode": "deny"}}),
        json!({"webhook": {"modes": [{"rule": "version-unknown"}]}}),
        json!({"webhook": {"modes": [{"mode": "warn", "file": "a"}]}}),
        json!({"webhook": {"modes": [{"mode": "warn", "rule": "nothing"}]}}),
        json!({"webhook": {"mutate": {"at": false}}}),
        json!({"webhook": {"mutate": {"advise": "true"}}}),
        json!({"webhook": {"break_glass": {"max_days": 366}}}),
        json!({"webhook": {"break_glass": {"forbid": "version-unknown"}}}),
    ] {
        assert_eq!(both(&members), (false, false), "{members}");
    }
}

/// Each rule is offered with what it finds.
#[test]
fn the_schema_knows_every_rule() {
    let schema = schema();
    for rule in rules::ALL {
        let about = &schema["properties"]["rules"]["properties"][rule.id]["description"];
        assert!(
            about
                .as_str()
                .is_some_and(|text| text.starts_with(rule.summary)),
            "{}",
            rule.id
        );
    }
}
