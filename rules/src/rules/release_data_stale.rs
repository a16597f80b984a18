use crate::rule::{RunContext, declare_rule};
use crate::rules::support::days;

declare_rule! {
    id: "release-data-stale",
    summary: "the release table is old, and releases and bulletins have moved on",
    severity: Info,
    since: "0.1.0",
    check_run: check,
}

fn check(cx: &RunContext<'_>) -> Option<String> {
    let age = cx.releases.age(cx.as_of);
    let most = cx.policy.version.table_max_age_days;
    (age > most).then(|| {
        format!(
            "the release table is of {}, {} before {}, where {most} are the most: newer releases, ends \
             of support and bulletins are not in it",
            cx.releases.as_of,
            days(age),
            cx.as_of,
        )
    })
}
