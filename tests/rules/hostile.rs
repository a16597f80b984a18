//! A rule never fails: on objects with fields torn out or of another type it stays silent, and where
//! one breaks down all the same, the others go on.

use std::fmt;
use std::panic::{set_hook, take_hook};

use fastrand::Rng;
use meshcheck_rules::engine::Context;
use meshcheck_rules::finding::{Fix, op};
use meshcheck_rules::istio::workload::WORKLOADS;
use meshcheck_rules::rule::Findings;
use meshcheck_rules::{Applicability, Check, Engine, Mesh, Object, Rule, Severity};
use serde_json::Value;

use crate::case::{Case, all};
use crate::laws::{is_inside, places};

#[path = "hostile/damage.rs"]
mod damage;

/// Damaged copies of each object.
const COPIES: usize = 12;
/// Damages to a copy, at most.
const DAMAGES: usize = 4;
const SEED: u64 = 20_261_122;

/// `MESHCHECK_SEED` tries other damages, or those of a failure again, which names its seed.
fn seed() -> u64 {
    let told = std::env::var("MESHCHECK_SEED").ok();
    told.map_or(SEED, |text| {
        text.parse().expect("MESHCHECK_SEED is a number")
    })
}

#[test]
fn no_rule_fails_on_a_damaged_object() {
    let seed = seed();
    let mut rng = Rng::with_seed(seed);
    let mut copies = 0;
    let mut findings = 0;
    for case in all() {
        let engine = case.config.engine();
        let mesh = case.mesh();
        for document in &case.stream.documents {
            for object in Object::all(&document.value) {
                if !engine.looks_at(&object) {
                    continue;
                }
                for _ in 0..COPIES {
                    let mut value = object.root.value().clone();
                    for _ in 0..=rng.usize(..DAMAGES) {
                        damage::damage(&mut value, &mut rng);
                    }
                    let copy = Copy {
                        case,
                        engine: &engine,
                        value: &value,
                        seed,
                    };
                    findings += copy.assert_judged(&mesh);
                    findings += copy.assert_judged(&case.mesh_of_values([(0, &value)].into_iter()));
                    copy.assert_mended(&mesh);
                    copies += 1;
                }
            }
        }
    }
    assert!(copies > 1000, "only {copies} damaged objects");
    assert!(
        findings > copies / 4,
        "only {findings} findings in {copies}"
    );
}

/// A damaged copy of an object.
struct Copy<'a> {
    case: &'a Case,
    engine: &'a Engine,
    value: &'a Value,
    seed: u64,
}

impl Copy<'_> {
    /// No rule breaks down, and what they report stands in the object, as far as it is still there.
    fn assert_judged(&self, mesh: &Mesh) -> usize {
        let mut count = 0;
        for object in Object::all(self.value) {
            let report = self.engine.check(&object, mesh, self.case.place());
            assert!(report.crashed.is_empty(), "{:?}: {self}", report.crashed);
            let root = object.root.pointer();
            for finding in &report.findings {
                let outside = places(finding).find(|at| !is_inside(at, &root, self.value));
                assert!(outside.is_none(), "{} at {outside:?}: {self}", finding.rule);
                if let Some(fix) = &finding.fix {
                    let mut mended = self.value.clone();
                    let applied = json_patch::patch(&mut mended, &fix.patch);
                    assert!(applied.is_ok(), "{}: {applied:?}: {self}", finding.rule);
                }
            }
            count += report.findings.len();
        }
        count
    }

    /// What is mended stays mended.
    fn assert_mended(&self, mesh: &Mesh) {
        let mend = |value: &Value| {
            self.engine
                .mend(value, mesh, self.case.place(), Applicability::Unsafe)
        };
        let again = mend(&mend(self.value).value);
        assert!(again.patch.0.is_empty(), "{:?}: {self}", again.patch);
    }
}

impl fmt::Display for Copy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            case, value, seed, ..
        } = self;
        write!(f, "{} (MESHCHECK_SEED={seed}): {value}", case.name)
    }
}

static BREAKS_DOWN: Rule = rule("breaks-down", |_, _| panic!("on purpose"));
static GOES_ON: Rule = rule("goes-on", |cx, out| {
    out.report(cx.object.root.whole(), "seen");
});

static MENDS_NOTHING: Rule = rule("mends-nothing", |cx, out| {
    let root = &cx.object.root;
    let label = op::add_below(root, &["metadata", "labels", "seen"], Value::Bool(true));
    let fix = Fix::safe("add a label", vec![label]);
    out.report(root.whole(), "seen").fix(fix);
});

/// A fix that leaves its finding is taken back, and does not stand in the way of another.
#[test]
fn a_fix_that_mends_nothing_is_not_applied() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: istiod, labels: {app: istiod}}\nspec:\n  \
                containers:\n  - name: discovery\n    image: istio/pilot:1.31.1\n    args: \
                [discovery, --keepaliveMaxServerConnectionAge=30m]\n";
    let case = Case::new("pod.yaml", text.as_bytes(), crate::case::Config::default());
    let too_long = meshcheck_rules::rules::find("keepalive-age-too-long").expect("a rule");
    let value = &case.stream.documents[0].value;
    for rules in [
        vec![&MENDS_NOTHING, too_long],
        vec![too_long, &MENDS_NOTHING],
    ] {
        let engine = case.config.engine().with_rules(rules);
        let mended = engine.mend(value, &case.mesh(), case.place(), Applicability::Safe);
        let fixed: Vec<&str> = mended.fixed.iter().map(|finding| finding.rule).collect();
        assert_eq!(fixed, [too_long.id]);
        assert_eq!(mended.patch.0.len(), 1);
        assert_eq!(mended.value.pointer("/metadata/labels/seen"), None);
    }
}

const fn rule(id: &'static str, check: fn(&Context<'_>, &mut Findings)) -> Rule {
    Rule {
        id,
        summary: "for the test",
        page: "",
        severity: Severity::Error,
        since: "0.1.0",
        kinds: WORKLOADS,
        fix: None,
        aliases: &[],
        check: Check::Object(check),
    }
}

#[test]
fn a_rule_that_breaks_down_does_not_stop_the_others() {
    // The report of the panic would only confuse whoever reads the output of the tests.
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some("on purpose") {
            usual(info);
        }
    }));
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}\n";
    let case = Case::new("pod.yaml", text.as_bytes(), crate::case::Config::default());
    let engine = case
        .config
        .engine()
        .with_rules(vec![&BREAKS_DOWN, &GOES_ON, &BREAKS_DOWN]);
    let objects = Object::all(&case.stream.documents[0].value);
    let report = engine.check(&objects[0], &case.mesh(), case.place());
    assert_eq!(report.crashed, ["breaks-down", "breaks-down"]);
    let said: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(said, ["goes-on"]);
}
