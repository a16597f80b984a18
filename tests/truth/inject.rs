//! Workloads under meshes against what the real injector made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use meshcheck_rules::finding::RelatedPlace;
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_rules::{Finding, Mesh, Object, Place, Severity, Source};

use crate::{engine, fixtures, headed_rows, yaml_files};

type Row = BTreeMap<String, String>;

/// The rules that speak of the start of an application and of its proxy's probes.
const FAMILY: &[&str] = &[
    "sidecar-start-not-gated",
    "sidecar-readiness-missing",
    "sidecar-readiness-misdirected",
    "hold-has-no-effect",
    "gateway-readiness-missing",
];

/// What a message says where the Pod cannot be created.
const REFUSED: &str = "refuses the Pod";

/// What follows from a row: the rules that must report, as errors or warnings, and whether the Pod
/// is refused.
#[derive(Debug, PartialEq)]
struct Verdict {
    rules: BTreeSet<&'static str>,
    refused: bool,
}

impl Verdict {
    /// From the columns alone.
    fn of_row(row: &Row) -> Self {
        let is = |column: &str, text: &str| row[column] == text;
        let mut rules = BTreeSet::new();
        if is("injected", "yes") {
            let is_native = is("native", "yes");
            if is("readiness", "none") || (is_native && is("startup", "none")) {
                rules.insert("sidecar-readiness-missing");
            }
            if !is("readiness", "none") && !row["readiness"].ends_with("/healthz/ready") {
                rules.insert("sidecar-readiness-misdirected");
            }
            // A native sidecar waits by its startup probe; the injector moves a proxy that holds to
            // the front.
            match row["app_start_gated"].as_str() {
                "no" if is_native => {}
                "no" if row["proxy_at"].starts_with("containers[0]") => {
                    rules.insert("hold-has-no-effect");
                }
                "no" => {
                    rules.insert("sidecar-start-not-gated");
                }
                _ => {}
            }
        }
        Self {
            rules,
            refused: is("injected", "refused"),
        }
    }

    /// From what the tool says. A setting that does nothing is told wherever it stands, so it counts
    /// only where `row` needs it.
    fn of_findings(findings: &[Finding], wanted: &Self) -> Self {
        let told = findings.iter().filter(|f| f.severity > Severity::Info);
        let refused = told
            .clone()
            .any(|f| f.severity == Severity::Error && f.message.contains(REFUSED));
        let rules = told
            .map(|finding| finding.rule)
            .filter(|rule| FAMILY.contains(rule))
            .filter(|rule| *rule != "hold-has-no-effect" || wanted.rules.contains(rule))
            .collect();
        Self { rules, refused }
    }
}

/// A file with the name under which its facts are known.
struct File {
    name: String,
    stream: Stream,
}

impl File {
    fn read(path: &Path) -> Self {
        let file = Self::of(path);
        let problems = &file.stream.problems;
        assert!(problems.is_empty(), "{}: {problems:?}", file.name);
        file
    }

    fn of(path: &Path) -> Self {
        let name = path.strip_prefix(fixtures()).unwrap_or(path);
        let name = name.to_string_lossy().into_owned();
        let stream = Stream::read(&fs::read(path).expect("a case"), &Options::default());
        Self { name, stream }
    }

    fn teach(&self, mesh: &mut Mesh) {
        for document in &self.stream.documents {
            for object in Object::all(&document.value) {
                let source = Source::Document {
                    file: self.name.as_str().into(),
                    document: document.index,
                    pointer: object.root.pointer(),
                    title: object.title().into(),
                };
                mesh.learn(&object, &source);
            }
        }
    }

    fn findings(&self, mesh: &Mesh) -> Vec<Finding> {
        let engine = engine();
        let documents = self.stream.documents.iter();
        let objects = documents.flat_map(|document| Object::all(&document.value));
        let reports = objects.map(|object| engine.check(&object, mesh, Place::file(&self.name)));
        let reports: Vec<_> = reports.collect();
        assert!(reports.iter().all(|report| report.crashed.is_empty()));
        reports.into_iter().flat_map(|r| r.findings).collect()
    }

    fn mentions(&self, word: &str) -> bool {
        self.stream.text.to_lowercase().contains(word)
    }
}

/// All rows, each with its workload and the documents of its mesh.
fn each_case(mut each: impl FnMut(&Row, &File, &File)) {
    let folder = fixtures().join("oracle/inject");
    let rows = headed_rows(&folder.join("expected.csv"));
    assert_eq!(rows.len(), 630);
    let mut meshes = BTreeMap::new();
    for row in &rows {
        let mesh = meshes.entry(row["mesh"].clone()).or_insert_with(|| {
            File::read(&folder.join("meshes").join(&row["mesh"]).join("mesh.yaml"))
        });
        let workload = File::read(&folder.join(&row["case"]).join("workload.yaml"));
        each(row, mesh, &workload);
    }
}

fn mesh_of(files: &[&File]) -> Mesh {
    let mut mesh = Mesh::new(Settings::default());
    for file in files {
        file.teach(&mut mesh);
    }
    mesh
}

