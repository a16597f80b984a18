use super::*;
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

/// The rule of support against the dates that Istio stated: it is never later than 14 days.
#[test]
fn the_rule_of_support_agrees_with_stated_dates() {
    let table = Releases::embedded();
    for minor in 26..30 {
        let mut release = table.get(Minor::one(minor)).expect("listed").clone();
        let stated = table.end_of_life(&release).expect("stated");
        release.end_of_life = None;
        let computed = table.end_of_life(&release).expect("computed");
        assert_eq!(computed.certainty, Certainty::Computed);
        let days = (stated.date - computed.date).get_days();
        assert!((0..=14).contains(&days), "1.{minor}: {days} days");
    }
}

#[test]
fn a_patch_is_named_from_its_day_on() {
    let table = Releases::embedded();
    let on = |day| {
        let newest = table.newest_supported(day).expect("one is supported");
        Releases::newest_version(newest, day).to_string()
    };
    assert_eq!(on(date(2026, 11, 22)), "1.31.1");
    assert_eq!(on(date(2023, 5, 18)), "1.17");
}

#[test]
fn the_second_outage_misses_four_apis() {
    let table = Releases::embedded();
    let missing = |istiod, kubernetes| {
        table
            .missing_apis(Minor::one(istiod), KubernetesVersion::one(kubernetes))
            .count()
    };
    assert_eq!(missing(7, 22), 3);
    assert_eq!(missing(7, 21), 0);
    assert_eq!(missing(11, 25), 1);
    assert_eq!(missing(16, 25), 0);
}

#[test]
fn a_bad_table_says_what_is_bad() {
    let error = |text: &str| Releases::parse(text).expect_err("bad").to_string();
    assert!(error("{}").contains("missing field `version`"));
    let text = include_str!("../../data/istio-releases.json");
    assert!(error(&text.replacen("\"1.0\"", "\"1.1\"", 1)).contains("1.1 does not come after 1.1"));
    assert!(error(&text.replacen("2018-07-31", "2028-07-31", 1)).contains("ends before"));
}
