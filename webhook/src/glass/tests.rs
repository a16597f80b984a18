use jiff::civil::date;
use meshcheck_rules::config::Policy;
use serde_json::json;

use super::*;

fn policy(glass: &str) -> BreakGlass {
    let text = format!(
        "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\nwebhook: {{break_glass: {glass}}}\n"
    );
    let policy = Policy::parse(text.as_bytes()).unwrap();
    policy.webhook.break_glass
}

fn object(text: Option<&str>) -> Value {
    let annotations = text.map(|text| json!({ANNOTATION: text}));
    json!({"metadata": {"namespace": "istio-system", "annotations": annotations}})
}

/// The reason of an update, or why there is none.
fn of(policy: &BreakGlass, before: Option<&str>, now: Option<&str>) -> Result<String, String> {
    let before = object(before);
    of_request(policy, Some(&before), now)
}

/// The same of a creation.
fn of_new(policy: &BreakGlass, now: Option<&str>) -> Result<String, String> {
    of_request(policy, None, now)
}

fn of_request(
    policy: &BreakGlass,
    before: Option<&Value>,
    now: Option<&str>,
) -> Result<String, String> {
    let asked = Asked {
        object: &object(now),
        before,
        groups: &["sre".to_owned()],
        on: date(2026, 11, 22),
    };
    match Glass::of(policy, asked) {
        Glass::None => Err("none".to_owned()),
        Glass::Offered(_) => Err("offered".to_owned()),
        Glass::Void(why) => Err(why),
        Glass::Broken(broken) => Ok(broken.reason),
    }
}

#[test]
fn a_reason_counts_in_the_request_that_brings_it() {
    let policy = policy("{allow: true}");
    assert_eq!(
        of_new(&policy, Some(" new istiod crashes ")),
        Ok("new istiod crashes".to_owned())
    );
    assert_eq!(
        of(&policy, None, Some("new istiod crashes")),
        Ok("new istiod crashes".to_owned())
    );
    assert_eq!(of(&policy, Some("a"), Some("b")), Ok("b".to_owned()));
    let old =
        "it came with an earlier request: give another reason, or write `until 2026-11-22: REASON`";
    assert_eq!(of(&policy, Some("a"), Some("a")), Err(old.to_owned()));
    assert_eq!(of(&policy, Some("a"), None), Err(old.to_owned()));
}

#[test]
fn a_day_lets_it_count_for_what_comes_later() {
    let policy = policy("{allow: true, max_days: 2}");
    let today = "until 2026-11-22: rollback";
    assert_eq!(
        of(&policy, Some(today), Some(today)),
        Ok("rollback".to_owned())
    );
    assert_eq!(
        of(&policy, Some(today), None),
        Ok("rollback".to_owned()),
        "kubectl rollout undo"
    );
    for (text, why) in [
        ("until 2026-11-21: rollback", "it ended on 2026-11-21"),
        (
            "until 2026-11-25: rollback",
            "2026-11-25 is more than 2 days ahead, which is the most that the policy allows",
        ),
        (
            "until tomorrow: rollback",
            "`tomorrow` is no date such as 2027-01-31",
        ),
        ("until 2026-11-22", "it gives no reason"),
        ("until 2026-11-22: ", "it gives no reason"),
        ("", "it gives no reason"),
    ] {
        assert_eq!(of_new(&policy, Some(text)), Err(why.to_owned()), "{text}");
    }
    assert_eq!(
        of_new(&policy, Some("until 2026-11-24: x")),
        Ok("x".to_owned())
    );
}

#[test]
fn the_policy_says_where_and_for_whom() {
    let never = BreakGlass::default();
    assert_eq!(of_new(&never, None), Err("none".to_owned()));
    assert_eq!(
        of_new(&never, Some("x")),
        Err("the policy does not allow it here".to_owned())
    );
    let elsewhere = policy("{allow: true, namespace: shop}");
    assert_eq!(
        of_new(&elsewhere, Some("x")),
        Err("the policy does not allow it here".to_owned())
    );
    assert_eq!(of_new(&elsewhere, None), Err("none".to_owned()));
    let others = policy("{allow: true, group: admins}");
    assert_eq!(
        of_new(&others, Some("x")),
        Err("the policy does not allow it to you".to_owned())
    );
    assert_eq!(of_new(&others, None), Err("none".to_owned()));
    let sre = policy("{allow: true, group: sre, namespace: istio-*}");
    assert_eq!(of_new(&sre, None), Err("offered".to_owned()));
    assert_eq!(of_new(&sre, Some("x")), Ok("x".to_owned()));
}
