//! Replicas of the webhook, as far as certificates go.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use http::Request;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use meshcheck_certs::clock::ServerClock;
use meshcheck_certs::managed::{Kind, Lives, Manager, Settings, Standing, SyncError};
use meshcheck_certs::{Certificate, Pair, Serving, Telemetry};

use crate::apiserver::{ApiServer, MUTATING, VALIDATING};
use crate::handshake::shake_hands;

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn settings() -> Settings {
    Settings {
        namespace: "meshcheck-system".to_owned(),
        service: "meshcheck-webhook".to_owned(),
        names: Vec::new(),
        secret: "meshcheck-webhook-certificates".to_owned(),
        configurations: vec![
            (Kind::Mutating, "a0-meshcheck-webhook".to_owned()),
            (Kind::Validating, "meshcheck-webhook".to_owned()),
        ],
        lives: Lives::default(),
        jitter: 0.0,
    }
}

/// What a replica told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) served: usize,
    pub(crate) published: usize,
    pub(crate) failed: Vec<String>,
    pub(crate) standing: Option<Standing>,
}

#[derive(Default)]
pub(crate) struct Ear(Mutex<Told>);

impl Telemetry for Ear {
    fn serves(&self, _pair: &Pair) {
        self.0.lock().expect("no panic with it").served += 1;
    }

    fn reloaded(&self, _swapped: bool) {}

    fn synced(&self, _now: Timestamp, standing: &Standing) {
        self.0.lock().expect("no panic with it").standing = Some(*standing);
    }

    fn failed(&self, error: &SyncError) {
        self.0
            .lock()
            .expect("no panic with it")
            .failed
            .push(error.to_string());
    }

    fn published(&self) {
        self.0.lock().expect("no panic with it").published += 1;
    }
}

/// One replica.
pub(crate) struct Replica {
    /// Until somebody else follows it.
    pub(crate) manager: Option<Manager>,
    pub(crate) serving: Arc<Serving>,
    pub(crate) ear: Arc<Ear>,
    server: ApiServer,
    /// By how much its clock goes wrong.
    pub(crate) skew: SignedDuration,
    /// Handshakes that succeeded: a second one of the same parties differs in time alone.
    shaken: RefCell<Vec<(Certificate, Vec<u8>)>>,
}

impl Replica {
    pub(crate) fn new(server: &ApiServer) -> Self {
        Self::with(server, settings())
    }

    pub(crate) fn with(server: &ApiServer, settings: Settings) -> Self {
        let clock = Arc::new(ServerClock::default());
        let (serving, ear) = (Arc::new(Serving::default()), Arc::new(Ear::default()));
        let client = client(server, Arc::clone(&clock));
        let manager = Manager::new(
            client,
            settings,
            clock,
            Arc::clone(&serving),
            Arc::clone(&ear) as _,
        );
        Self {
            manager: Some(manager),
            serving,
            ear,
            server: server.clone(),
            skew: SignedDuration::ZERO,
            shaken: RefCell::default(),
        }
    }

    /// One round at this time, told by its own clock.
    pub(crate) async fn round(&mut self, now: Timestamp) -> Result<(), SyncError> {
        let manager = self.manager.as_mut().expect("nobody else has it");
        manager.round(now + self.skew).await
    }

    pub(crate) fn told<T>(&self, ask: impl Fn(&Told) -> T) -> T {
        ask(&self.ear.0.lock().expect("no panic with it"))
    }

    /// What is served.
    pub(crate) fn certificate(&self) -> Option<Certificate> {
        let pair = self.serving.current();
        pair.map(|pair| pair.certificate().clone())
    }

    /// That both webhooks can be called at this time.
    pub(crate) fn assert_trusted(&self, now: Timestamp) {
        for path in [MUTATING, VALIDATING] {
            let bundle = self.server.bundle(path).unwrap_or_default();
            self.assert_trusted_by(&bundle, now);
        }
    }

    /// That who trusts this bundle can call at this time.
    pub(crate) fn assert_trusted_by(&self, bundle: &[u8], now: Timestamp) {
        let own = self.certificate().expect("it serves");
        assert!(own.is_valid_at(now), "{now}: {own}");
        let parties = (own.clone(), bundle.to_vec());
        if !self.shaken.borrow().contains(&parties) {
            let shaken = shake_hands(&self.serving, bundle, now);
            assert_eq!(shaken, Ok(()), "{now} {own}");
            self.shaken.borrow_mut().push(parties);
        }
    }
}

fn client(server: &ApiServer, clock: Arc<ServerClock>) -> Client {
    let server = server.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (server, clock) = (server.clone(), Arc::clone(&clock));
        async move {
            // Lets the requests of other replicas come in between.
            let turns = server.world().chance(4);
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let response = server.answer(request).await;
            response.inspect(|response| clock.observe(response.headers()))
        }
    });
    Client::new(service, "meshcheck-system")
}
