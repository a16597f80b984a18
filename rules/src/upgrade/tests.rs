use jiff::civil::{Date, date};

use super::*;

const TODAY: Date = date(2026, 11, 22);

fn request(from: &str, to: Option<&str>, kubernetes: Option<u32>, on: Date) -> Request {
    Request {
        from: Version::parse(from).expect("a version"),
        to: to.map(|to| Version::parse(to).expect("a version")),
        kubernetes: kubernetes.map(KubernetesVersion::one),
        on,
    }
}

/// `K 1.29 -> 1.31` and versions.
fn steps(route: &Route<'_>) -> Vec<String> {
    let step = |step: &Step<'_>| match step {
        Step::Kubernetes(Move { from, to, .. }) => match from {
            Some(from) => format!("K {from} -> {to}"),
            None => format!("K {to}"),
        },
        Step::Istio(hop) if hop.is_untested => format!("{} untested", hop.stop.version),
        Step::Istio(hop) => hop.stop.version.to_string(),
    };
    route.steps.iter().map(step).collect()
}

fn hops<'r>(table: &'r Releases, request: &Request) -> (Route<'r>, Route<'r>) {
    match plan(table, request).expect("a plan").way {
        Way::Hops {
            in_place: Ok(in_place),
            by_revision: Ok(by_revision),
        } => (in_place, by_revision),
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_place_one_minor_by_revision_two() {
    let table = Releases::embedded();
    let request = request("1.29.8", None, Some(33), TODAY);
    let (in_place, by_revision) = hops(&table, &request);
    assert_eq!(steps(&in_place), ["1.30.5", "1.31.1"]);
    assert_eq!(steps(&by_revision), ["1.31.1"]);
}

/// One move of Kubernetes serves as many hops as it can.
#[test]
fn kubernetes_moves_as_rarely_as_it_can() {
    let table = Releases::embedded();
    let request = request("1.24.3", None, Some(29), TODAY);
    let (in_place, by_revision) = hops(&table, &request);
    assert_eq!(
        steps(&in_place),
        [
            "1.25.5",
            "1.26.8",
            "1.27.9",
            "K 1.29 -> 1.32 or 1.33",
            "1.28.10",
            "1.29.8",
            "1.30.5",
            "1.31.1"
        ]
    );
    assert_eq!(
        steps(&by_revision),
        [
            "1.26.8",
            "K 1.29 -> 1.32 or 1.33",
            "1.28.10",
            "1.30.5",
            "1.31.1"
        ]
    );
    let moves = in_place.steps.iter().find_map(|step| match step {
        Step::Kubernetes(step) => Some(step),
        Step::Istio(_) => None,
    });
    let because = Demand {
        minor: Minor::one(30),
        least: KubernetesVersion::one(32),
        is_floor: true,
    };
    assert_eq!(moves.expect("one").because, Some(because));
}

#[test]
fn where_kubernetes_is_not_said_it_is_asked_for() {
    let table = Releases::embedded();
    let request = request("1.24", None, None, TODAY);
    let (in_place, _) = hops(&table, &request);
    assert_eq!(
        steps(&in_place),
        [
            "K 1.31",
            "1.25.5",
            "1.26.8",
            "1.27.9",
            "1.28.10",
            "1.29.8",
            "K 1.31 -> 1.32 to 1.35",
            "1.30.5",
            "1.31.1"
        ]
    );
}

/// Newest patches are those of the day, and so is the newest supported.
#[test]
fn a_path_is_one_of_its_day() {
    let table = Releases::embedded();
    let request = request("1.15.0", None, Some(23), date(2023, 5, 15));
    let (in_place, _) = hops(&table, &request);
    assert_eq!(steps(&in_place), ["1.16.4", "1.17.2"]);
}

/// The second outage: 1.7.4 on a Kubernetes that had moved to 1.24.
#[test]
fn the_second_outage_has_no_supported_way() {
    let table = Releases::embedded();
    let request = request("1.7.4", None, Some(24), date(2023, 5, 15));
    let plan = plan(&table, &request).expect("a plan");
    assert_eq!(plan.to.version.to_string(), "1.17.2");
    let Some(Fit::MissingApis(missing)) = &plan.from.fit else {
        panic!("{:?}", plan.from.fit);
    };
    assert_eq!(missing.len(), 2);
    let Way::Closed(rescue) = &plan.way else {
        panic!("{:?}", plan.way);
    };
    let blocked = rescue.in_place.as_ref().expect("a blocked hop");
    assert_eq!((blocked.from, blocked.to), (Minor::one(7), Minor::one(8)));
    assert_eq!(rescue.first_running, Some(Minor::one(10)));
    assert_eq!(rescue.first_tested, Some(Minor::one(14)));
    let landing = rescue.landing.as_ref().expect("a landing");
    assert_eq!(landing.stop.version.to_string(), "1.17.2");
    assert_eq!(landing.minors, 10);
    assert!(landing.stop.is_supported());
    assert!(landing.onward.is_none());
}

/// Years later nothing that is supported runs there: first to what does, then on by hops.
#[test]
fn a_rescue_may_need_hops_behind_it() {
    let table = Releases::embedded();
    let request = request("1.7.4", None, Some(24), TODAY);
    let Way::Closed(rescue) = plan(&table, &request).expect("a plan").way else {
        panic!("no way is open");
    };
    let landing = rescue.landing.expect("a landing");
    assert_eq!(landing.stop.version.to_string(), "1.18.7");
    let onward = landing.onward.expect("not there yet").expect("open");
    assert_eq!(
        steps(&onward)[..4],
        ["K 1.24 -> 1.27", "1.19.10", "1.20.8", "1.21.6"]
    );
    assert_eq!(steps(&onward).last().map(String::as_str), Some("1.31.1"));
}

/// From 1.8 the next minor cannot run on 1.22, and the one after it can: by revision that is one hop.
#[test]
fn a_jump_by_revision_may_pass_what_cannot_run() {
    let table = Releases::embedded();
    let request = request("1.8.6", Some("1.12"), Some(22), date(2022, 1, 20));
    let Way::Hops {
        in_place,
        by_revision,
    } = plan(&table, &request).expect("a plan").way
    else {
        panic!("one way is open");
    };
    assert_eq!(in_place.expect_err("closed").to, Minor::one(9));
    let by_revision = by_revision.expect("open");
    assert_eq!(steps(&by_revision), ["1.10.6 untested", "1.12.2"]);
}

#[test]
fn a_kubernetes_that_is_too_new_for_all_is_said() {
    let table = Releases::embedded();
    let request = request("1.30.5", None, Some(37), TODAY);
    let (in_place, _) = hops(&table, &request);
    assert_eq!(steps(&in_place), ["1.31.1 untested"]);
}

#[test]
fn patches_and_standing_still_are_no_hops() {
    let table = Releases::embedded();
    let way = |from, to| plan(&table, &request(from, to, None, TODAY)).expect("a plan");
    assert!(matches!(way("1.31.1", None).way, Way::There));
    assert!(matches!(way("1.31.0", None).way, Way::Patch));
    let patch = way("1.28.4", Some("1.28"));
    assert!(matches!(patch.way, Way::Patch));
    assert_eq!(patch.to.version.to_string(), "1.28.10");
    // No patch known: there is one to go to.
    assert!(matches!(way("1.31", None).way, Way::Patch));
    assert_eq!(way("1.31.0", None).from.lacks.len(), 3);
}

#[test]
fn questions_without_an_answer_are_refused_with_a_reason() {
    let table = Releases::embedded();
    let refusal = |from, to, on| {
        let refusal = plan(&table, &request(from, to, None, on)).expect_err("no path");
        refusal.to_string()
    };
    let cases = [
        (
            "1.99.0",
            None,
            TODAY,
            "1.99.0 is newer than the release table, which is of 2026-10-01",
        ),
        (
            "1.30.5",
            Some("1.40"),
            TODAY,
            "1.40 is newer than the release table",
        ),
        ("2.0.0", None, TODAY, "2.0.0 is newer"),
        (
            "0.8.0",
            None,
            TODAY,
            "0.8.0 is no release of Istio that the release table lists",
        ),
        (
            "1.30.5",
            Some("1.29"),
            TODAY,
            "one minor down is allowed in place",
        ),
        (
            "1.30.5",
            Some("1.20.1"),
            TODAY,
            "1.20.1 is older than 1.30.5 by 10 minors",
        ),
        ("1.30.5", Some("1.30.3"), TODAY, "1.30.3 is an older patch"),
        (
            "1.17.2",
            Some("1.18"),
            date(2023, 5, 15),
            "1.18 was not out on 2023-05-15: it came on 2023-06-07",
        ),
        (
            "1.31.1",
            None,
            date(2023, 5, 15),
            "1.31.1 was not out on 2023-05-15: it came on 2026-09-21",
        ),
        (
            "1.30.5",
            None,
            date(2035, 1, 1),
            "has no release that is supported on 2035-01-01",
        ),
    ];
    for (from, to, on, said) in cases {
        let refusal = refusal(from, to, on);
        assert!(refusal.contains(said), "{refusal}\n{said}");
    }
}

/// Whatever is asked: Kubernetes never goes down, hops are not longer than they may be, each is made
/// where its minor runs, and the last one leads to where one wants to be.
#[test]
fn every_route_keeps_the_rules() {
    let table = Releases::embedded();
    let mut routes = 0;
    for on in [date(2021, 6, 1), date(2023, 5, 15), date(2025, 1, 1), TODAY] {
        let out = table
            .all()
            .iter()
            .filter(|release| release.released() <= on);
        for release in out {
            for kubernetes in std::iter::once(None).chain((13..40).map(Some)) {
                let request = request(&release.minor.to_string(), None, kubernetes, on);
                let Ok(plan) = plan(&table, &request) else {
                    continue;
                };
                let open = match plan.way {
                    Way::Hops {
                        in_place,
                        by_revision,
                    } => vec![(1, in_place.ok()), (2, by_revision.ok())],
                    Way::Closed(rescue) => {
                        let onward = rescue.landing.and_then(|landing| landing.onward);
                        vec![(1, onward.and_then(Result::ok))]
                    }
                    Way::There | Way::Patch => Vec::new(),
                };
                for (most, route) in open {
                    let Some(route) = route else { continue };
                    assert_rules(&table, &request, &route, most, plan.to.version);
                    routes += 1;
                }
            }
        }
    }
    assert!(routes > 2000, "only {routes}");
}

fn assert_rules(table: &Releases, request: &Request, route: &Route<'_>, most: u32, to: Version) {
    let said = format!("{request:?}: {:?}", steps(route));
    let mut kubernetes = request.kubernetes.map(|version| Window {
        min: version,
        max: version,
    });
    let mut at = None;
    for step in &route.steps {
        match step {
            Step::Kubernetes(step) => {
                if let Some(before) = kubernetes {
                    assert!(step.to.min > before.max, "{said}");
                }
                kubernetes = Some(step.to);
            }
            Step::Istio(hop) => {
                let minor = hop.stop.version.minor;
                if let Some(before) = at.replace(minor) {
                    assert!(
                        minor > before && minor.minor - before.minor <= most,
                        "{said}"
                    );
                }
                if let Some(here) = kubernetes {
                    assert_eq!(hop.kubernetes, kubernetes, "{said}");
                    for version in [here.min, here.max] {
                        let fit = table.fit(minor, version);
                        assert!(fit.runs(), "{said}: {minor} on {version}");
                        assert_eq!(
                            hop.is_untested,
                            !matches!(fit, Fit::Tested | Fit::Unknown),
                            "{said}"
                        );
                    }
                }
            }
        }
    }
    let last = route.hops().last().expect("a hop");
    assert_eq!(last.stop.version, to, "{said}");
}
