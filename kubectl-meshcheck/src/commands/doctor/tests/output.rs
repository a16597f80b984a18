//! What people and programs get.

use super::super::{human, json};
use super::*;

fn one_problem() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.configurations[1].webhooks[0].timeout_seconds = Some(30);
    snapshot
}

#[test]
fn people_get_a_checklist() {
    let snapshot = one_problem();
    let text = human::text(&snapshot, &Diagnosis::of(&snapshot), false);
    let head = "meshcheck 0.1.0 on context tests, https://127.0.0.1:6443, Kubernetes v1.36.3\n\
                nothing is changed there: objects are tried with dryRun=All\n\n\
                ok       installed       MutatingWebhookConfiguration/a0-meshcheck-webhook leads to Service\n";
    assert!(text.starts_with(head), "{text}");
    let told = "\
error    timeouts        ValidatingWebhookConfiguration/meshcheck-webhook: timeoutSeconds is 30,
                         above 3
         leads to        while the webhook hangs, each request that it is asked about takes 30 s
                         more, and controllers lose their leases
         do              set it to 3: the webhook answers in milliseconds
                         kubectl patch validatingwebhookconfiguration/meshcheck-webhook --type=json -p='[{\"op\": \"add\", \"path\": \"/webhooks/0/timeoutSeconds\", \"value\": 3}]'
";
    assert!(text.contains(told), "{text}");
    assert!(text.ends_with("\n\n1 error\n"), "{text}");
}

#[test]
fn colours_are_only_added() {
    let snapshot = one_problem();
    let diagnosis = Diagnosis::of(&snapshot);
    let [plain, colored] = [false, true].map(|colored| human::text(&snapshot, &diagnosis, colored));
    let mut stripped = String::new();
    for part in colored.split('\u{1b}') {
        let rest = part.strip_prefix('[').and_then(|part| part.split_once('m'));
        stripped += rest.map_or(part, |(_, rest)| rest);
    }
    assert_ne!(colored, plain);
    assert_eq!(stripped, plain);
}

#[test]
fn a_name_cannot_command_a_terminal() {
    let mut snapshot = one_problem();
    snapshot.cluster.context = Some("\u{1b}[2Jgone".to_owned());
    snapshot.configurations[1].metadata.name = Some("\u{1b}[2Jgone".to_owned());
    let text = human::text(&snapshot, &Diagnosis::of(&snapshot), false);
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn programs_get_each_part_by_name() {
    let snapshot = one_problem();
    let text = json::text(&snapshot, &Diagnosis::of(&snapshot));
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["version"], 1);
    assert_eq!(value["installed"], true);
    assert_eq!(value["cluster"]["context"], "tests");
    let wanted = json!({"error": 1, "warning": 0, "info": 0, "unknown": 0});
    assert_eq!(value["summary"], wanted);
    let checks = value["checks"].as_array().expect("checks");
    let timeouts = checks.iter().find(|check| check["id"] == "timeouts");
    let note = &timeouts.expect("a check")["notes"][1];
    assert_eq!(note["status"], "error");
    assert_eq!(note["object"], VALIDATING);
    assert_eq!(note["message"], "timeoutSeconds is 30, above 3");
    for member in ["leadsTo", "help", "command"] {
        assert!(note[member].is_string(), "{member}");
    }
    let fine = &timeouts.expect("a check")["notes"][0];
    assert_eq!(
        (&fine["status"], &fine["leadsTo"]),
        (&json!("ok"), &Value::Null)
    );
}