/// With the documents of the mesh at hand, the verdict is the one that follows from what the injector
/// did; and no setting is called useless that nobody wrote.
#[test]
fn the_verdict_is_the_one_that_follows_from_injection() {
    let mut wrong = String::new();
    each_case(|row, mesh, workload| {
        let wanted = Verdict::of_row(row);
        let findings = workload.findings(&mesh_of(&[mesh, workload]));
        let mut told = Verdict::of_findings(&findings, &wanted);
        if wanted.refused {
            // What else is wrong with a Pod that is refused shows when it no longer is.
            told.rules.clear();
        }
        let speaks_of_hold = workload.mentions("hold") || workload.mentions("native-side");
        let is_useless = |f: &&Finding| f.rule == "hold-has-no-effect";
        let useless = findings.iter().any(|f| is_useless(&f));
        let lost = wanted.refused || wanted.rules.contains("hold-has-no-effect");
        if told != wanted || (useless && !speaks_of_hold && !lost) {
            let said: Vec<_> = findings
                .iter()
                .map(|f| (f.rule, f.severity, &f.message))
                .collect();
            let (case, mesh) = (&row["case"], &row["mesh"]);
            writeln!(wrong, "{case} in {mesh}: {wanted:?}, but {said:#?}").expect("a string");
        }
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Where the tool does not decide, it says what is missing, and that is so: the documents hold no
/// control plane of the revision that the pod belongs to. Nothing else is left undecided.
#[test]
fn what_is_not_decided_names_what_is_missing() {
    let mut undecided = BTreeSet::new();
    each_case(|row, mesh, workload| {
        let findings = workload.findings(&mesh_of(&[mesh, workload]));
        let unknown = findings
            .iter()
            .find(|f| f.rule == "sidecar-start-not-gated" && f.severity == Severity::Info);
        let Some(unknown) = unknown else { return };
        assert_eq!(row["injected"], "no", "{}: {unknown:?}", row["case"]);
        let message = &unknown.message;
        let missing = message
            .split("revision ")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_alphanumeric()).next())
            .unwrap_or_default();
        assert!(
            workload.mentions(&format!("istio.io/rev: {missing}")),
            "{message}"
        );
        assert!(!mesh.mentions(&format!("value: {missing}")), "{message}");
        assert!(message.contains("--istio-version"), "{message}");
        undecided.insert(row["case"].clone());
    });
    assert_eq!(undecided.len(), 1, "{undecided:?}");
}

/// A recording of the mesh gives the same verdicts as its documents, word for word but for where the
/// facts stand.
#[test]
fn a_recording_of_the_mesh_is_as_good_as_its_documents() {
    each_case(|row, mesh, workload| {
        let read = workload.findings(&mesh_of(&[mesh, workload]));
        let mut recalled = Mesh::default();
        let recording = mesh_of(&[mesh]).record();
        recalled
            .recall(&recording, &RECORDING.into())
            .expect("a recording");
        workload.teach(&mut recalled);
        let recorded = workload.findings(&recalled);
        assert_eq!(
            told(&read),
            told(&recorded),
            "{} {}",
            row["case"],
            row["mesh"]
        );
    });
}

/// The same for every real install: of all that its own documents say, a recording keeps what counts.
#[test]
fn a_recording_of_an_install_is_as_good_as_its_documents() {
    let mut paths = Vec::new();
    yaml_files(&fixtures().join("corpus"), &mut paths);
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if whole.is_dir() {
        yaml_files(&whole, &mut paths);
    }
    let mut with_facts = 0;
    for path in paths {
        let file = File::of(&path);
        let mesh = mesh_of(&[&file]);
        let recording = mesh.record();
        let mut recalled = Mesh::default();
        recalled
            .recall(&recording, &RECORDING.into())
            .expect("a recording");
        assert_eq!(recalled.record(), recording, "{}", file.name);
        let (read, recorded) = (file.findings(&mesh), file.findings(&recalled));
        assert_eq!(told(&read), told(&recorded), "{}", file.name);
        with_facts += usize::from(!mesh.facts().is_empty());
    }
    assert!(with_facts > 10, "only {with_facts} files hold facts");
}

const RECORDING: &str = "mesh.json";

/// Findings without the places of facts.
fn told(findings: &[Finding]) -> Vec<(&'static str, Severity, String, Vec<String>)> {
    let plain = |text: &str| {
        let recorded = format!("in {RECORDING} (recorded from ");
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(&recorded) {
            let (file, after) = behind.split_once(')').expect("it was opened");
            plain.extend([before, "in ", file]);
            rest = after;
        }
        plain + rest
    };
    let all = findings.iter().map(|finding| {
        let related = finding.related.iter().map(|related| {
            let at = match &related.at {
                RelatedPlace::Fact(source) => source.to_string(),
                RelatedPlace::Here(at) => format!("{at:?}"),
            };
            plain(&format!("{}: {at}", related.message))
        });
        let message = plain(&format!(
            "{} {:?} {:?}",
            finding.message, finding.at, finding.fix
        ));
        (finding.rule, finding.severity, message, related.collect())
    });
    all.collect()
}
