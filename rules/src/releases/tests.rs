use super::*;
use crate::istio::version::KubernetesVersion;
use jiff::civil::date;

#[test]
fn the_embedded_table_holds_together() {
    let table = Releases::embedded();
    assert_eq!(table.all().len(), 32);
    assert_eq!(
        table.newest_supported(date(2026, 11, 22)).map(|r| r.minor),
        Some(Minor::one(31))
    );
    assert_eq!(
        table.newest_supported(date(2023, 5, 18)).map(|r| r.minor),
        Some(Minor::one(17))
    );
}

#[test]
fn support_ends_behind_the_last_day() {
    let table = Releases::embedded();
    let support = |day| table.support(Minor::one(29), day);
    assert!(matches!(support(date(2026, 10, 12)), Support::Supported(_)));
    assert!(matches!(support(date(2026, 10, 13)), Support::Ended(_)));
    assert_eq!(
        table.support(Minor::one(32), date(2026, 11, 22)),
        Support::Newer
    );
    assert_eq!(
        table.support(Minor { major: 0, minor: 8 }, date(2026, 11, 22)),
        Support::Unlisted
    );
}

/// The rule of support (six weeks after the second successor) against the dates that Istio stated, in
/// days from 1.16 on: never early, and rarely more than a week late (1.22 lived over a new year).
/// Older minors lived by older rules.
#[test]
fn the_rule_of_support_agrees_with_stated_dates() {
    let table = Releases::embedded();
    let lag = |minor| {
        let release = table.get(Minor::one(minor)).expect("listed");
        let stated = table.end_of_life(release).expect("stated");
        assert_eq!(stated.certainty, Certainty::Confirmed, "1.{minor}");
        let computed = table.end_by_rule(release.minor).expect("computed");
        (stated.date - computed.date).get_days()
    };
    let lags: Vec<i32> = (16..30).map(lag).collect();
    assert_eq!(lags, [6, 10, 9, 0, 1, 2, 34, 2, 5, 8, 5, 8, 2, 0]);
}

#[test]
fn where_nobody_says_the_end_the_rule_does() {
    let text = include_str!("../../data/istio-releases.json");
    let stated = "\"endOfLife\": {\"date\": \"2026-10-12\", \"status\": \"confirmed\", \"source\": \"istio.io: announcing-1.29-eol\"},";
    assert!(text.contains(stated));
    let table = Releases::parse(&text.replace(stated, "")).expect("a table");
    let release = table.get(Minor::one(29)).expect("listed");
    let end = table.end_of_life(release).expect("computed");
    assert_eq!(end.date, date(2026, 10, 12));
    assert_eq!(end.certainty, Certainty::Computed);
}

#[test]
fn a_patch_is_named_from_its_day_on() {
    let table = Releases::embedded();
    let on = |day| {
        let newest = table.newest_supported(day).expect("one is supported");
        Releases::newest_version(newest, day).to_string()
    };
    assert_eq!(on(date(2026, 11, 22)), "1.31.1");
    assert_eq!(on(date(2026, 9, 20)), "1.31.0");
    assert_eq!(on(date(2023, 5, 18)), "1.17.2");
}

#[test]
fn the_second_outage_misses_two_apis() {
    let table = Releases::embedded();
    let fit =
        |istiod, kubernetes| table.fit(Minor::one(istiod), KubernetesVersion::one(kubernetes));
    let missing = |istiod, kubernetes| match fit(istiod, kubernetes) {
        Fit::MissingApis(apis) => apis.len(),
        _ => 0,
    };
    assert_eq!(missing(7, 22), 2);
    assert_eq!(missing(7, 21), 0);
    assert_eq!(missing(9, 25), 3);
    assert_eq!(missing(11, 25), 1);
    assert_eq!(missing(16, 25), 0);
    // Only an istiod that has its certificate signed by Kubernetes needs this one.
    assert!(matches!(fit(10, 22), Fit::Untested));
    let conditional = table.conditionally_missing(Minor::one(10), KubernetesVersion::one(22));
    assert_eq!(conditional.count(), 1);
}

#[test]
fn ranges_and_floors_decide_where_an_istiod_runs() {
    let table = Releases::embedded();
    let fit = |istiod, kubernetes| {
        format!(
            "{:?}",
            table.fit(Minor::one(istiod), KubernetesVersion::one(kubernetes))
        )
    };
    assert_eq!(fit(31, 32), "Tested");
    assert_eq!(fit(31, 36), "Tested");
    assert_eq!(fit(31, 37), "Untested");
    assert!(fit(31, 31).starts_with("BelowFloor"));
    assert_eq!(fit(17, 23), "Tested");
    assert_eq!(fit(14, 20), "AlsoTested");
    assert_eq!(fit(4, 20), "Unknown");
    assert_eq!(fit(99, 20), "Unknown");
}

mod bulletins;
mod refused;
mod registries;
mod schema;
