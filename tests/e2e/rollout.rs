//! Under load: replicas come and go behind one address, as behind a Service, one is killed, the policy
//! changes, and each object that must be refused is.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use crate::assets::KUBERNETES;
use crate::certificates::{is_ours, try_unsafe};
use crate::control_plane::{ControlPlane, wait_for};
use crate::process::Watchdog;
use crate::program::{Folder, Program, plain_get};
use crate::webhook::{VALIDATING, Webhook, webhooks_of};
use crate::world::World;

tests! {
    KUBERNETES =>
        replicas_come_and_go_and_no_request_notices,
        a_killed_replica_fails_no_request,
        a_policy_that_changes_fails_no_request;
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

/// A webhook whose first replica is behind a balancer.
fn install<'c>(
    plane: &'c ControlPlane,
    balancer: &Balancer,
    failure_policy: &str,
    options: &[&str],
) -> Webhook<'c> {
    let options = [&["--shutdown-delay=2s"], options].concat();
    let webhook = Webhook::install_with(plane, &options, &[VALIDATING], |object| {
        for webhook in webhooks_of(object) {
            webhook["failurePolicy"] = failure_policy.into();
        }
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

/// Asks for what must be refused, at several clients, while `act` does something; each answer is looked
/// at. `act` can wait for more answers.
fn under_load(
    plane: &ControlPlane,
    look: impl Fn(kube::Result<Pod>) + Sync,
    act: impl FnOnce(&dyn Fn(usize)),
) {
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
                    look(plane.block_on(try_unsafe(plane)));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        more(40);
        act(&more);
        more(40);
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("each answer is one that may be");
        }
    });
}

fn must_be_refused(answer: kube::Result<Pod>) {
    let refused = answer.expect_err("a refusal");
    assert!(is_ours(&refused), "{refused}");
}

impl Balancer {
    /// Another replica, ready.
    fn start_replica(&self, certificate: &Folder) -> (Program, Watchdog) {
        let folder = certificate.path().to_str().expect("text");
        let program = Program::start(&["--cert-dir", folder, "--shutdown-delay=2s"]);
        wait_for("a ready replica", || program.is_ready().then_some(()));
        self.add(&program);
        let watchdog = Watchdog::over(program.child.id());
        (program, watchdog)
    }
}

fn replicas_come_and_go_and_no_request_notices(world: &World) {
    let plane = world.control_plane();
    let balancer = Balancer::start();
    let mut webhook = install(plane, &balancer, "Fail", &[]);
    let (second, _over_second) = balancer.start_replica(&webhook.certificate);
    let mut rest = Vec::new();
    under_load(plane, must_be_refused, |more| {
        // As a Deployment does it: another one comes before one goes.
        rest.push(balancer.start_replica(&webhook.certificate));
        webhook.program.signal("TERM");
        wait_for("the end of the first", || {
            webhook.program.child.try_wait().expect("a child")
        });
        more(40);
        rest.push(balancer.start_replica(&webhook.certificate));
        second.signal("TERM");
        assert_eq!(second.exit_code(), Some(0));
        more(40);
        for (replica, _) in &rest {
            let answered = replica.get("/metrics");
            assert!(
                answered.contains("meshcheck_admission_requests_total{"),
                "{answered}"
            );
        }
    });
}

fn a_killed_replica_fails_no_request(world: &World) {
    let plane = world.control_plane();
    let balancer = Balancer::start();
    let webhook = install(plane, &balancer, "Ignore", &[]);
    let (second, _over_second) = balancer.start_replica(&webhook.certificate);
    // What it was being asked passes unjudged, as the manifests want it.
    let missed = AtomicUsize::new(0);
    let look = |answer: kube::Result<Pod>| match answer {
        Ok(_) => drop(missed.fetch_add(1, Ordering::Relaxed)),
        Err(refused) => assert!(is_ours(&refused), "{refused}"),
    };
    under_load(plane, look, |more| {
        assert_eq!(missed.load(Ordering::Relaxed), 0, "both answer");
        second.signal("KILL");
        // By now the probes have seen it, and whoever asked it has another answer.
        thread::sleep(PERIOD * 5);
        more(CLIENTS);
        let until = missed.load(Ordering::Relaxed);
        more(80);
        assert_eq!(
            missed.load(Ordering::Relaxed),
            until,
            "the other answers all"
        );
    });
}

fn a_policy_that_changes_fails_no_request(world: &World) {
    let plane = world.control_plane();
    let (balancer, folder) = (Balancer::start(), Folder::new());
    let mount = |max: &str| {
        let policy = format!(
            "apiVersion: meshcheck.dev/v1alpha1\nkind: Policy\nkeepalive: {{max: {max}}}\n"
        );
        folder.mount_files(&[("meshcheck.yaml", &policy)]);
    };
    mount("10m");
    let path = folder.path().join("meshcheck.yaml");
    let options = [
        &format!("--policy={}", path.display()),
        "--cert-poll-interval=50ms",
    ];
    let webhook = install(plane, &balancer, "Fail", &options);
    under_load(plane, must_be_refused, |more| {
        for (max, result, count) in [
            ("11m", "swapped", 1),
            ("12m", "swapped", 2),
            ("no", "kept", 1),
            ("13m", "swapped", 3),
        ] {
            mount(max);
            let line = format!("meshcheck_policy_reloads_total{{result=\"{result}\"}} {count}");
            webhook.program.awaits(&line);
            more(20);
        }
    });
}
