//! What the webhook knows of the mesh while the API server is away, and when it has forgotten everything.

use serde_json::{Value, json};

use crate::assets::KUBERNETES;
use crate::client::Client;
use crate::control_plane::{ControlPlane, wait_for};
use crate::process::Watchdog;
use crate::program::{Folder, Made, Program, command};
use crate::reviews;
use crate::watch::{apply, istiod, mesh_config, shop};
use crate::world::World;

tests! {
    KUBERNETES =>
        the_mesh_stays_known_while_the_api_server_is_away_and_heals;
}

/// The program that watches, asked without an API server between.
struct Direct {
    program: Program,
    client: Client,
    _watchdog: Watchdog,
    _certificate: Folder,
}

impl Direct {
    fn start(plane: &ControlPlane) -> Self {
        let certificate = Folder::new();
        let made = Made::for_names(&["localhost"]);
        certificate.mount_made(&made);
        let folder = certificate.path().to_str().expect("text");
        let mut command = command(&["--watch", "--cert-dir", folder]);
        command.env("KUBECONFIG", &plane.kubectl.kubeconfig);
        let program = Program::spawn(command);
        Self {
            client: Client::new(program.address, &[&made.ca]),
            _watchdog: Watchdog::over(program.child.id()),
            program,
            _certificate: certificate,
        }
    }

    fn gates(&self, plane: &ControlPlane, namespace: &str) -> bool {
        let mut review = reviews::creation(&shop(namespace));
        review["request"]["namespace"] = namespace.into();
        let answer = plane.block_on(async {
            let mut connection = self.client.connect().await.expect("a connection");
            connection.post("/mutate", review.to_string()).await
        });
        let answer: Value = serde_json::from_str(&answer.expect("an answer").text).expect("JSON");
        !reviews::patch(&answer["response"]).is_empty()
    }
}

fn the_mesh_stays_known_while_the_api_server_is_away_and_heals(world: &World) {
    let mut plane = world.another_control_plane("away");
    // Controllers, which make the accounts of namespaces, take their time to heal.
    let namespace = |plane: &ControlPlane, name: &str| {
        let labels = json!({"istio-injection": "enabled"});
        let metadata = json!({"name": name, "labels": labels});
        apply(
            plane,
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
        )
        .ok();
    };
    let fill = |plane: &ControlPlane| {
        namespace(plane, "istio-system");
        apply(plane, &istiod("istiod", "1.26.0")).ok();
        apply(plane, &mesh_config("defaultConfig: {}")).ok();
    };
    fill(&plane);
    namespace(&plane, "first");
    let direct = Direct::start(&plane);
    let gates = |plane: &ControlPlane, namespace| direct.gates(plane, namespace).then_some(());
    wait_for("the mesh", || gates(&plane, "first"));

    plane.stop();
    direct
        .program
        .awaits("meshcheck_watch_failing{resource=\"namespaces\"} 1");
    assert!(direct.gates(&plane, "first") && direct.program.is_ready());
    plane.start_again(&world.assets);
    namespace(&plane, "second");
    wait_for("what came behind the outage", || gates(&plane, "second"));

    // Every version that a watch goes on from is ahead of the API server's.
    plane.forget(&world.assets);
    fill(&plane);
    namespace(&plane, "third");
    wait_for("what came behind the loss", || gates(&plane, "third"));
    let is_forgotten = || (!direct.gates(&plane, "first")).then_some(());
    wait_for("the loss of what was there before", is_forgotten);
    direct
        .program
        .awaits("meshcheck_watch_failing{resource=\"namespaces\"} 0");
}
