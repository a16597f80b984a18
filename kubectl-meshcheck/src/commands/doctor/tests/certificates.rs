//! Certificates and bundles.

use super::super::snapshot::Served;
use super::*;

#[test]
fn an_ended_certificate_is_an_error() {
    let mut snapshot = healthy();
    snapshot.now = now() + SignedDuration::from_hours(24 * 100);
    assert_eq!(
        said(&snapshot, "certificate"),
        [
            "error: Secret meshcheck-system/meshcheck-webhook-certificates: the certificate ended at \
             2027-02-20T12:00:00Z"
        ]
    );
    let ended = "every certificate of `caBundle` has ended";
    assert_eq!(
        said(&snapshot, "ca-bundle"),
        [MUTATING, VALIDATING].map(|place| format!("error: {place}: {ended}"))
    );
    let (_, problem) = problems(&snapshot).remove(0);
    assert_eq!(
        problem.command.as_deref(),
        Some("kubectl -n meshcheck-system delete secret meshcheck-webhook-certificates")
    );
}

#[test]
fn a_certificate_of_the_future_is_an_error() {
    let mut snapshot = healthy();
    snapshot.now = now() - SignedDuration::from_hours(48);
    let certificate = &said(&snapshot, "certificate")[0];
    assert!(
        certificate.ends_with("is not valid before 2026-11-21T12:00:00Z"),
        "{certificate}"
    );
}

#[test]
fn a_certificate_for_another_name_is_an_error() {
    let mut snapshot = healthy();
    let (authority, chain) = made(90, "meshcheck-webhook.elsewhere.svc");
    replace(&mut snapshot, Ok(chain));
    snapshot.configurations = [Kind::Mutating, Kind::Validating]
        .map(|kind| configuration(kind, &authority))
        .into();
    let (check, problem) = problem(&snapshot);
    assert_eq!(check, "certificate");
    assert_eq!(
        problem.message,
        "the certificate is for meshcheck-webhook.elsewhere.svc, and not for \
         meshcheck-webhook.meshcheck-system.svc"
    );
}

fn replace(snapshot: &mut Snapshot, chain: Result<Vec<Certificate>, String>) {
    snapshot.installs[0].secret = Ok(Stored::Found(StoredCertificate {
        name: "meshcheck-webhook-tls".to_owned(),
        is_managed: false,
        chain,
    }));
    snapshot.belongings.truncate(1);
}

#[test]
fn a_secret_that_cannot_be_served_is_an_error() {
    let mut snapshot = healthy();
    replace(
        &mut snapshot,
        Err("`tls.crt` or `tls.key` is missing".to_owned()),
    );
    let (check, problem) = problem(&snapshot);
    assert_eq!(
        (check, problem.at.as_str()),
        (
            "certificate",
            "Secret meshcheck-system/meshcheck-webhook-tls"
        )
    );
    // With nothing to compare with, the bundles are not called right.
    let bundles = said(&snapshot, "ca-bundle");
    assert!(
        bundles.iter().all(|said| said.starts_with("skipped: ")),
        "{bundles:?}"
    );
}

#[test]
fn a_bundle_of_another_authority_is_an_error() {
    let mut snapshot = healthy();
    let (stranger, _) = made(90, SERVED);
    snapshot.configurations[1] = configuration(Kind::Validating, &stranger);
    let (check, problem) = problem(&snapshot);
    assert_eq!((check, problem.at.as_str()), ("ca-bundle", VALIDATING));
    assert_eq!(
        problem.message,
        "`caBundle` holds no authority of the certificate of Secret \
         meshcheck-system/meshcheck-webhook-certificates"
    );
    assert_eq!(
        problem.command.as_deref(),
        Some("kubectl -n meshcheck-system logs deployment/meshcheck-webhook --tail=20")
    );
}

/// As in a rotation.
#[test]
fn a_bundle_with_several_authorities_is_fine() {
    let mut snapshot = healthy();
    let (other, _) = made(90, SERVED);
    let bundle = &mut snapshot.configurations[0].webhooks[0]
        .client_config
        .ca_bundle;
    let both = [
        other.pem().as_bytes(),
        &bundle.as_ref().expect("a bundle").0,
    ]
    .concat();
    *bundle = Some(ByteString(both));
    assert_eq!(problems(&snapshot), []);
}

#[test]
fn a_bundle_that_is_none_is_an_error() {
    for (bundle, message) in [
        ("", "has no `caBundle`"),
        ("no PEM", "`caBundle` holds no certificate"),
    ] {
        let mut snapshot = healthy();
        let config = &mut snapshot.configurations[0].webhooks[0].client_config;
        config.ca_bundle = Some(ByteString(bundle.as_bytes().to_vec()));
        let (_, problem) = problem(&snapshot);
        assert_eq!(
            (problem.at.as_str(), problem.message.as_str()),
            (MUTATING, message)
        );
    }
}

/// One replica that did not take up what the Secret has.
#[test]
fn what_is_served_counts() {
    let mut snapshot = healthy();
    let (_, chain) = made(90, SERVED);
    snapshot.installs[0].served = vec![
        Served {
            by: "Pod meshcheck-system/stuck".to_owned(),
            chain: Ok(chain),
        },
        Served {
            by: "Pod meshcheck-system/closed".to_owned(),
            chain: unseen(),
        },
    ];
    let found = problems(&snapshot);
    assert_eq!(found.len(), 2, "{found:?}");
    for (check, problem) in found {
        assert_eq!(check, "ca-bundle");
        assert!(
            problem.message.ends_with("of Pod meshcheck-system/stuck"),
            "{problem:?}"
        );
    }
    assert!(said(&snapshot, "certificate").contains(&"skipped: it is forbidden".to_owned()));
    assert_eq!(verdict(&snapshot, FailOn::Error), Verdict::Findings);
}

/// cert-manager, or a company's own authority.
#[test]
fn intermediates_lead_to_the_authority() {
    use super::super::trust::{anchor, is_for};
    let (root, chain) = made(90, "*.example.com");
    let (stranger, _) = made(90, SERVED);
    assert_eq!(
        anchor(&chain, &[stranger.clone(), root.clone()]),
        Some(&root)
    );
    assert_eq!(anchor(&chain, std::slice::from_ref(&stranger)), None);
    // A certificate that is trusted itself.
    assert_eq!(anchor(&chain, &chain), chain.first());
    assert_eq!(anchor(&[], &[root]), None);
    assert!(is_for(&chain[0], "a.example.com") && is_for(&chain[0], "A.EXAMPLE.com"));
    assert!(!is_for(&chain[0], "a.b.example.com") && !is_for(&chain[0], "example.com"));
}

#[test]
fn a_secret_that_is_not_there_is_an_error() {
    let mut snapshot = healthy();
    snapshot.installs[0].secret = Ok(Stored::Missing {
        name: "meshcheck-webhook-certificates".to_owned(),
        is_managed: true,
    });
    snapshot.belongings.truncate(1);
    let (check, problem) = problem(&snapshot);
    assert_eq!(
        (check, problem.message.as_str()),
        ("certificate", "does not exist")
    );
}
