//! A rollout under load: replicas come and go behind one address, as behind a Service, and each object that
//! must be refused is.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::assets::KUBERNETES;
use crate::certificates::is_refused;
use crate::control_plane::{ControlPlane, wait_for};
use crate::process::Watchdog;
use crate::program::{Program, plain_get};
use crate::webhook::{VALIDATING, Webhook};
use crate::world::World;

tests! {
    KUBERNETES =>
        replicas_come_and_go_and_no_request_notices;
}

/// Clients at the same time.
const CLIENTS: usize = 4;
/// As `periodSeconds` of a readiness probe, in short.
const PERIOD: Duration = Duration::from_millis(200);

/// Leads connections to replicas that are ready, in turns: what kube-proxy and readiness probes do together.
#[derive(Clone)]
struct Balancer {
    address: SocketAddr,
    /// Ready or not, by where they serve; with where they say so.
    replicas: Arc<Mutex<BTreeMap<SocketAddr, (SocketAddr, bool)>>>,
}

impl Balancer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let balancer = Self {
            address: listener.local_addr().expect("an address"),
            replicas: Arc::default(),
        };
        // Both end with this process: nobody waits for them.
        let (leads, probes) = (balancer.clone(), balancer.clone());
        thread::spawn(move || {
            for (turn, stream) in listener.incoming().flatten().enumerate() {
                leads.lead(stream, turn);
            }
        });
        thread::spawn(move || {
            loop {
                probes.probe();
                thread::sleep(PERIOD);
            }
        });
        balancer
    }

    fn add(&self, program: &Program) {
        let mut replicas = self.replicas.lock().expect("no panic with it");
        replicas.insert(program.address, (program.health, true));
    }

    fn probe(&self) {
        let replicas = self.replicas.lock().expect("no panic with it").clone();
        for (address, (health, _)) in replicas {
            let is_ready = plain_get(health, "/readyz").is_ok_and(|text| text.contains(" 200 "));
            let mut replicas = self.replicas.lock().expect("no panic with it");
            replicas.insert(address, (health, is_ready));
        }
    }

    fn lead(&self, client: TcpStream, turn: usize) {
        let replicas = self.replicas.lock().expect("no panic with it").clone();
        let ready = replicas.iter().filter(|(_, (_, is_ready))| *is_ready);
        let ready: Vec<_> = ready.map(|(address, _)| *address).collect();
        let Some(address) = ready.get(turn % ready.len().max(1)) else {
            return;
        };
        let Ok(server) = TcpStream::connect(address) else {
            return;
        };
        let twice = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        let (to_server, to_client) = (twice(&server), twice(&client));
        thread::spawn(move || pass(client, to_server));
        thread::spawn(move || pass(server, to_client));
    }
}

/// Until one side ends, which the other is told.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    // A side that goes away ends it as well.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// A webhook whose first replica is behind a balancer, and whose failures refuse.
fn install<'c>(plane: &'c ControlPlane, balancer: &Balancer) -> Webhook<'c> {
    let webhook = Webhook::install_with(plane, &["--shutdown-delay=2s"], &[VALIDATING], |object| {
        let webhook = &mut object["webhooks"][0];
        webhook["failurePolicy"] = "Fail".into();
    });
    balancer.add(&webhook.program);
    let url = format!("https://{}/validate", balancer.address);
    let to = serde_json::json!([{
        "op": "replace", "path": "/webhooks/0/clientConfig/url", "value": url,
    }]);
    let patch = ["patch", "validatingwebhookconfiguration/meshcheck-webhook"];
    let to = to.to_string();
    let option = ["--type=json", "-p", &to];
    plane.kubectl.must(&[&patch[..], &option].concat());
    webhook
}

fn replicas_come_and_go_and_no_request_notices(world: &World) {
    let plane = world.control_plane();
    let balancer = Balancer::start();
    let mut webhook = install(plane, &balancer);
    let folder = webhook
        .certificate
        .path()
        .to_str()
        .expect("text")
        .to_owned();
    let start = || {
        let program = Program::start(&["--cert-dir", &folder, "--shutdown-delay=2s"]);
        wait_for("a ready replica", || program.is_ready().then_some(()));
        balancer.add(&program);
        let watchdog = Watchdog::over(program.child.id());
        (program, watchdog)
    };
    let (second, _over_second) = start();
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let more = |count: usize| {
        let goal = done.load(Ordering::Relaxed) + count;
        wait_for("answers", || {
            (done.load(Ordering::Relaxed) >= goal).then_some(())
        });
    };
    thread::scope(|scope| {
        let clients = [(); CLIENTS].map(|()| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    plane.block_on(is_refused(plane));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        more(40);
        // As a Deployment does it: another one comes before one goes.
        let (third, _over_third) = start();
        webhook.program.signal("TERM");
        wait_for("the end of the first", || {
            webhook.program.child.try_wait().expect("a child")
        });
        more(40);
        let (fourth, _over_fourth) = start();
        second.signal("TERM");
        assert_eq!(second.exit_code(), Some(0));
        more(40);
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("each object was refused");
        }
        for replica in [&third, &fourth] {
            let answered = replica.get("/metrics");
            assert!(
                answered.contains("meshcheck_admission_requests_total{"),
                "{answered}"
            );
        }
    });
}
