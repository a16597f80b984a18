//! One engine, two faces: every object of the fixtures, and of the whole corpus where it is at hand,
//! through the plugin and through the webhook.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request as HttpRequest;
use jiff::civil::date;
use meshcheck_rules::config::Policy;
use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Applicability, Engine, Mesh, Object, Place};
use meshcheck_webhook::handlers::{Limits, router};
use meshcheck_webhook::judge::{Judge, Updates, Webhook};
use meshcheck_webhook::metrics::Metrics;
use meshcheck_webhook::review::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

const AS_OF: &str = "2026-11-22";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// Every object that a rule looks at, once.
fn objects() -> Vec<Value> {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let mut files = Vec::new();
    collect(&fixtures(), &mut files);
    if whole.is_dir() {
        collect(&whole, &mut files);
    }
    let engine = engine();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for file in files {
        let stream = Stream::read(&fs::read(&file).expect("a fixture"), &Options::default());
        for document in &stream.documents {
            for object in Object::all(&document.value) {
                let value = object.root.value().clone();
                if engine.looks_at(&object) && seen.insert(value.to_string()) {
                    found.push(value);
                }
            }
        }
    }
    found
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if !path.ends_with("expected") {
            files.push(path);
        }
    }
}

fn engine() -> Engine {
    Run::default().engine()
}

/// How both programs are run.
#[derive(Default)]
struct Run {
    policy: Policy,
    /// The options of the plugin that say the same.
    options: Vec<String>,
}

impl Run {
    fn engine(&self) -> Engine {
        Engine::new(
            date(2026, 11, 22),
            self.policy.clone(),
            Releases::embedded(),
        )
    }

    fn judge(&self) -> Judge {
        let judge = Judge::new(Settings::default(), Some(date(2026, 11, 22)), Updates::All);
        judge.replace_policy(self.policy.clone());
        judge
    }

    fn plugin(&self, arguments: &[&str], input: &Value) -> Output {
        let options = self.options.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.iter().copied().chain(options).collect();
        plugin(&arguments, input.to_string().as_bytes())
    }
}

fn plugin(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-meshcheck"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the plugin starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input)
        .expect("the plugin reads");
    child.wait_with_output().expect("the plugin ends")
}

fn request(object: &Value) -> Request {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let review = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1",
            "kind": {"group": group, "version": version, "kind": object["kind"]},
            "namespace": object["metadata"]["namespace"],
            "operation": "CREATE",
            "object": object,
        },
    });
    Request::parse(review.to_string().as_bytes()).expect("a review")
}

/// Rule and severity of every finding, sorted: the plugin goes by place, the webhook by rule.
type Summary = Vec<(String, String)>;

fn plugin_summary(object: &Value, run: &Run) -> (Summary, Vec<String>, usize) {
    let output = run.plugin(&["-o", "json", "--as-of", AS_OF, "-"], object);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut findings = report["findings"].as_array().expect("findings").clone();
    // What is said of the policy itself is not said of an object.
    findings.retain(|finding| finding["object"]["kind"] != "Policy");
    let suppressed = report["suppressed"].as_array().expect("findings");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let mut summary: Summary = findings
        .iter()
        .map(|finding| (text(finding, "rule"), text(finding, "severity")))
        .collect();
    summary.sort();
    let safe = findings
        .iter()
        .filter(|finding| finding["fix"]["applicability"] == "safe")
        .count();
    let mut left_out: Vec<String> = suppressed.iter().map(|f| text(f, "rule")).collect();
    left_out.sort();
    (summary, left_out, safe)
}

/// One object through both programs; what differs, if anything does.
fn compare(object: &Value, run: &Run, judge: &Judge, engine: &Engine) -> Result<(), String> {
    // No API server ever sees Helm values.
    if object["kind"].is_null() {
        return Ok(());
    }
    let (told, left_out, safe) = plugin_summary(object, run);
    let request = request(object);
    let verdict = judge.judge(Webhook::Validate, &request);
    let mut judged: Summary = verdict
        .findings
        .iter()
        .map(|(rule, severity)| ((*rule).to_owned(), severity.to_string()))
        .collect();
    judged.sort();
    if told != judged {
        return Err(format!("findings: plugin {told:?}, webhook {judged:?}"));
    }
    let mut suppressed = verdict.suppressed;
    suppressed.sort_unstable();
    if left_out != suppressed {
        return Err(format!(
            "suppressed: plugin {left_out:?}, webhook {suppressed:?}"
        ));
    }
    let patch = judge.judge(Webhook::Mutate, &request).decision.patch;
    if safe == 0 && patch.is_none() {
        return Ok(());
    }
    let patch = patch.ok_or("the plugin has a safe fix, the webhook no patch")?;
    let mut patched = object.clone();
    json_patch::patch(&mut patched, &patch).map_err(|error| error.to_string())?;
    let fixed = run.plugin(&["--fix", "--as-of", AS_OF, "-"], object);
    let fixed: Value = serde_json::from_slice(&fixed.stdout).map_err(|error| error.to_string())?;
    if fixed != patched {
        return Err(format!(
            "the plugin's fix and the webhook's patch differ: {patch}"
        ));
    }
    let (mesh, place) = (Mesh::new(Settings::default()), Place::cluster());
    let again = engine.mend(&patched, &mesh, place, Applicability::Safe);
    if !again.patch.0.is_empty() {
        return Err(format!(
            "patched once, there is more to patch: {}",
            again.patch
        ));
    }
    Ok(())
}

