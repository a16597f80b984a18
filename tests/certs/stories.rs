//! What becomes of certificates when all goes well.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;

use crate::apiserver::{ApiServer, MUTATING, SECRET, VALIDATING};
use crate::replica::{Replica, settings, time};
use meshcheck_certs::Certificate;

const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn secret(server: &ApiServer) -> Secret {
    serde_json::from_value(server.get(SECRET).expect("a Secret")).expect("a Secret")
}

fn keys(server: &ApiServer) -> Vec<String> {
    secret(server)
        .data
        .unwrap_or_default()
        .into_keys()
        .collect()
}

pub(crate) fn certificate(server: &ApiServer, key: &str) -> Certificate {
    let data = secret(server).data.expect("data");
    Certificate::from_pem(&data[key].0).expect("a certificate")
}

#[tokio::test]
async fn the_first_replica_makes_what_the_others_take() {
    let server = ApiServer::new();
    let now = time("2026-11-22T07:00:00Z");
    let mut replicas = [(); 3].map(|()| Replica::new(&server));
    for replica in &mut replicas {
        assert!(replica.certificate().is_none());
        replica.round(now).await.unwrap();
        replica.assert_trusted(now);
        assert_eq!(replica.certificate(), Some(certificate(&server, "tls.crt")));
    }
    assert_eq!(keys(&server), ["ca.crt", "ca.key", "tls.crt", "tls.key"]);
    let secret = secret(&server);
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    let ca = certificate(&server, "ca.crt");
    assert!(
        ca.to_string()
            .contains("CN=meshcheck CA of meshcheck-system"),
        "{ca}"
    );
    assert!(ca.is_authority());
    let own = certificate(&server, "tls.crt");
    assert_eq!(
        own.names(),
        [
            "meshcheck-webhook.meshcheck-system.svc",
            "meshcheck-webhook.meshcheck-system.svc.cluster.local"
        ]
    );
    // A day for clocks that are late.
    assert_eq!(own.not_before(), now - DAY);
    assert_eq!(own.not_after(), now + DAY * 90);
    for path in [MUTATING, VALIDATING] {
        assert_eq!(server.bundle(path).unwrap(), ca.pem().into_bytes());
    }
    assert_eq!(server.writes(), 3, "one Secret, two configurations");
    // Nothing is due, so nothing is written.
    replicas[0].round(now + DAY * 50).await.unwrap();
    assert_eq!(server.writes(), 3);
}

#[tokio::test]
async fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
    let server = ApiServer::new();
    let now = time("2026-11-22T07:00:00Z");
    let mut early = Replica::new(&server);
    let mut late = Replica::with(&server, {
        let mut late = settings();
        late.jitter = 1.0;
        late
    });
    early.round(now).await.unwrap();
    late.round(now).await.unwrap();
    let (first, ca) = (
        certificate(&server, "tls.crt"),
        certificate(&server, "ca.crt"),
    );
    // From a day ago to 90 days ahead: two thirds are over after 59 days and 16 hours.
    let due = now + DAY * 59 + SignedDuration::from_hours(16);
    assert_eq!(early.told(|told| told.standing.unwrap().renewal), due);
    assert!(late.told(|told| told.standing.unwrap().renewal) > due + DAY);
    early
        .round(due - SignedDuration::from_mins(1))
        .await
        .unwrap();
    assert_eq!(early.certificate().as_ref(), Some(&first));
    late.round(due).await.unwrap();
    assert_eq!(
        late.certificate().as_ref(),
        Some(&first),
        "it waits a little longer"
    );
    early.round(due).await.unwrap();
    let second = early.certificate().unwrap();
    assert_ne!(second, first);
    assert_eq!(second.not_after(), due + DAY * 90);
    late.round(due).await.unwrap();
    assert_eq!(
        late.certificate(),
        Some(second),
        "it takes what the other made"
    );
    assert_eq!(certificate(&server, "ca.crt"), ca);
    for replica in [&early, &late] {
        replica.assert_trusted(due);
        assert_eq!(replica.told(|told| told.served), 2);
    }
}

#[tokio::test]
async fn an_authority_is_announced_before_it_signs_and_after_it_did() {
    let server = ApiServer::new();
    let begin = time("2026-11-22T07:00:00Z");
    let mut replica = Replica::new(&server);
    let mut seen = Vec::new();
    let mut now = begin;
    while now < begin + DAY * 400 {
        replica.round(now).await.unwrap();
        replica.assert_trusted(now);
        let state = (
            keys(&server),
            Certificate::all_from_pem(&server.bundle(MUTATING).unwrap()).unwrap(),
        );
        if seen.last().is_none_or(|(_, last)| *last != state) {
            seen.push((now.duration_since(begin).as_hours() / 24, state));
        }
        now += SignedDuration::from_hours(6);
    }
    let summary: Vec<_> = seen
        .iter()
        .map(|(day, (keys, bundle))| {
            let more: Vec<_> = keys
                .iter()
                .filter(|key| key.contains('-'))
                .map(String::as_str)
                .collect();
            (*day, bundle.len(), more)
        })
        .collect();
    let next = vec!["next-ca.crt", "next-ca.key"];
    // 366 days, of which two thirds are over after 243.
    assert_eq!(
        summary[..4],
        [
            (0, 1, vec![]),
            (243, 2, next.clone()),
            (244, 2, vec!["old-ca.crt"]),
            // The last certificate of the old authority ends 90 days after it was made.
            (summary[3].0, 1, vec![]),
        ]
    );
    assert!(
        (summary[3].0 - 270..=summary[3].0).contains(&244),
        "{summary:?}"
    );
    let (before, after) = (&seen[1].1.1, &seen[2].1.1);
    assert_eq!(before[0], after[1], "it steps back");
    assert_eq!(before[1], after[0], "its successor signs");
    assert!(!keys(&server).contains(&"old-ca.key".to_owned()));
}
