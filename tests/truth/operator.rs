//! `IstioOperator` files against what istioctl and istiod made of them.

use std::fmt::Write as _;

use crate::{check_file, expected_rules, fixtures, headed_rows};

/// Where istioctl renders a file, the rules that report on the age are those that follow from the age
/// that istiod then uses: by key, by default, or by an overlay that finds its item, or does not.
#[test]
fn operator_files_come_to_the_age_that_istiod_uses() {
    let cases = fixtures().join("oracle/operator");
    let mut wrong = String::new();
    let mut rendered = 0;
    for row in headed_rows(&cases.join("expected.csv")) {
        let istiod = row["istiod"].as_str();
        if row["result"] != "ok" {
            continue;
        }
        rendered += 1;
        let case = row["case"].as_str();
        let file = cases.join(case).join("iop.yaml");
        let found = check_file(&file, case);
        let rules: Vec<&str> = found.iter().map(|(_, finding)| finding.rule).collect();
        let judged: Vec<&str> = rules
            .into_iter()
            .filter(|rule| rule.starts_with("keepalive-age"))
            .collect();
        let age = row["istiod_age"].as_str();
        let expected = if istiod == "none" {
            Vec::new()
        } else {
            expected_rules(age, "", "")
        };
        if judged != expected {
            writeln!(
                wrong,
                "{case}: {judged:?}, expected {expected:?} from {age}"
            )
            .expect("a string");
        }
    }
    assert!(rendered > 40, "only {rendered} rendered cases");
    assert!(wrong.is_empty(), "\n{wrong}");
}