#[test]
fn both_programs_say_the_same_of_every_object() {
    let objects = objects();
    assert!(objects.len() > 100, "only {} objects", objects.len());
    agree(&objects, &Run::default());
}

/// Levels, thresholds and ignores of both kinds.
const POLICY: &str = "\
apiVersion: meshcheck.dev/v1alpha1
kind: Policy
rules: {sidecar-start-not-gated: 'off', version-unsupported: warning}
keepalive: {max: 45m, target: 40m}
vendors: {aks: upstream}
forbid_ignore: [istiod-readiness-missing]
ignores:
- {rule: kubernetes-incompatible, reason: a test}
- {rule: version-unknown, reason: a test, kind: Deployment, name: 'istio*'}
- {rule: gateway-readiness-missing, reason: a test, until: 2026-11-21}
";

#[test]
fn both_programs_say_the_same_under_a_policy() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), POLICY).expect("a policy");
    let run = Run {
        policy: Policy::parse(POLICY.as_bytes()).expect("a policy"),
        options: vec!["--policy".to_owned(), file.path().display().to_string()],
    };
    let mut objects: Vec<Value> = objects().into_iter().step_by(5).collect();
    for (index, object) in objects.iter_mut().enumerate() {
        let ignore = [
            "version-unsupported: a test; istiod-readiness-missing: a test",
            "keepalive-age-unbounded until 2026-11-21: a test; keepalive-age-invalid",
        ][index % 2];
        if object["kind"].is_string() && object["metadata"].is_object() {
            object["metadata"]["annotations"] = json!({"meshcheck.dev/ignore": ignore});
        }
    }
    agree(&objects, &run);
}

fn agree(objects: &[Value], run: &Run) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let (judge, engine) = (run.judge(), run.engine());
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = compare(object, run, &judge, &engine) {
                        let title = format!("{} {}", object["kind"], object["metadata"]["name"]);
                        wrong
                            .lock()
                            .expect("no thread panicked")
                            .push(format!("{title}: {error}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no thread panicked");
    assert!(
        wrong.is_empty(),
        "{} objects differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Compares with a file of the fixtures, or writes it with `MESHCHECK_UPDATE=1`.
fn expect(file: &Path, actual: &str) {
    if std::env::var_os("MESHCHECK_UPDATE").is_some() {
        fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
        fs::write(file, actual).expect("it can be written");
        return;
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(
        expected,
        actual,
        "{} (MESHCHECK_UPDATE=1 rewrites it)",
        file.display()
    );
}

fn plugin_answer(outage: &str, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-meshcheck"))
        .args(["--as-of", AS_OF])
        .args(more)
        .args(
            fs::read_dir(fixtures().join("outages").join(outage))
                .expect("an outage")
                .filter_map(|entry| {
                    let name = entry.expect("an entry").file_name();
                    name.to_string_lossy().ends_with(".yaml").then_some(name)
                }),
        )
        .current_dir(fixtures().join("outages").join(outage))
        .env_clear()
        .output()
        .expect("the plugin runs");
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn webhook_answer(outage: &str, path: &str, settings: Settings) -> Value {
    let judge = Judge::new(settings, Some(date(2026, 11, 22)), Updates::All);
    let limits = Limits {
        body_bytes: 7 << 20,
        in_flight: 1,
        in_flight_bytes: 8 << 20,
        request_time: Duration::from_secs(10),
    };
    let router = router(Arc::new(judge), Arc::new(Metrics::default()), limits);
    let review =
        fs::read(fixtures().join("outages").join(outage).join("review.json")).expect("a review");
    let request = HttpRequest::post(path)
        .header("content-type", "application/json")
        .body(Body::from(review))
        .expect("a request");
    let answer = async {
        let response = router.oneshot(request).await.expect("an answer");
        axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    serde_json::from_slice(&runtime.block_on(answer)).expect("JSON")
}

fn outage_is_answered(outage: &str, kubernetes: Option<u32>) {
    let version = kubernetes.map(|minor| format!("1.{minor}"));
    let mut more: Vec<&str> = Vec::new();
    if let Some(version) = &version {
        more.extend(["--kubernetes-version", version]);
    }
    let settings = Settings {
        kubernetes: kubernetes.map(KubernetesVersion::one),
        istio: None,
    };
    let expected = fixtures().join("outages").join(outage).join("expected");
    expect(&expected.join("plugin.txt"), &plugin_answer(outage, &more));
    more.extend(["-o", "json"]);
    expect(&expected.join("plugin.json"), &plugin_answer(outage, &more));
    for path in ["validate", "mutate"] {
        let answer = webhook_answer(outage, &format!("/{path}"), settings.clone());
        let text = format!("{}\n", serde_json::to_string_pretty(&answer).expect("JSON"));
        expect(&expected.join(format!("{path}.json")), &text);
    }
}

#[test]
fn the_first_outage_is_caught_explained_and_mended() {
    outage_is_answered("stale-streams", None);
}

#[test]
fn the_second_outage_is_caught_and_explained() {
    outage_is_answered("standing-still", Some(22));
    let expected = fixtures().join("outages/standing-still/expected");
    for file in ["plugin.txt", "plugin.json", "validate.json"] {
        let text = fs::read_to_string(expected.join(file)).expect("an answer");
        for needle in [
            "networking.k8s.io/v1beta1",
            "admissionregistration.k8s.io/v1beta1",
            "Failed to list *v1beta1.Ingress",
        ] {
            assert!(text.contains(needle), "{file} does not name {needle}");
        }
    }
}
