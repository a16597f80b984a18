//! What becomes of certificates where clocks differ.

use jiff::SignedDuration;
use meshcheck_certs::managed::SyncError;

use crate::apiserver::{ApiServer, SECRET};
use crate::replica::{Replica, time};
use crate::troubles::{DAY, NOW, in_order};

#[tokio::test]
async fn a_wrong_clock_makes_no_certificate_for_everybody() {
    for days in [-3, 3, 400] {
        let server = ApiServer::new();
        server.world().now = Some(time(NOW));
        let mut wrong = Replica::new(&server);
        wrong.skew = DAY * days;
        let error = wrong.round(time(NOW)).await.unwrap_err();
        assert_eq!(error.reason(), "clock", "{error}");
        assert_eq!(server.writes(), 0);

        let right = in_order(&server).await;
        let (before, own) = (server.get(SECRET), right.certificate());
        let ended = wrong.round(time(NOW)).await;
        // Within the life of what there is, a wrong clock does no harm.
        assert_eq!(ended.is_ok(), days == 3, "{ended:?}");
        assert_eq!(server.get(SECRET), before);
        assert_eq!(right.certificate(), own);
    }
}

#[tokio::test]
async fn a_certificate_of_the_future_starts_no_fight() {
    // No date in the answers: a proxy took it out.
    let server = ApiServer::new();
    let mut ahead = Replica::new(&server);
    ahead.skew = DAY * 30;
    ahead.round(time(NOW)).await.unwrap();
    let before = server.get(SECRET);
    let mut right = Replica::new(&server);
    let error = right.round(time(NOW)).await.unwrap_err();
    assert!(matches!(error, SyncError::NotYet(_)), "{error}");
    assert!(error.to_string().contains("delete the Secret"), "{error}");
    assert_eq!(server.get(SECRET), before);
    server.delete(SECRET);
    right.round(time(NOW)).await.unwrap();
    right.assert_trusted(time(NOW));
}

#[tokio::test]
async fn different_clocks_make_no_difference_to_what_is_announced() {
    let server = ApiServer::new();
    let begin = time("2026-11-22T07:00:00Z");
    let mut replicas = [(); 2].map(|()| Replica::new(&server));
    replicas[0].skew = SignedDuration::from_hours(-11);
    replicas[1].skew = SignedDuration::from_hours(11);
    for hour in 0..24 * 300 {
        let now = begin + SignedDuration::from_hours(hour);
        if hour % 6 == 0 {
            for replica in &mut replicas {
                replica.round(now).await.unwrap();
                replica.assert_trusted(now);
            }
        }
    }
    // One authority and its successor, each announced once in both configurations, and the end.
    let published: usize = replicas
        .iter()
        .map(|one| one.told(|told| told.published))
        .sum();
    assert_eq!(published, 6);
}
