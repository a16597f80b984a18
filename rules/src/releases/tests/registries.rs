//! Registries that Istio shuts.

use jiff::civil::{Date, date};

use crate::istio::version::{Minor, Version};
use crate::releases::{Certainty, Releases, Retiring};

const TODAY: Date = date(2026, 11, 22);

fn home(reference: &str) -> Option<String> {
    let table = Releases::embedded();
    table.retired_home(reference, None, TODAY)?.home
}

#[test]
fn images_hubs_and_chart_repositories_have_new_homes() {
    let homes = [
        ("gcr.io/istio-release", "docker.io/istio"),
        (
            "gcr.io/istio-release/pilot:1.30.5",
            "docker.io/istio/pilot:1.30.5",
        ),
        (
            "registry.istio.io/release/proxyv2:1.30.5-distroless",
            "docker.io/istio/proxyv2:1.30.5-distroless",
        ),
        (
            "gcr.io/istio-release/pilot@sha256:abc",
            "docker.io/istio/pilot@sha256:abc",
        ),
        (
            "oci://gcr.io/istio-release/charts/istiod",
            "oci://ghcr.io/istio/release/charts/istiod",
        ),
        (
            "https://istio-release.storage.googleapis.com/charts",
            "https://blob.istio.io/istio-release/charts",
        ),
        (
            "https://istio-release.storage.googleapis.com/charts/",
            "https://blob.istio.io/istio-release/charts/",
        ),
        (
            "https://storage.googleapis.com/istio-release/releases/1.5.1/charts/",
            "https://blob.istio.io/istio-release/releases/1.5.1/charts/",
        ),
    ];
    for (reference, expected) in homes {
        assert_eq!(home(reference).as_deref(), Some(expected), "{reference}");
    }
}

#[test]
fn the_whole_of_a_registry_may_go_without_a_new_home() {
    let table = Releases::embedded();
    let retired = table.retired_home("registry.istio.io/testing/pilot:latest", None, TODAY);
    let retired = retired.expect("it goes");
    assert_eq!((retired.prefix, retired.home), ("registry.istio.io", None));
}

#[test]
fn others_stay() {
    for reference in [
        "docker.io/istio/pilot:1.30.5",
        "istio/pilot:1.30.5",
        "gcr.io/istio-testing/pilot:latest",
        "gcr.io/istio-release-mirror/pilot:1.30.5",
        "mirror.example.com/gcr.io/istio-release/pilot:1.30.5",
        "https://blob.istio.io/istio-release/charts",
        "https://storage.googleapis.com/other",
        "gcr.io",
        "",
        "://",
    ] {
        assert_eq!(home(reference), None, "{reference}");
    }
}

#[test]
fn a_registry_is_open_until_its_last_day() {
    let table = Releases::embedded();
    let state = |reference, on| {
        table
            .retired_home(reference, None, on)
            .expect("it goes")
            .state
    };
    let image = "gcr.io/istio-release/pilot:1.30.5";
    assert_eq!(state(image, date(2026, 12, 31)), Retiring::Open);
    assert_eq!(state(image, date(2027, 1, 1)), Retiring::Shut);
    let newer = "gcr.io/istio-release/pilot:1.31.0";
    assert_eq!(state(newer, TODAY), Retiring::NeverThere(Minor::one(30)));
    let early = "gcr.io/istio-release/pilot:1.31.0-rc.0";
    assert_eq!(state(early, TODAY), Retiring::Open);
    let example = "registry.istio.io/release/examples-helloworld-v1:1.45.0";
    assert_eq!(state(example, TODAY), Retiring::Open);
    assert_eq!(state("gcr.io/istio-release", TODAY), Retiring::Open);
    let hub = |version| table.retired_home("gcr.io/istio-release", Version::parse(version), TODAY);
    assert_eq!(
        hub("1.31.0").expect("it goes").state,
        Retiring::NeverThere(Minor::one(30))
    );
    assert_eq!(hub("1.30.5").expect("it goes").state, Retiring::Open);
    let retired = table.retired_home(image, None, TODAY).expect("it goes");
    assert_eq!(retired.next_trial, Some(date(2026, 12, 8)));
    assert_eq!(retired.shuts.certainty, Certainty::Expected);
}

/// A default install of 1.30 names a registry that is shut; those of other minors do not.
#[test]
fn charts_may_name_a_retired_registry_by_default() {
    let table = Releases::embedded();
    let default = |minor| {
        table
            .retired_default(Minor::one(minor), TODAY)
            .map(|(hub, _)| hub)
    };
    assert_eq!(default(30), Some("registry.istio.io/release"));
    assert_eq!(default(29), None);
    assert_eq!(default(31), None);
}
