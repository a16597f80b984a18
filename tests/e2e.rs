//! The webhook on a real API server and beside a real Istio, as processes of this machine.
//!
//! The programs are in the folder that `KUBEBUILDER_ASSETS` names; `tests/e2e/assets.sh` builds one.
//! What cannot run without them is named as ignored, and fails where `MESHCHECK_E2E` is `required`.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// The tests of a file, each by its name and after what it needs.
macro_rules! tests {
    ($($needs:expr => $($name:ident),+;)+) => {
        pub(crate) const TESTS: &[crate::Test] = &[$($(crate::Test {
            name: stringify!($name),
            needs: $needs,
            run: $name,
        }),+),+];
    };
}

#[path = "e2e/applications.rs"]
mod applications;
#[path = "e2e/assets.rs"]
mod assets;
#[path = "e2e/audit.rs"]
mod audit;
#[path = "e2e/away.rs"]
mod away;
#[path = "e2e/certificates.rs"]
mod certificates;
#[path = "e2e/chart.rs"]
mod chart;
#[path = "webhook/client.rs"]
#[expect(dead_code, reason = "the tests of the wire use the rest")]
mod client;
#[path = "e2e/closed.rs"]
mod closed;
#[path = "e2e/config_maps.rs"]
mod config_maps;
#[path = "e2e/control_plane.rs"]
mod control_plane;
#[path = "e2e/doctor.rs"]
mod doctor;
#[path = "e2e/injection.rs"]
mod injection;
#[path = "e2e/install.rs"]
mod install;
#[path = "e2e/istio.rs"]
mod istio;
#[path = "e2e/kubectl.rs"]
mod kubectl;
#[path = "e2e/modes.rs"]
mod modes;
#[path = "e2e/outages.rs"]
mod outages;
#[path = "e2e/plugin.rs"]
mod plugin;
#[path = "e2e/process.rs"]
mod process;
#[path = "webhook/program.rs"]
#[expect(
    dead_code,
    reason = "the tests of the program without a cluster use the rest"
)]
mod program;
#[path = "e2e/render.rs"]
mod render;
#[path = "e2e/requests.rs"]
mod requests;
#[path = "webhook/reviews.rs"]
#[expect(dead_code, reason = "the tests of the wire use the rest")]
mod reviews;
#[path = "e2e/rollbacks.rs"]
mod rollbacks;
#[path = "e2e/rollout.rs"]
mod rollout;
#[path = "e2e/watch.rs"]
mod watch;
#[path = "e2e/webhook.rs"]
mod webhook;
#[path = "e2e/world.rs"]
mod world;

use assets::{Assets, Need};
use world::World;

/// A test and what it cannot do without.
struct Test {
    name: &'static str,
    needs: &'static [Need],
    run: fn(&World),
}

const SUITES: &[(&str, &[Test])] = &[
    ("render", render::TESTS),
    ("install", install::TESTS),
    ("closed", closed::TESTS),
    ("certificates", certificates::TESTS),
    ("audit", audit::TESTS),
    ("outages", outages::TESTS),
    ("requests", requests::TESTS),
    ("modes", modes::TESTS),
    ("applications", applications::TESTS),
    ("config_maps", config_maps::TESTS),
    ("chart", chart::TESTS),
    ("watch", watch::TESTS),
    ("away", away::TESTS),
    ("injection", injection::TESTS),
    ("rollbacks", rollbacks::TESTS),
    ("rollout", rollout::TESTS),
    ("doctor", doctor::TESTS),
];

fn main() -> ExitCode {
    if plugin::is_called() {
        return kubectl_meshcheck::run(std::env::args_os());
    }
    let mut arguments = Arguments::from_args();
    // Configurations of webhooks hold for a whole cluster, and there is one.
    arguments.test_threads = Some(1);
    match Assets::of_the_environment() {
        Ok(assets) => run_all(&arguments, assets),
        Err(wrong) => {
            tell(&wrong);
            ExitCode::from(2)
        }
    }
}

fn run_all(arguments: &Arguments, assets: Assets) -> ExitCode {
    let world = Arc::new(World::new(assets));
    let conclusion = libtest_mimic::run(arguments, trials(&world));
    let world = Arc::into_inner(world).expect("all tests are over");
    if let Some(kept) = world.end(conclusion.has_failed()) {
        tell(&format!("what was logged is in {}", kept.display()));
    }
    conclusion.exit_code()
}

#[expect(clippy::print_stderr, reason = "for the person who runs the tests")]
fn tell(text: &str) {
    eprintln!("{text}");
}

fn trials(world: &Arc<World>) -> Vec<Trial> {
    let tests = SUITES
        .iter()
        .flat_map(|(suite, tests)| tests.iter().map(move |test| (suite, test)));
    tests
        .map(|(suite, test)| {
            let world = Arc::clone(world);
            let run = move || run(test, &world);
            Trial::ignorable_test(format!("{suite}::{}", test.name), run)
        })
        .collect()
}

fn run(test: &Test, world: &World) -> Result<Completion, Failed> {
    match world.assets.missing(test.needs) {
        None => {
            (test.run)(world);
            Ok(Completion::Completed)
        }
        Some(why) if world.assets.are_required => Err(why.into()),
        Some(why) => Ok(Completion::ignored_with(why)),
    }
}
