//! `compare`: manifests as an update of others.

use crate::support::{Outcome, Sandbox, good_istiod};

fn istiod(version: &str) -> String {
    good_istiod().replace("1.31.1", version)
}

fn canary(version: &str) -> String {
    istiod(version)
        .replace("name: istiod", "name: istiod-canary")
        .replace(
            "    app: istiod\nspec",
            "    app: istiod\n    istio.io/rev: canary\nspec",
        )
}

/// What the rule said, as JSON.
fn moves(sandbox: &Sandbox, arguments: &[&str]) -> (i32, Vec<String>) {
    let (code, report) = sandbox.json(arguments);
    let findings = report["findings"].as_array().expect("a list").iter();
    let own = findings.filter(|finding| finding["rule"] == "upgrade-skips-minors");
    let messages = own.map(|f| f["message"].as_str().expect("a text").to_owned());
    (code, messages.collect())
}

#[test]
fn a_jump_in_place_is_refused_and_a_hop_is_not() {
    let sandbox = Sandbox::with(&[
        ("old.yaml", &istiod("1.28.3")),
        ("jump.yaml", &istiod("1.31.1")),
        ("hop.yaml", &istiod("1.29.8")),
    ]);
    let jump = sandbox.check(&["compare", "old.yaml", "jump.yaml"]);
    assert_eq!(jump.code, 1, "{jump:?}");
    for told in [
        "error[upgrade-skips-minors]: istiod goes from 1.28.3 to 1.31.1 in place, 3 minors at once",
        "--> jump.yaml:20:18",
        "istiod was 1.28.3 here (Deployment/istiod in old.yaml)",
    ] {
        assert!(jump.stdout.contains(told), "{told}: {jump:?}");
    }
    // The hop is one, and what else is wrong with the new state is said as `check` says it.
    let (_, hop) = moves(&sandbox, &["compare", "old.yaml", "hop.yaml"]);
    assert_eq!(hop, Vec::<String>::new());
    let hop = sandbox.check(&["compare", "old.yaml", "hop.yaml"]);
    let alone = sandbox.check(&["hop.yaml"]);
    assert_eq!((hop.code, hop.stdout), (alone.code, alone.stdout));
}

#[test]
fn help_names_both_states() {
    let help = Sandbox::new().check(&["compare", "--help"]);
    assert!(help.stdout.contains("<OLD> [NEW]..."), "{help:?}");
    assert!(
        help.stdout.contains("git show HEAD:istiod.yaml"),
        "{help:?}"
    );
}

#[test]
fn folders_are_compared_file_by_file() {
    let sandbox = Sandbox::with(&[
        ("base/dev/istiod.yaml", &istiod("1.31.1")),
        ("base/prod/istiod.yaml", &istiod("1.28.3")),
        ("mesh/dev/istiod.yaml", &istiod("1.31.1")),
        ("mesh/prod/istiod.yaml", &istiod("1.31.1")),
    ]);
    for (old, new) in [("base", "mesh"), ("./base/", "./mesh")] {
        let (code, messages) = moves(&sandbox, &["compare", old, new]);
        assert_eq!(code, 1);
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0].contains("from 1.28.3 to 1.31.1"),
            "{messages:?}"
        );
    }
}

#[test]
fn a_new_revision_is_held_against_what_was_there() {
    let sandbox = Sandbox::with(&[
        ("base/istiod.yaml", &istiod("1.28.3")),
        ("mesh/istiod.yaml", &istiod("1.28.3")),
        ("mesh/canary.yaml", &canary("1.31.1")),
        ("near/istiod.yaml", &istiod("1.28.3")),
        ("near/canary.yaml", &canary("1.30.5")),
    ]);
    let (_, messages) = moves(&sandbox, &["compare", "base", "mesh"]);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(
        messages[0].contains("comes beside 1.28.3, 3 minors apart"),
        "{messages:?}"
    );
    assert_eq!(
        moves(&sandbox, &["compare", "base", "near"]).1,
        Vec::<String>::new()
    );
}

#[test]
fn the_old_state_may_come_from_standard_input() {
    let sandbox = Sandbox::with(&[("new.yaml", &istiod("1.28.3"))]);
    let piped = sandbox.pipe(&["compare", "-", "new.yaml"], istiod("1.31.1").as_bytes());
    assert_eq!(piped.code, 1, "{piped:?}");
    assert!(
        piped.stdout.contains("goes down from 1.31.1 to 1.28.3"),
        "{piped:?}"
    );
}

#[test]
fn what_cannot_be_compared_has_its_own_codes() {
    let sandbox = Sandbox::with(&[
        ("new.yaml", &istiod("1.31.1")),
        ("broken.yaml", "a: [\n"),
        ("empty.yaml", ""),
    ]);
    let run = |arguments: &[&str]| -> Outcome { sandbox.check(arguments) };
    assert_eq!(run(&["compare", "empty.yaml", "new.yaml"]).code, 0);
    assert_eq!(run(&["compare", "new.yaml", "empty.yaml"]).code, 4);
    let broken = run(&["compare", "broken.yaml", "new.yaml"]);
    assert_eq!(broken.code, 3, "{broken:?}");
    assert!(broken.stderr.contains("broken.yaml:1:"), "{broken:?}");
    let missing = run(&["compare", "nowhere.yaml", "new.yaml"]);
    assert_eq!(missing.code, 3, "{missing:?}");
    assert!(
        missing.stderr.contains("no such file or folder"),
        "{missing:?}"
    );
    for usage in [
        &["compare"][..],
        &["compare", "new.yaml"],
        &["compare", "-", "-"],
    ] {
        let usage = run(usage);
        assert_eq!((usage.code, usage.stdout.as_str()), (2, ""), "{usage:?}");
    }
}
