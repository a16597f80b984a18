//! Which bulletins concern which version.

use jiff::civil::{Date, date};

use crate::istio::version::Version;
use crate::releases::{Affected, Bulletin, Fixed, Releases};

const TODAY: Date = date(2026, 11, 22);

fn version(text: &str) -> Version {
    Version::parse(text).expect("a version")
}

/// The short ids, and the first fixed patch.
fn exposure(text: &str, on: Date) -> (Vec<String>, Option<String>) {
    let table = Releases::embedded();
    let Some(exposure) = table.exposure(version(text), on) else {
        return (Vec::new(), None);
    };
    let ids = exposure.bulletins.iter();
    let ids = ids.map(|bulletin| bulletin.short_id().to_owned()).collect();
    let fixed = match exposure.fixed {
        Fixed::In { first, .. } => Some(first.version.to_string()),
        Fixed::Nowhere => None,
    };
    (ids, fixed)
}

fn listed(text: &str, ids: &[&str], fixed: Option<&str>) {
    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(
        exposure(text, TODAY),
        (ids, fixed.map(str::to_owned)),
        "{text}"
    );
}

#[test]
fn ranges_hold_both_of_their_ends() {
    listed("1.30.5", &[], None);
    listed("1.30.4", &[], None);
    listed("1.30.3", &["2026-006"], Some("1.30.4"));
    listed("1.29.6", &["2026-006"], Some("1.29.7"));
    listed("1.31.1", &[], None);
    listed("1.24.1", &["2024-007"], Some("1.24.2"));
    listed("1.24.2", &[], None);
}

/// 2026-005 names one patch of each minor as its first; the older ones lack the fixes as well.
#[test]
fn a_row_may_be_wider_than_its_bulletin() {
    listed(
        "1.30.0",
        &["2026-004", "2026-005", "2026-006"],
        Some("1.30.4"),
    );
    listed("1.28.9", &["2026-005"], Some("1.28.10"));
    listed("1.28.10", &[], None);
    // 1.27.3 was the first to carry the fixes of 2025-002.
    listed(
        "1.27.2",
        &["2025-002", "2025-003", "2025-004", "2026-001"],
        Some("1.27.8"),
    );
}

/// Permissions and designs are no matter of a patch level.
#[test]
fn advisories_out_of_the_gate_are_listed_and_concern_nothing() {
    let table = Releases::embedded();
    let out: Vec<&str> = table
        .bulletins()
        .iter()
        .filter(|bulletin| bulletin.out_of_gate.is_some())
        .map(Bulletin::short_id)
        .collect();
    assert_eq!(out, ["2023-005", "2026-002"]);
    listed(
        "1.20.0",
        &["2024-001", "2024-002", "2024-003", "2024-004"],
        Some("1.20.7"),
    );
}

/// "All releases prior to X" holds old minors too, which have no fix; a minor that ended before a
/// bulletin and is not named is not listed, and that is no proof of anything.
#[test]
fn old_minors_are_held_by_what_names_them() {
    let (ids, fixed) = exposure("1.7.4", date(2023, 5, 15));
    assert_eq!(
        ids,
        ["2022-003", "2022-004", "2022-005", "2022-007", "2023-001"]
    );
    assert_eq!(fixed, None);
    // A tag without a patch is held only where all patches are.
    assert_eq!(exposure("1.7", date(2023, 5, 15)).0.len(), 5);
    listed("1.29", &[], None);
}

#[test]
fn nobody_knows_a_bulletin_before_its_day() {
    assert_eq!(exposure("1.30.3", date(2026, 8, 26)).0, [""; 0]);
    assert_eq!(exposure("1.30.3", date(2026, 8, 27)).0, ["2026-006"]);
    // The patch that will have the fixes is not out yet.
    assert_eq!(
        exposure("1.16.5", date(2023, 7, 14)),
        (vec!["2023-002".to_owned()], Some("1.16.6".to_owned()))
    );
    assert_eq!(exposure("1.16.5", date(2023, 7, 13)).0, [""; 0]);
}

/// 1.13.6 and 1.14.2 should have been fixes, and were withdrawn.
#[test]
fn a_withdrawn_build_mends_nothing() {
    let (_, fixed) = exposure("1.14.0", date(2022, 7, 20));
    assert_eq!(fixed.as_deref(), Some("1.14.1"));
    let table = Releases::embedded();
    let exposure = table
        .exposure(version("1.14.2"), date(2022, 12, 1))
        .expect("listed");
    let Fixed::In { first, .. } = exposure.fixed else {
        panic!("1.14 has fixed patches");
    };
    assert_eq!(first.version, version("1.14.5"));
}

#[test]
fn fixes_without_a_bulletin_are_known() {
    let table = Releases::embedded();
    let missing = |text| {
        let fixes = table.unlisted_fixes(version(text), TODAY);
        fixes
            .map(|(fix, fixed)| format!("{} {fixed}", fix.id))
            .collect::<Vec<_>>()
    };
    assert_eq!(missing("1.31.0").len(), 3);
    assert_eq!(
        missing("1.30.4"),
        ["istioctl-analyze-remote-secrets 1.30.5"]
    );
    assert_eq!(missing("1.31.1"), [""; 0]);
    assert_eq!(missing("1.24.0"), [""; 0]);
}

/// The patch behind each range is in the table, so that "the first fixed patch" can be named; the
/// exceptions ended with the bulletin open.
#[test]
fn each_range_has_its_fix_in_the_table() {
    let table = Releases::embedded();
    let mut without = Vec::new();
    for bulletin in table.bulletins().iter().filter(|b| b.out_of_gate.is_none()) {
        for range in bulletin.affected() {
            let Affected::Between(_, last) = range else {
                continue;
            };
            let release = table.get(last.minor).expect("listed");
            let is_listed = release.patches().iter().any(|patch| patch.version == *last);
            let fix = release.patches().iter().find(|patch| patch.version > *last);
            let Some(fix) = fix.filter(|_| is_listed || is_untagged(*last)) else {
                without.push(format!("{} {last}", bulletin.short_id()));
                continue;
            };
            let wait = (fix.released - bulletin.published).get_days();
            assert!(
                (-120..=30).contains(&wait),
                "{}: {} {wait}",
                bulletin.id,
                fix.version
            );
        }
    }
    assert_eq!(without, [""; 0]);
}

/// Numbers that were never tagged.
fn is_untagged(version: Version) -> bool {
    ["1.17.7", "1.18.4", "1.19.2"].contains(&version.to_string().as_str())
}
