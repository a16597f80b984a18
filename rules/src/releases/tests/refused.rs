//! What a bad table is answered with.

use crate::releases::Releases;

const TABLE: &str = include_str!("../../../data/istio-releases.json");

/// The table with one text in another's place, where it stands first.
fn error(old: &str, new: &str) -> String {
    assert!(TABLE.contains(old), "{old}");
    Releases::parse(&TABLE.replacen(old, new, 1))
        .expect_err(new)
        .to_string()
}

#[test]
fn a_bad_field_is_named_with_its_row_and_place() {
    let cases = [
        (
            "\"released\": \"2018-07-31\"",
            "\"released\": \"31.7.2018\"",
            "line 9, column 38: release 1.0, patch 1.0.0, `released`: expected a date such as \
             2026-12-31, found \"31.7.2018\"",
        ),
        (
            "\"minor\": \"1.3\"",
            "\"minor\": 1.3",
            "release number 4, `minor`: invalid type: floating point `1.3`, expected a string",
        ),
        (
            "\"status\": \"confirmed\"",
            "\"status\": \"sure\"",
            "release 1.0, `endOfLife.status`: unknown variant `sure`, expected `confirmed` or \
             `expected`",
        ),
        (
            "\"version\": \"1.0.3\"",
            "\"version\": \"v1.0.3\"",
            "release 1.0, patch v1.0.3, `version`: expected a version such as 1.31.1, found \
             \"v1.0.3\"",
        ),
        (
            "\"source\": \"istio/istio: git tags\"",
            "\"source\": \" \"",
            "release 1.0, patch 1.0.0, `source`: expected who says it, found \" \"",
        ),
        (
            ", \"source\": \"istio/istio: git tags\"",
            "",
            "release 1.0, patch 1.0.0: missing field `source`",
        ),
        (
            "\"cvss\": 6.8",
            "\"cvss\": 68",
            "bulletin ISTIO-SECURITY-2022-001, `cvss`: expected a score from 0 to 10, found 68",
        ),
        (
            "{\"first\": \"1.12.0\", \"last\": \"1.12.1\"}",
            "{\"first\": \"1.12.0\"}",
            "bulletin ISTIO-SECURITY-2022-001, `affected.0`: expected either `before`, or `first` \
             and `last`",
        ),
        (
            "\"trials\"",
            "\"trails\"",
            "retirement number 1, `trails`: unknown field `trails`, expected one of",
        ),
        (
            "\"version\": 1,",
            "\"version\": 2,",
            "`version`: format 2 is not known to this build",
        ),
        ("\"asOf\": \"2026-10-01\",", "", "missing field `asOf`"),
    ];
    for (old, new, said) in cases {
        let error = error(old, new);
        assert!(error.contains(said), "{error}\n{said}");
        assert!(error.starts_with("line "), "{error}");
    }
}

#[test]
fn rows_that_do_not_fit_together_are_named() {
    let cases = [
        (
            "\"minor\": \"1.3\"",
            "\"minor\": \"1.2\"",
            "release 1.2, `minor`: expected the release after 1.2, found 1.2",
        ),
        (
            "\"date\": \"2019-06-19\"",
            "\"date\": \"2018-06-19\"",
            "release 1.0, `endOfLife.date`: expected a day after its release on 2018-07-31, found \
             2018-06-19",
        ),
        (
            "\"version\": \"1.0.4\"",
            "\"version\": \"1.0.2\"",
            "release 1.0, patch 1.0.2, `version`: expected a patch after 1.0.3, found 1.0.2",
        ),
        (
            "\"version\": \"1.0.4\"",
            "\"version\": \"1.1.4\"",
            "patch 1.1.4, `version`: expected a patch of 1.0, found 1.1.4",
        ),
        (
            "\"version\": \"1.0.0\"",
            "\"version\": \"1.0.9\"",
            "`version`: expected 1.0.0 first, found 1.0.9",
        ),
        (
            "\"released\": \"2018-08-24\"",
            "\"released\": \"2018-07-01\"",
            "patch 1.0.1, `released`: expected a day not before 2018-07-31, on which 1.0.0 came",
        ),
        (
            "\"min\": \"1.15\", \"max\": \"1.18\"",
            "\"min\": \"1.18\", \"max\": \"1.15\"",
            "release 1.6, `kubernetes.max`: expected 1.18 or newer, found 1.15",
        ),
        (
            "ISTIO-SECURITY-2022-002",
            "ISTIO-SECURITY-2022-001",
            "bulletin ISTIO-SECURITY-2022-001, `id`: expected each bulletin once",
        ),
        (
            "\"published\": \"2022-02-22\"",
            "\"published\": \"2021-02-22\"",
            "bulletin ISTIO-SECURITY-2022-003, `published`: expected the order of the days",
        ),
        (
            "\"last\": \"1.12.1\"",
            "\"last\": \"1.13.1\"",
            "`affected.0.last`: expected patches of one minor in their order, found 1.12.0 to 1.13.1",
        ),
        (
            "\"last\": \"1.12.1\"",
            "\"last\": \"1.12.9\"",
            "expected a patch that was out when the bulletin was published on 2022-01-18, found \
             1.12.9 of 2022-07-12",
        ),
        (
            "\"prefix\": \"gcr.io/istio-release\"",
            "\"prefix\": \"https://gcr.io/istio-release\"",
            "retirement number 1, registry https://gcr.io/istio-release, `prefix`: expected host \
             and path such as gcr.io/istio-release, without a scheme",
        ),
    ];
    for (old, new, said) in cases {
        let error = error(old, new);
        assert!(error.contains(said), "{error}\n{said}");
    }
}

#[test]
fn what_is_no_json_says_where_it_ends_being_one() {
    let error = |text: &str| Releases::parse(text).expect_err("bad").to_string();
    assert_eq!(
        error("version: 1\n"),
        "line 1, column 1: the file is no JSON: expected value"
    );
    assert_eq!(
        error(""),
        "line 1, column 1: the file is no JSON: EOF while parsing a value"
    );
    assert!(error("{\n \"version\": 1,\n}").starts_with("line 3, column 1: the file is no JSON"));
    assert!(error(&format!("{TABLE}x")).contains("trailing characters"));
    assert!(
        error("[]").contains("expected struct Releases"),
        "{}",
        error("[]")
    );
    assert!(error("{}").contains("missing field"));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_no_harm() {
    let text = format!("\u{feff}{}", TABLE.replace('\n', "\r\n"));
    assert!(Releases::parse(&text).is_ok());
}
