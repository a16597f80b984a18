//! Documents that are read together, with what is known about the mesh around them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use jiff::civil::{Date, date};
use meshcheck_rules::config::{API_VERSION, KIND, Policy};
use meshcheck_rules::istio::version::{KubernetesVersion, Version};
use meshcheck_rules::mesh::Settings;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::update::{Before, State};
use meshcheck_rules::yaml::{Document, Options, Stream, value_of};
use meshcheck_rules::{Engine, Mesh, Object, Place, Report, Rule, Source};
use serde_json::Value;

use crate::page::{Kind, Page};

/// What a page's `config` block may set.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) as_of: Date,
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            as_of: date(2026, 11, 22),
            settings: Settings::default(),
            policy: Policy::default(),
        }
    }
}

impl Config {
    /// Reads a `config` block.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let value = value_of(text).map_err(|problem| problem.message)?;
        let mut config = Self::default();
        let Value::Object(members) = value else {
            return Err("it is no mapping".to_owned());
        };
        for (key, value) in &members {
            if key == "policy" {
                config.policy = policy(value)?;
                continue;
            }
            let text = value
                .as_str()
                .ok_or_else(|| format!("`{key}` is no text: quote it"))?;
            let bad = || format!("`{key}` cannot be {text:?}");
            match key.as_str() {
                "asOf" => config.as_of = text.parse().map_err(|_| bad())?,
                "kubernetesVersion" => {
                    let version = KubernetesVersion::parse(text).ok_or_else(bad)?;
                    config.settings.kubernetes = Some(version);
                }
                "istioVersion" => {
                    config.settings.istio = Some(Version::parse(text).ok_or_else(bad)?);
                }
                _ => return Err(format!("`{key}` is no setting")),
            }
        }
        Ok(config)
    }

    /// An engine for the date, with all rules.
    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.as_of, self.policy.clone(), Releases::embedded())
    }

    /// An engine for the date, with one rule; those about ignores need the others.
    pub(crate) fn engine_with(&self, rule: &'static Rule) -> Engine {
        if rule.id.starts_with("ignore-") {
            return self.engine();
        }
        self.engine().with_rules(vec![rule])
    }
}

/// A policy without the two members that are the same in all.
fn policy(value: &Value) -> Result<Policy, String> {
    let mut whole = serde_json::json!({"apiVersion": API_VERSION, "kind": KIND});
    if let (Value::Object(whole), Value::Object(members)) = (&mut whole, value) {
        whole.extend(members.clone());
    }
    Policy::parse(whole.to_string().as_bytes()).map_err(|problems| format!("{problems:?}"))
}

/// Documents that were read together.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) stream: Stream,
    pub(crate) config: Config,
    /// What was there before, where the documents are an update.
    pub(crate) before: Option<State>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, bytes: &[u8], config: Config) -> Self {
        Self {
            name: name.into(),
            stream: Stream::read(bytes, &Options::default()),
            config,
            before: None,
        }
    }

    /// The same documents as an update of others.
    pub(crate) fn since(mut self, text: &str) -> Self {
        let old = Self::new("before.yaml", text.as_bytes(), self.config.clone());
        assert!(
            old.stream.problems.is_empty(),
            "{}: {:?}",
            self.name,
            old.stream.problems
        );
        let mut state = State::new(old.mesh());
        for document in old.stream.documents {
            let (place, below) = (Place::file("before.yaml"), Arc::from(""));
            state.add(document.value, place, &below, |object| Source::Document {
                file: Arc::from("before.yaml"),
                document: document.index,
                pointer: object.root.pointer(),
                title: object.title().into(),
            });
        }
        self.before = Some(state);
        self
    }

    /// What the rules of an engine say of one object.
    pub(crate) fn check(&self, engine: &Engine, mesh: &Mesh, object: &Object<'_>) -> Report {
        let Some(state) = &self.before else {
            return engine.check(object, mesh, self.place());
        };
        let stored = state.replaced_by(object, "");
        let old = stored.and_then(|stored| Some((stored.object()?, &stored.source)));
        let before = Before {
            object: old.as_ref().map(|(object, source)| (object, *source)),
            mesh: Some((state.mesh(), Place::file("before.yaml"))),
        };
        engine.check_update(object, before, mesh, self.place())
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place::file(&self.name)
    }

    /// The mesh that the documents form.
    pub(crate) fn mesh(&self) -> Mesh {
        self.mesh_of(self.stream.documents.iter())
    }

    /// The mesh that these documents form, learned in this order.
    pub(crate) fn mesh_of<'d>(&self, documents: impl Iterator<Item = &'d Document>) -> Mesh {
        let values = documents.map(|document| (document.index, &document.value));
        self.mesh_of_values(values)
    }

    /// The mesh that these values form, each with the index of its document.
    pub(crate) fn mesh_of_values<'v>(
        &self,
        values: impl Iterator<Item = (usize, &'v Value)>,
    ) -> Mesh {
        let mut mesh = Mesh::new(self.config.settings.clone());
        for (document, value) in values {
            for object in Object::all(value) {
                let source = Source::Document {
                    file: Arc::from(self.name.as_str()),
                    document,
                    pointer: object.root.pointer(),
                    title: object.title().into(),
                };
                mesh.learn(&object, &source);
            }
        }
        mesh
    }

    /// The mesh that the documents form when one of them has another value.
    pub(crate) fn mesh_with(&self, index: usize, value: &Value) -> Mesh {
        let documents = self.stream.documents.iter();
        self.mesh_of_values(documents.map(|document| {
            let value = if document.index == index {
                value
            } else {
                &document.value
            };
            (document.index, value)
        }))
    }
}

pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where the rules and their pages are.
pub(crate) fn rules_folder() -> PathBuf {
    project().join("rules/src/rules")
}

/// The rule's page.
pub(crate) fn page_of(rule: &Rule) -> Page {
    Page::parse(&format!("{}.md", rule.id), rule.page).unwrap_or_else(|problem| panic!("{problem}"))
}

/// The rule's page, and its further cases where it has some.
pub(crate) fn pages_of(rule: &Rule) -> Vec<Page> {
    let mut pages = vec![page_of(rule)];
    let name = format!("{}.cases.md", rule.id);
    if let Ok(text) = fs::read_to_string(rules_folder().join(&name)) {
        pages.push(Page::parse(&name, &text).unwrap_or_else(|problem| panic!("{problem}")));
    }
    pages
}

/// All that there is to judge: every manifest of the fixtures and every block of the pages.
pub(crate) fn all() -> &'static [Case] {
    static ALL: OnceLock<Vec<Case>> = OnceLock::new();
    ALL.get_or_init(read_all)
}

fn read_all() -> Vec<Case> {
    let mut files = Vec::new();
    collect(&project().join("tests/fixtures"), &mut files);
    let mut cases: Vec<Case> = files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).expect("a file that was listed just now");
            Case::new(file.to_string_lossy(), &bytes, Config::default())
        })
        .collect();
    assert!(cases.len() > 80, "the fixtures are gone");
    cases.extend(blocks());
    cases
}

/// The pages of the installers.
pub(crate) fn installer_pages() -> Vec<Page> {
    let mut files = Vec::new();
    let folder = project().join("docs/installers");
    for entry in fs::read_dir(folder).expect("the pages of the installers") {
        files.push(entry.expect("an entry").path());
    }
    files.sort();
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a page");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Page::parse(&format!("installers/{name}"), &text)
            .unwrap_or_else(|problem| panic!("{problem}"))
    };
    files.iter().map(read).collect()
}

/// Every block of the pages that holds manifests.
pub(crate) fn blocks() -> Vec<Case> {
    let mut cases = Vec::new();
    let rules = meshcheck_rules::rules::ALL.iter();
    for page in rules
        .flat_map(|rule| pages_of(rule))
        .chain(installer_pages())
    {
        let mut config = Config::default();
        for block in &page.blocks {
            match block.kind {
                Kind::Config => {
                    config = Config::read(&block.text)
                        .unwrap_or_else(|why| panic!("{}:{}: {why}", page.file, block.line));
                }
                Kind::Error(_) | Kind::Ok | Kind::Fixed { .. } => cases.push(Case::new(
                    format!("{}:{}", page.file, block.line),
                    block.text.as_bytes(),
                    config.clone(),
                )),
                Kind::Old | Kind::RunError | Kind::RunOk | Kind::Shown => {}
            }
        }
    }
    cases
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder of the project");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if !matches!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("md" | "csv")
        ) {
            files.push(path);
        }
    }
}
