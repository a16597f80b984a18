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

/// The reason, or why there is none.
fn of(
    policy: &BreakGlass,
    before: Option<Option<&str>>,
    now: Option<&str>,
) -> Result<String, String> {
    let (before, now) = (before.map(object), object(now));
    let asked = Asked {
        object: &now,
        before: before.as_ref(),
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

fn denied(why: &str) -> Result<String, String> {
    Err(why.to_owned())
}

fn reason(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

#[test]
fn a_reason_counts_in_the_request_that_brings_it() {
    let policy = policy("{allow: true}");
    assert_eq!(
        of(&policy, None, Some(" new istiod crashes ")),
        reason("new istiod crashes")
    );
    assert_eq!(
        of(&policy, Some(None), Some("new istiod crashes")),
        reason("new istiod crashes")
    );
    assert_eq!(of(&policy, Some(Some("a")), Some("b")), reason("b"));
    let old =
        "it came with an earlier request: give another reason, or write `until 2026-11-22: REASON`";
    assert_eq!(of(&policy, Some(Some("a")), Some("a")), denied(old));
    assert_eq!(of(&policy, Some(Some("a")), None), denied(old));
}

#[test]
fn a_day_lets_it_count_for_what_comes_later() {
    let policy = policy("{allow: true, max_days: 2}");
    let today = "until 2026-11-22: rollback";
    assert_eq!(
        of(&policy, Some(Some(today)), Some(today)),
        reason("rollback")
    );
    assert_eq!(
        of(&policy, Some(Some(today)), None),
        reason("rollback"),
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
        assert_eq!(of(&policy, None, Some(text)), denied(why), "{text}");
    }
    assert_eq!(of(&policy, None, Some("until 2026-11-24: x")), reason("x"));
}

#[test]
fn the_policy_says_where_and_for_whom() {
    let never = BreakGlass::default();
    assert_eq!(of(&never, None, None), denied("none"));
    assert_eq!(
        of(&never, None, Some("x")),
        denied("the policy does not allow it here")
    );
    let elsewhere = policy("{allow: true, namespace: shop}");
    assert_eq!(
        of(&elsewhere, None, Some("x")),
        denied("the policy does not allow it here")
    );
    assert_eq!(of(&elsewhere, None, None), denied("none"));
    let others = policy("{allow: true, group: admins}");
    assert_eq!(
        of(&others, None, Some("x")),
        denied("the policy does not allow it to you")
    );
    assert_eq!(of(&others, None, None), denied("none"));
    let sre = policy("{allow: true, group: sre, namespace: istio-*}");
    assert_eq!(of(&sre, None, None), denied("offered"));
    assert_eq!(of(&sre, None, Some("x")), reason("x"));
}
