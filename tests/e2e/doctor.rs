//! `kubectl meshcheck doctor`: on sound installations, and on broken ones.

use crate::assets::KUBERNETES;
use crate::plugin::{doctor, run};
use crate::webhook::Webhook;
use crate::world::World;

tests! {
    KUBERNETES =>
        a_webhook_at_a_url_is_healthy;
}

fn a_webhook_at_a_url_is_healthy(world: &World) {
    let plane = world.control_plane();
    let _webhook = Webhook::install(plane, &[]);
    let said = run(&plane.kubectl, &["doctor"]);
    eprintln!("{}{}", said.stdout, said.stderr);
    let report = doctor(&plane.kubectl, &[]);
    assert_eq!((report.code, report.problems()), (0, vec![]));
}
