//! A folder of one's own and the program in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The date that all expectations are for.
pub(crate) const AS_OF: &str = "--as-of=2026-11-22";

/// A temporary folder in which the program runs.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder }
    }

    /// A folder with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let sandbox = Self::new();
        for (name, text) in files {
            sandbox.write(name, text);
        }
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a name below the folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of text")
    }

    /// Names of all that lies directly in the folder, sorted.
    pub(crate) fn list(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The program, with nothing of the environment but what is set here.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-meshcheck"));
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program for the date of the tests.
    pub(crate) fn check(&self, arguments: &[&str]) -> Outcome {
        outcome(self.command(arguments).arg(AS_OF))
    }

    /// The same, with the report as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let outcome = outcome(self.command(arguments).args(["-o", "json", AS_OF]));
        let report = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        (outcome.code, report)
    }

    /// The same, with something on standard input.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut command = self.command(arguments);
        command.arg(AS_OF);
        pipe(&mut command, input)
    }
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("the program runs");
    Outcome {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Runs a command with something on standard input.
pub(crate) fn pipe(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("the program ends");
    // A program that does not read all of it is no failure of the test.
    let _ = writer.join().expect("the writer ends");
    Outcome {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The files named by the findings of a report, in their order, each once.
pub(crate) fn files_of(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list");
    let mut files: Vec<String> = findings
        .iter()
        .map(|finding| finding["file"].as_str().expect("a name").to_owned())
        .collect();
    files.dedup();
    files
}

/// Files of the project's fixtures.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/fixtures")
        .join(name)
}

/// An istiod whose streams live for 30 minutes: one error with a safe fix.
pub(crate) const ISTIOD: &str = r#"# the control plane
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istiod
  namespace: istio-system
  labels:
    app: istiod
spec:
  selector:
    matchLabels:
      app: istiod
  template:
    metadata:
      labels:
        app: istiod
    spec:
      containers:
        - name: discovery
          image: docker.io/istio/pilot:1.31.1
          args:
            - discovery
            - --keepaliveMaxServerConnectionAge
            - "30m"  # the chart's default
          readinessProbe:
            httpGet:
              path: /ready
              port: 8080
"#;

/// [`ISTIOD`] as it ought to be.
pub(crate) fn good_istiod() -> String {
    ISTIOD.replace("30m", "10m")
}

/// An istiod that does not start: one error with a fix that a person should look at.
pub(crate) fn invalid_istiod() -> String {
    ISTIOD.replace("30m", "30x")
}

/// An object that no rule looks at.
pub(crate) const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";

/// A template of a chart.
pub(crate) const TEMPLATE: &str =
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n";
