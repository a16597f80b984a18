//! What becomes of `caBundle` when others have a hand in it.

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use crate::apiserver::{ApiServer, MUTATING, SECRET, VALIDATING};
use crate::replica::{Replica, time};
use crate::stories::certificate;
use crate::troubles::{DAY, MINUTE, NOW, bundled, in_order};

#[tokio::test]
async fn a_bundle_that_is_taken_away_comes_back() {
    let server = ApiServer::new();
    let mut replica = in_order(&server).await;
    let bundle = server.bundle(VALIDATING);
    server.configure(VALIDATING, "/validate");
    assert_ne!(server.bundle(VALIDATING), bundle);
    replica.round(time(NOW) + MINUTE).await.unwrap();
    assert_eq!(server.bundle(VALIDATING), bundle);
    replica.assert_trusted(time(NOW) + MINUTE);
    assert_eq!(replica.told(|told| (told.served, told.published)), (1, 3));
}

#[tokio::test]
async fn what_was_read_too_early_is_announced_by_nobody() {
    let newer = ApiServer::new();
    in_order(&newer).await;
    let server = ApiServer::new();
    let mut slow = in_order(&server).await;
    let bundle = newer.bundle(VALIDATING);
    server.configure(VALIDATING, "/validate");
    // Before it writes the bundle of the Secret that it read, another replica has replaced both.
    server.meanwhile("PATCH", move |server| {
        for path in [SECRET, MUTATING, VALIDATING] {
            server.put(path, newer.get(path).unwrap());
        }
    });
    slow.round(time(NOW) + MINUTE).await.unwrap();
    for path in [MUTATING, VALIDATING] {
        assert_eq!(server.bundle(path), bundle);
    }
}

#[tokio::test]
async fn a_configuration_that_is_not_there_is_nobodys_trouble() {
    let server = ApiServer::new();
    server.delete(MUTATING);
    let mut replica = Replica::new(&server);
    replica.round(time(NOW)).await.unwrap();
    assert!(replica.certificate().is_some());
    server.configure(MUTATING, "/mutate");
    replica.round(time(NOW) + MINUTE).await.unwrap();
    replica.assert_trusted(time(NOW) + MINUTE);
}

#[tokio::test]
async fn a_configuration_that_leads_elsewhere_is_left_alone() {
    let to =
        |namespace: &str| json!({"service": {"name": "meshcheck-webhook", "namespace": namespace}});
    for (config, annotations, part) in [
        (
            to("other"),
            json!({}),
            "leads to no webhook at the Service meshcheck-system/meshcheck-webhook",
        ),
        (
            to("meshcheck-system"),
            json!({"cert-manager.io/inject-ca-from": "a/b"}),
            "is annotated for cert-manager",
        ),
    ] {
        let server = ApiServer::new();
        server.put(
            VALIDATING,
            json!({
                "metadata": {"name": "meshcheck-webhook", "annotations": annotations},
                "webhooks": [{"name": "a", "clientConfig": config}],
            }),
        );
        let before = server.get(VALIDATING);
        let mut replica = Replica::new(&server);
        let error = replica.round(time(NOW)).await.unwrap_err();
        assert_eq!(error.reason(), "not_ours");
        let text = error.to_string();
        assert!(
            text.starts_with("ValidatingWebhookConfiguration meshcheck-webhook "),
            "{text}"
        );
        assert!(text.contains(part), "{text}");
        assert_eq!((server.get(VALIDATING), server.writes()), (before, 0));
    }
}

#[tokio::test]
async fn a_webhook_with_a_url_is_ours_and_that_of_another_service_is_not() {
    let server = ApiServer::new();
    let theirs = json!({"service": {"name": "theirs", "namespace": "a"}, "caBundle": "AAAA"});
    server.put(
        VALIDATING,
        json!({
            "metadata": {"name": "meshcheck-webhook"},
            "webhooks": [
                {"name": "b", "clientConfig": {"url": "https://localhost:8443/validate"}},
                {"name": "a", "clientConfig": theirs},
            ],
        }),
    );
    in_order(&server).await;
    let webhooks: Value = server.get(VALIDATING).unwrap()["webhooks"].take();
    assert_eq!(webhooks[1]["clientConfig"], theirs);
}

#[tokio::test]
async fn whoever_was_trusted_before_stays_so_for_a_day() {
    let server = ApiServer::new();
    let elsewhere = ApiServer::new();
    in_order(&elsewhere).await;
    let before = certificate(&elsewhere, "ca.crt");
    // cert-manager had written its authority, and pods that serve its certificate still run.
    for path in [MUTATING, VALIDATING] {
        let mut object = server.get(path).unwrap();
        let bundle = ByteString((before.pem() + "garbage").into_bytes());
        object["webhooks"][0]["clientConfig"]["caBundle"] = json!(bundle);
        server.put(path, object);
    }
    let mut replica = in_order(&server).await;
    assert_eq!(bundled(&server), [certificate(&server, "ca.crt"), before]);
    replica.round(time(NOW) + DAY * 3).await.unwrap();
    assert_eq!(bundled(&server), [certificate(&server, "ca.crt")]);
}
